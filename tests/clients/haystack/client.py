import os

from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

URL, KEY = os.environ["WEIR_URL"], Secret.from_token("none")
chunks = []
settings = {"model": os.environ["WEIR_CHAT"], "api_base_url": URL, "api_key": KEY, "max_retries": 0,
            "generation_kwargs": {"max_tokens": 24, "temperature": 0}}
asked = [ChatMessage.from_user("Name three rivers.")]
first = OpenAIChatGenerator(**settings).run(asked)["replies"][0]
assert first.text
OpenAIChatGenerator(**settings, streaming_callback=lambda chunk: chunks.append(chunk.content)).run(asked)
assert "".join(chunks) == first.text
assert OpenAIChatGenerator(**settings).run([*asked, first, ChatMessage.from_user("And three lakes.")])["replies"][0].text

embedder = OpenAITextEmbedder(model=os.environ["WEIR_VECTORS"], api_base_url=URL, api_key=KEY, max_retries=0)
assert len(embedder.run("a weir holds back water")["embedding"]) == 384
