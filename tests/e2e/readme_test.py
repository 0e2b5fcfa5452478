"""README's own curl lines, word for word but for the port."""
import os
import re
import subprocess

import pytest

from daemon import ROOT


def curl_lines():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        return re.findall(r"^\s*(curl .*localhost:8080.*)$", f.read(), re.M)


def test_readme_has_curl_lines():
    assert len(curl_lines()) >= 2


@pytest.mark.parametrize("line", curl_lines(), ids=lambda line: line.split()[1])
def test_curl_line(daemon, line):
    line = line.replace("localhost:8080", f"localhost:{daemon.port}").replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)
    out = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    body, status = out.stdout.rsplit("\n", 1)
    assert status == "200", out.stdout
    assert body.strip()
    if "chat/completions" in line and '"stream":true' in line:
        assert body.strip().endswith("data: [DONE]")
