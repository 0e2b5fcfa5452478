import os

import litellm

URL, MODEL = os.environ["WEIR_URL"], "openai/" + os.environ["WEIR_CHAT"]
shape = {"model": MODEL, "api_base": URL, "api_key": "none", "max_tokens": 24, "temperature": 0, "num_retries": 0}

messages = [{"role": "user", "content": "Name three rivers."}]
first = litellm.completion(messages=messages, **shape).choices[0].message
assert first.content
# The whole message goes back, with the fields that LiteLLM put in.
messages += [first.model_dump(), {"role": "user", "content": "And three lakes."}]
assert litellm.completion(messages=messages, **shape).choices[0].message.content
streamed = "".join(c.choices[0].delta.content or "" for c in litellm.completion(messages=messages[:1], stream=True, **shape))
assert streamed == first.content

vectors = litellm.embedding(model="openai/" + os.environ["WEIR_VECTORS"], input=["a weir"], api_base=URL, api_key="none")
assert len(vectors.data[0]["embedding"]) == 384

long = [{"role": "user", "content": "water " * 20000}]
try:
    litellm.completion(messages=long, **shape)
    raise SystemExit("a prompt over the context was taken")
except litellm.ContextWindowExceededError:
    pass
short = {"model_name": "short", "litellm_params": {k: shape[k] for k in ("model", "api_base", "api_key")}}
large = {"model_name": "large", "litellm_params": {"model": MODEL, "mock_response": "from the large one"}}
router = litellm.Router(model_list=[short, large], context_window_fallbacks=[{"short": ["large"]}], num_retries=0)
assert router.completion(model="short", messages=long).choices[0].message.content == "from the large one"
