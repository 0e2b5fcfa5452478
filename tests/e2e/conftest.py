import json
import os

import pytest

from daemon import BINARY, CHAT, HEADS, ROOT, TRANSLATOR, VECTORS, Daemon, model


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes more than ten seconds; `-m 'not long'` leaves it out")


def golden(name):
    with open(os.path.join(ROOT, "tests/golden", name), encoding="utf-8") as f:
        return json.load(f)


CHATS = golden("smollm2.json")["chats"]
TEXTS = golden("minilm.json")["texts"]


@pytest.fixture(scope="session")
def daemon():
    """The default models in float32 and their heads, no keys; shared by the tests that leave it as it was."""
    assert os.access(BINARY, os.X_OK), f"{BINARY} is not there; run scripts/build release weir"
    translator = ["--model", f"{TRANSLATOR}={os.path.join(HEADS, TRANSLATOR)}"]
    heads = ["minilm-sentiment", "minilm-ner-crf"]
    with Daemon(*model(CHAT), *model(VECTORS, heads), *translator, "--dtype", "float32") as running:
        yield running.ready()


@pytest.fixture(autouse=True)
def still_alive(request):
    """No test of the shared daemon may leave it dead or busy."""
    yield
    if "daemon" in request.fixturenames:
        running = request.getfixturevalue("daemon")
        assert running.process.poll() is None, f"the daemon ended with {running.process.returncode}:\n{running.tail()}"
        running.idle()
