"""The official client: what an application's first day with it touches."""
import base64
import os
import struct

import openai

CHAT, VECTORS = os.environ["WEIR_CHAT"], os.environ["WEIR_VECTORS"]
client = openai.OpenAI(base_url=os.environ["WEIR_URL"], max_retries=0)

assert {m.id for m in client.models.list()} == {CHAT, VECTORS}

messages = [{"role": "user", "content": "Name three rivers."}]
first = client.chat.completions.create(model=CHAT, messages=messages, max_tokens=24, temperature=0)
said = first.choices[0].message
assert said.content and first.usage.completion_tokens <= 24

# The second turn sends the first one's whole message back, empty fields too.
messages += [said.model_dump(), {"role": "user", "content": "And three lakes."}]
second = client.chat.completions.create(model=CHAT, messages=messages, max_tokens=16, temperature=0)
assert second.choices[0].message.content and second.usage.prompt_tokens > first.usage.prompt_tokens

stream = client.chat.completions.create(model=CHAT, messages=messages[:1], max_tokens=24, temperature=0, stream=True,
                                        stream_options={"include_usage": True})
chunks = list(stream)
assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == said.content
assert chunks[-1].usage.total_tokens == first.usage.total_tokens

done = client.completions.create(model=CHAT, prompt="The river", max_tokens=8, temperature=0)
assert done.choices[0].text and done.choices[0].finish_reason == "length"

texts = ["a weir holds back water", "a dam on a river"]
floats = client.embeddings.create(model=VECTORS, input=texts, encoding_format="float").data
packed = client.embeddings.create(model=VECTORS, input=texts, encoding_format="base64").data
for a, b in zip(floats, packed):
    assert list(struct.unpack(f"<{len(a.embedding)}f", base64.b64decode(b.embedding))) == [
        struct.unpack("<f", struct.pack("<f", x))[0] for x in a.embedding]

try:
    client.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": "water " * 20000}])
    raise SystemExit("a prompt over the context was taken")
except openai.BadRequestError as error:
    assert error.code == "context_length_exceeded", error.body
try:
    client.chat.completions.create(model="nobody", messages=messages[:1])
    raise SystemExit("an unknown model was taken")
except openai.NotFoundError as error:
    assert error.code == "model_not_found", error.body
