import os

import aisuite

client = aisuite.Client({"openai": {"base_url": os.environ["WEIR_URL"], "api_key": "none"}})
model = "openai:" + os.environ["WEIR_CHAT"]
messages = [{"role": "user", "content": "Name three rivers."}]
first = client.chat.completions.create(model=model, messages=messages, max_tokens=24, temperature=0).choices[0].message
assert first.content
messages += [first.model_dump(), {"role": "user", "content": "And three lakes."}]
assert client.chat.completions.create(model=model, messages=messages, max_tokens=24).choices[0].message.content
