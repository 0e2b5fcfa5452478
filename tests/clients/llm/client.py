"""The command line `llm`, with the server in its extra-openai-models.yaml."""
import os
import subprocess
import sys

home = os.path.join(os.getcwd(), "llm")
os.makedirs(home)
with open(os.path.join(home, "extra-openai-models.yaml"), "w", encoding="utf-8") as f:
    f.write(f"- model_id: weir\n  model_name: {os.environ['WEIR_CHAT']}\n  api_base: {os.environ['WEIR_URL']}\n")


def llm(*args):
    out = subprocess.run([os.path.join(os.path.dirname(sys.executable), "llm"), *args], text=True, capture_output=True,
                         env={**os.environ, "LLM_USER_PATH": home}, check=False)
    assert out.returncode == 0, out.stderr
    return out.stdout.strip()


options = ("-o", "max_tokens", "24", "-o", "temperature", "0")
streamed = llm("-m", "weir", *options, "Name three rivers.")
assert streamed and llm("-m", "weir", "--no-stream", *options, "Name three rivers.") == streamed
assert llm("-c", *options, "And three lakes.")
