"""The commands of README and docs/api.md, word for word but for the addresses: each answers what stands under it."""
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from daemon import BINARY, ROOT
from shell_blocks import blocks, commands

def page(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


README, API = page("README.md"), page("docs/api.md")
ASKED = [c for block in blocks(README) for c in commands(block) if c.text.startswith("curl ") and "localhost:8080" in c.text]
LIMITS = "Limits in 60 seconds"


def check_answer(told, body):
    """Every piece of the comment, in its order; `...` stands for what lies between."""
    at = 0
    for piece in (p.strip() for p in told.split("...")):
        found = body.find(piece, at)
        assert found >= 0, f"{piece!r} is not in what follows {body[:at][-60:]!r}: {body}"
        at = found + len(piece)


def test_readme_asks_every_kind_of_model():
    assert len(ASKED) >= 8
    assert all(c.answer for c in ASKED), "a curl line without what its answer has"


def body_of(command, daemon):
    line = command.text.replace("localhost:8080", f"localhost:{daemon.port}").replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)
    out = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert out.returncode == 0, out.stderr
    body, status = out.stdout.rsplit("\n", 1)
    assert status == "200", out.stdout
    return body


@pytest.mark.parametrize("command", ASKED, ids=lambda c: re.search(r"localhost:8080(\S*)", c.text).group(1))
def test_curl_line(daemon, command):
    check_answer(command.answer, body_of(command, daemon))


def test_the_dry_run_of_api_md(daemon):
    """Its answer is the one that is shown there, but for the limits of a key and the waits."""
    asked, = commands(blocks(API)[0])
    got, shown = json.loads(body_of(asked, daemon)), json.loads(blocks(API, kind="json")[0])
    passing = ("limits", "predicted_wait_ms", "queue_position")
    assert got.keys() == shown.keys() and got["predicted_wait_ms"].keys() == shown["predicted_wait_ms"].keys()
    assert {k: v for k, v in got.items() if k not in passing} == {k: v for k, v in shown.items() if k not in passing}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def run_pasted(text, folder):
    """Output and error of a shell that gets the text as one and then ends its jobs; whatever it started ends with it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
    shell = subprocess.Popen(["bash", "-c", text + "\nkill $(jobs -p) 2>/dev/null; wait"], cwd=folder, env=clean, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        return shell.communicate(timeout=200)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        pytest.fail(f"it did not end: {shell.communicate()}")


def test_limits_in_60_seconds(tmp_path):
    """The section is pasted as one, in a folder that looks like the tree."""
    block, = blocks(README, LIMITS)
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/weir").symlink_to(os.path.abspath(BINARY))
    (tmp_path / "models").symlink_to(os.path.join(ROOT, "models"))
    shown, errors = run_pasted(re.sub("^curl", "echo; curl -sS", block.replace("8081", free_port()), flags=re.M), tmp_path)
    told = [c.answer for c in commands(block) if c.answer]
    assert len(told) == 4
    for answer in told:
        check_answer(answer, shown)
    assert "HTTP/1.1 429" in shown and shown.count('"choices"') == 2, shown + errors
    assert "sk-weir-" not in shown + errors
