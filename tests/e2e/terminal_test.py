"""`weir chat` and `weir models` as a person at a terminal and as a script uses them, and what a daemon tells of itself when it is ready."""
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest
import requests

from daemon import BINARY, CHAT, ROOT, TRANSLATOR, VECTORS, Daemon

TINY = os.path.join(ROOT, "tests/golden/tiny")
TALKER = os.path.join(TINY, "llama-gqa-tied")  # with a chat template: it talks nonsense, at once, until its context ends
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of a tiny model without a chat template."""
    folder = tmp_path_factory.mktemp("models") / "base"
    shutil.copytree(TALKER, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["chat_template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.fixture(scope="module")
def keyed(base):
    """A daemon that wants a key: a model that chats, one without a template, one that makes vectors, one that cannot be loaded."""
    models = [f"talker={TALKER}", f"base={base}", f"reader={TINY}/bert-mean", "broken=/nowhere"]
    with Daemon(*(word for m in models for word in ("--model", m)), "--api-key", "test-secret") as running:
        yield running.ready()


def weir(*args, said="", env=None):
    return subprocess.run([BINARY, *args], input=said, capture_output=True, text=True, timeout=120, env={**CLEAN, **(env or {})})


def at(daemon):
    return "--port", str(daemon.port)


def with_key(daemon):
    return *at(daemon), "--api-key", "test-secret"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def gone(pid, seconds=20):
    """Whether the process ends; one that nobody waits for yet has ended too."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


