import os

from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

URL = os.environ["WEIR_URL"]
shape = {"model": os.environ["WEIR_CHAT"], "api_base": URL, "api_key": "none", "max_tokens": 24, "temperature": 0,
         "context_window": 2048, "max_retries": 0}
chat, plain = OpenAILike(is_chat_model=True, **shape), OpenAILike(is_chat_model=False, **shape)

asked = [ChatMessage(role="user", content="Name three rivers.")]
first = chat.chat(asked)
assert first.message.content
assert "".join(part.delta or "" for part in chat.stream_chat(asked)) == first.message.content
assert chat.chat([*asked, first.message, ChatMessage(role="user", content="And three lakes.")]).message.content
assert plain.complete("The river").text

embed = OpenAILikeEmbedding(model_name=os.environ["WEIR_VECTORS"], api_base=URL, api_key="none", max_retries=0)
assert len(embed.get_text_embedding("a weir holds back water")) == 384
assert len(embed.get_text_embedding_batch(["a dam", "a river"])) == 2
