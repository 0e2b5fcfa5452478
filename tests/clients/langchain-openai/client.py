import os

from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL = os.environ["WEIR_URL"]
chat = ChatOpenAI(model=os.environ["WEIR_CHAT"], base_url=URL, max_tokens=24, temperature=0, max_retries=0)

asked = [HumanMessage("Name three rivers.")]
first = chat.invoke(asked)
assert first.content and first.usage_metadata["output_tokens"] <= 24
second = chat.invoke([*asked, first, HumanMessage("And three lakes.")])
assert second.content
assert "".join(chunk.content for chunk in chat.stream(asked)) == first.content

# Its tokenizer is OpenAI's: the switch keeps it from sending ids that mean something else here.
vectors = OpenAIEmbeddings(model=os.environ["WEIR_VECTORS"], base_url=URL, check_embedding_ctx_length=False)
near, far = vectors.embed_documents(["a weir holds back water", "the bank raised its rates"])
query = vectors.embed_query("a dam on a river")
assert sum(a * b for a, b in zip(query, near)) > sum(a * b for a, b in zip(query, far))

long = [HumanMessage("water " * 20000)]
safe = chat.with_fallbacks([RunnableLambda(lambda _: "too long")], exceptions_to_handle=(ContextOverflowError,))
assert safe.invoke(long) == "too long"