class Terminal:
    """The program at a terminal of its own; `seen` is what stands on the screen."""

    def __init__(self, *args, env=None):
        self.seen = ""
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execve(BINARY, [BINARY, *args], {**CLEAN, "TERM": "xterm", **(env or {})})

    def see(self, pattern, seconds=60):
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < until, f"no {pattern!r} on the screen:\n{self.seen}"
            if select.select([self.screen], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.screen, 4096).decode(errors="replace")
                except OSError:  # it has ended
                    time.sleep(0.02)
        self.seen = self.seen[found.end():]
        return found

    def type(self, keys):
        os.write(self.screen, keys.encode())

    def end(self, seconds=20):
        """Its exit code."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise AssertionError(f"it does not end:\n{self.seen}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.screen)


def test_models_of_a_daemon(daemon):
    out = weir("models", *at(daemon))
    assert out.returncode == 0, out.stderr
    rows = [re.split(r"  +", line) for line in out.stdout.splitlines()]
    assert rows == [["name", "kind", "tasks", "context", "state"],
                    [CHAT, "generate", "generate", "8192", "ready"],
                    [VECTORS, "embed", "embed, classify, tag", "256", "ready"],
                    [TRANSLATOR, "encoder-decoder", "generate", "128 + 512", "ready"]]


def test_models_that_a_key_may_not_ask_are_told_only_by_their_state(keyed):
    out = weir("models", *with_key(keyed))
    assert out.returncode == 0, out.stderr
    assert [line.split()[0] for line in out.stdout.splitlines()] == ["name", "talker", "base", "reader", "broken"]
    assert re.search(r"broken +- +- +- +failed: .*nowhere", out.stdout)
    refused = weir("models", *at(keyed))
    assert refused.returncode == 1 and refused.stdout == ""
    assert "wants a key: give it by --api-key KEY or WEIR_API_KEY" in refused.stderr
    assert weir("models", *at(keyed), env={"WEIR_API_KEY": "test-secret"}).returncode == 0


def test_chat_through_a_pipe(daemon):
    out = weir("chat", *at(daemon), "--max-tokens", "24", said="Name three rivers.\n\nAnd three more.\n")
    assert out.returncode == 0, out.stderr
    assert len(out.stdout.split()) > 2
    assert ">" not in out.stderr and "Ctrl-C" not in out.stderr
    told = re.findall(r"^\[\d+ tokens, [\d.]+ tokens/s, the first after [\d.]+ s.*\]$", out.stderr, re.M)
    assert len(told) == 2 and out.stderr.count("\n") == 2, out.stderr


def test_what_is_said_before_is_sent_again(keyed):
    one = weir("chat", "talker", *with_key(keyed), "--max-tokens", "1", said="a\n")
    three = weir("chat", "talker", *with_key(keyed), "--max-tokens", "1", "--system", "be brief", said="a\nb\nc")
    assert one.returncode == three.returncode == 0, one.stderr + three.stderr
    assert three.stderr.count("[1 token") == 3
    full = weir("chat", *with_key(keyed), said="a\nb\nc\n")
    assert full.returncode == 1, "the first answer takes the whole context"
    assert full.stderr.count("cut at the most tokens") == 1 and re.search(r"^weir: .*tokens", full.stderr, re.M)


@pytest.mark.parametrize("said,words", [
    (["chat", "reader"], ["makes embeddings", "those that may chat: talker, base"]),
    (["chat", "base"], ["has no chat template"]),
    (["chat", "talkr"], ["serves no model talkr; did you mean talker?", "It serves talker, base, reader"]),
    (["chat", "nonsense"], ["serves no model nonsense; it serves talker, base, reader"]),
    (["chat", "broken"], ["model broken cannot be loaded", "/nowhere"]),
    (["chat", "--system", "\udcff"], ["--system is not UTF-8"]),
])
def test_wrong_models_are_told(keyed, said, words):
    out = weir(*said, *with_key(keyed), said="Hi\n")
    assert (out.returncode, out.stdout) == (1, "")
    assert out.stderr.startswith("weir: ") and out.stderr.count("\n") == 1, out.stderr
    for word in words:
        assert word in out.stderr


def test_the_translator_takes_no_conversation(daemon):
    out = weir("chat", TRANSLATOR, *at(daemon), said="Hi\n")
    assert out.returncode == 1
    assert f"{TRANSLATOR}\" is an encoder-decoder and takes no messages" in out.stderr
    assert f"those that may chat: {CHAT}" in out.stderr


def test_without_a_daemon_it_says_what_to_do():
    for command in ("chat", "models"):
        out = weir(command, "--port", free_port(), said="Hi\n")
        assert out.returncode == 1
        assert "no daemon answers at http://127.0.0.1:" in out.stderr
    assert "weir serve" in weir("chat", "--port", free_port()).stderr
    wrong = weir("chat", *("--host", "nonsense.invalid"), said="Hi\n")
    assert wrong.returncode == 1 and "nonsense.invalid" in wrong.stderr
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        assert weir("models", "--port", str(silent.getsockname()[1])).returncode == 1


def test_a_wrong_key_is_told(keyed):
    out = weir("chat", *at(keyed), "--api-key", "other", said="Hi\n")
    assert out.returncode == 1
    assert "wants a key: give it by --api-key KEY or WEIR_API_KEY (" in out.stderr


def test_rubbish_is_no_message(keyed):
    out = subprocess.run([BINARY, "chat", *with_key(keyed)], input=b"\xff\xfe\n", capture_output=True, timeout=60, env=CLEAN)
    assert out.returncode == 1 and out.stderr == b"weir: the message is not UTF-8\n"
    assert weir("chat", *with_key(keyed), said="").returncode == 0
    assert weir("chat", *with_key(keyed), said=" \n\t\n").stdout == ""


def test_a_reader_that_leaves_ends_it(daemon):
    chat = subprocess.Popen([BINARY, "chat", *at(daemon)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN)
    chat.stdin.write(b"Write a long story about a river.\n")
    chat.stdin.flush()
    assert chat.stdout.read(1)
    chat.stdout.close()
    assert chat.wait(30) == 1
    daemon.idle()
    chat.stdin.close()
    chat.stderr.close()


def test_ctrl_c_stops_an_answer_and_then_ends(daemon):
    with Terminal("chat", CHAT, *at(daemon)) as chat:
        chat.see(f"Chat with {CHAT} at http://127.0.0.1:{daemon.port}")
        chat.see("> $")
        chat.type("Write a very long story about a river and its mill.\n")
        chat.see(r"mill\.\r\n(?s:.{10})")
        daemon.running(1)
        chat.type("\x03")
        chat.see(r"\[\d+ tokens.*; stopped\]")
        daemon.idle()
        chat.see("> $")
        chat.type("/new\nSay: yes\n")
        chat.see(r"tokens/s, the first after [\d.]+ s\]\r\n> $")
        chat.type("half a line\x03")
        assert chat.end() == 130


def test_ctrl_d_ends(daemon):
    with Terminal("chat", *at(daemon)) as chat:
        chat.see("> $")
        chat.type("\x04")
        assert chat.end() == 0


def test_an_error_does_not_end_a_chat_of_a_person(keyed):
    with Terminal("chat", "talker", *with_key(keyed)) as chat:
        chat.see("> $")
        chat.type("a " * 400 + "\n")
        chat.see("weir: .*tokens")
        chat.see("> $")
        chat.type("a\n")
        chat.see(r"cut at the most tokens\]\r\n> $")
        chat.type("\x04")
        assert chat.end() == 0


def test_a_daemon_that_dies_in_an_answer_is_told():
    with Daemon("--model", f"talker={TALKER}", "--model", f"{CHAT}={os.path.join(ROOT, 'models/downloaded', CHAT)}") as dying:
        dying.ready()
        with Terminal("chat", CHAT, *at(dying)) as chat:
            chat.see("> $")
            chat.type("Write a very long story about a river.\n")
            chat.see(r"river\.\r\n(?s:.{10})")
            dying.stop(signal.SIGKILL)
            chat.see("weir: the answer of http://127.0.0.1:.* broke off")
            chat.see("> $")
            chat.type("Hello?\n")
            chat.see("weir: no daemon answers at")


def test_a_daemon_of_its_own():
    out = weir("chat", "--port", free_port(), "--model", f"mine={TALKER}", "--max-tokens", "5", said="Hi\n")
    assert out.returncode == 0, out.stderr
    assert "[5 tokens" in out.stderr and out.stdout
    folder = weir("chat", TALKER, "--port", free_port(), "--max-tokens", "5", said="Hi\n")
    assert folder.returncode == 0 and "[5 tokens" in folder.stderr, folder.stderr
    named = weir("chat", "mine", "--port", free_port(), "--max-tokens", "5", said="Hi\n", env={"WEIR_MODEL": f"mine={TALKER};reader={TINY}/bert-mean"})
    assert named.returncode == 0 and "[5 tokens" in named.stderr, named.stderr


@pytest.mark.parametrize("args,words", [
    (["--model", "x=/nowhere"], ["its own daemon did not start", "\"/nowhere\" is no folder"]),
    (["--model", f"x={TINY}/bert-mean"], ["none of the models at", "can chat: x"]),
    (["--model", "x=/nowhere,nonsense=1"], ["nonsense"]),
])
def test_a_daemon_of_its_own_that_cannot_serve_is_told(args, words):
    out = weir("chat", "--port", free_port(), *args, said="Hi\n")
    assert (out.returncode, out.stdout) == (1, "")
    for word in words:
        assert word in out.stderr, out.stderr


def test_a_running_daemon_goes_before_one_of_its_own(keyed):
    out = weir("chat", "talker", *with_key(keyed), "--model", f"talker={TALKER}", "--max-tokens", "2", said="Hi\n")
    assert out.returncode == 0
    assert f"asks the daemon at http://127.0.0.1:{keyed.port}; --model and --models-dir are for one of its own" in out.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_daemon_of_its_own_ends_with_it(how):
    with Terminal("chat", "--port", free_port(), "--model", f"mine={TALKER}") as chat:
        chat.see("> $")
        (own,) = children(chat.pid)
        with open(f"/proc/{own}/cmdline", encoding="utf-8") as f:
            assert "serve" in f.read().split("\0")
        os.kill(chat.pid, how)
        assert chat.end() == (-how if how == signal.SIGKILL else 128 + how)
        assert gone(own)


def test_its_own_daemon_serves_nobody_else():
    with Terminal("chat", "--port", free_port(), "--model", f"mine={TALKER}") as chat:
        url = re.search(r"(http://127.0.0.1:\d+)", chat.see(r"Chat with mine at http://\S+\d\. ").group(0)).group(1)
        assert requests.get(url + "/v1/models", timeout=10).status_code == 401
        chat.type("\x04")
        assert chat.end() == 0


def calls_of(daemon):
    """The commands that a daemon's log shows when it is ready."""
    assert daemon.logs("try: curl")
    time.sleep(0.2)
    log = "".join(daemon.log)
    return re.findall(r"^try: (curl (?:.*\\\n)?.*)$", log, re.M)


