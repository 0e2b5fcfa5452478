"""scripts/demo: its six answers are right, README's first screen is what it prints, and it says so when an answer is wrong."""
import os
import re
import subprocess

from daemon import BINARY, ROOT, Daemon
from shell_blocks import blocks

DEMO = os.path.join(ROOT, "scripts/demo")


def demo(url):
    return subprocess.run([DEMO, url], capture_output=True, text=True, timeout=300, env={**os.environ, "WEIR_BINARY": BINARY})


def without_numbers(text):
    """Addresses, scores and times differ from run to run."""
    text = re.sub(r"(localhost|127\.0\.0\.1):\d+", "ADDRESS", text)
    return re.sub(r"(wait_ms=|\()\d+", r"\1N", re.sub(r"-?\d+\.\d+(e-\d+)?", "N", text)).strip()


def test_the_demo_prints_readmes_first_screen(daemon):
    ran = demo(daemon.url)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        first = blocks(readme.read(), kind="console")[0]
    command, shown = first.split("\n", 1)
    assert command == "$ scripts/demo"
    assert without_numbers(shown) == without_numbers(ran.stdout)


def tiny(**folders):
    """A daemon of tiny models under the names of the default ones."""
    return Daemon(*(word for name, folder in folders.items()
                    for word in ("--model", f"{name.replace('_', '-')}={os.path.join(ROOT, 'tests/golden/tiny', folder)}")))


def test_a_wrong_answer_is_told_by_its_call():
    with tiny(smollm2_135m_instruct="gpt2", all_minilm_l6_v2="bert-mean", enja_t5="gpt2-untied-scaled") as other:
        ran = demo(other.ready().url)
    assert ran.returncode == 1
    assert "call 1 (A sentence in Japanese" in ran.stderr and "should have" in ran.stderr
    assert "2. " not in ran.stdout


def test_what_is_missing_is_named():
    with tiny(smollm2_135m_instruct="gpt2") as other:
        ran = demo(other.ready().url)
    assert ran.returncode == 1 and "does not serve the model enja-t5" in ran.stderr
    ran = demo("http://127.0.0.2:1")
    assert ran.returncode == 1 and "nothing answers at http://127.0.0.2:1" in ran.stderr
