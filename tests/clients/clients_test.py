"""Runs each client program of this folder, in its own environment, against one daemon."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))
from daemon import CHAT, MODELS, ROOT, VECTORS, Daemon, model  # noqa: E402

ENVIRONMENTS = os.path.join(os.environ.get("WEIR_DEPS_DIR", os.path.join(ROOT, ".deps")), "clients")
PROGRAMS = sorted(name for name in os.listdir(HERE) if os.path.exists(os.path.join(HERE, name, "client.py")))


def environment(name):
    """The program's Python, with exactly what its requirements.txt pins."""
    place, pins = os.path.join(ENVIRONMENTS, name), os.path.join(HERE, name, "requirements.txt")
    stamp = os.path.join(place, "requirements.txt")
    with open(pins, encoding="utf-8") as f:
        wanted = f.read()
    made = os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted
    if not made:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", place], check=True)
        subprocess.run([f"{place}/bin/pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "-r", pins], check=True)
        with open(stamp, "w", encoding="utf-8") as f:
            f.write(wanted)
    return f"{place}/bin/python"


@pytest.fixture(scope="module")
def served():
    with Daemon(*model(CHAT), *model(VECTORS), "--dtype", "float32") as daemon:
        yield daemon.ready()


@pytest.mark.parametrize("name", PROGRAMS)
def test_client(served, name, tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    env = {**clean, "WEIR_URL": served.url + "/v1", "WEIR_CHAT": CHAT, "WEIR_VECTORS": VECTORS, "HOME": str(tmp_path),
           "WEIR_TOKENIZER": os.path.join(MODELS, CHAT), "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"}
    out = subprocess.run([environment(name), os.path.join(HERE, name, "client.py")], env=env, cwd=tmp_path, text=True,
                         capture_output=True, timeout=600, check=False)
    assert out.returncode == 0, (out.stdout + out.stderr)[-4000:]