def run_shell(command, **env):
    out = subprocess.run(["bash", "-c", command.replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)], capture_output=True, text=True,
                         timeout=120, env={**CLEAN, **env})
    assert out.returncode == 0, out.stderr
    body, status = out.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


def test_a_ready_daemon_shows_calls_that_work(daemon):
    calls = calls_of(daemon)
    paths = [re.search(r"localhost:\d+(\S+)", call).group(1) for call in calls]
    assert paths == ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/classify", "/v1/tag"]
    for call in calls:
        assert max(map(len, ("try: " + call).split("\n"))) <= 120
        status, answer = run_shell(call)
        assert status == 200, answer
    assert daemon.logs("no key is needed")
    assert daemon.logs(f"model {CHAT}: the cache has ")
    assert daemon.logs(f"model {VECTORS} is ready: BertModel, float32, 256 tokens"), daemon.tail()


def test_calls_of_a_daemon_with_keys_have_the_header(keyed):
    assert keyed.logs("requests need a key")
    for call in calls_of(keyed):
        assert run_shell(call)[0] == 401
        assert run_shell(call, WEIR_API_KEY="test-secret")[0] == 200


def test_a_wildcard_is_shown_as_localhost_and_json_has_no_calls():
    args = ["--model", f"reader={TINY}/bert-mean", "--host", "0.0.0.0", "--insecure-no-auth"]
    with Daemon(*args) as running:
        (call,) = calls_of(running.ready())
        assert f"localhost:{running.port}/v1/embeddings" in call
        assert run_shell(call)[0] == 200
    with Daemon(*args, "--log-format", "json") as running:
        assert running.logs("all models are ready", seconds=60)
        assert not any("try:" in line for line in running.log)
