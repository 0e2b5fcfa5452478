"""A benchmark of five requests, as GuideLLM runs it against any OpenAI-compatible server."""
import json
import os
import subprocess
import sys

target = os.environ["WEIR_URL"].removesuffix("/v1")
out = subprocess.run(
    [os.path.join(os.path.dirname(sys.executable), "guidellm"), "run", "--disable-console-interactive",
     "--backend", f"kind=openai_http,target={target},model={os.environ['WEIR_CHAT']}",
     "--profile", "kind=synchronous", "--constraint", "kind=max_requests,count=5",
     "--tokenizer", f"kind=huggingface_auto,model={os.environ['WEIR_TOKENIZER']}",
     "--data", "kind=synthetic_text,prompt_tokens=32,output_tokens=16", "--output", "kind=json,path=report.json"],
    text=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=False)
assert out.returncode == 0, out.stdout + out.stderr
with open("report.json", encoding="utf-8") as f:
    requests = json.load(f)["benchmarks"][0]["requests"]
assert len(requests["successful"]) == 5 and not requests["errored"], requests
assert all(r["output_tokens"] == 16 for r in requests["successful"])
