import asyncio
import os

from openai import AsyncOpenAI
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory

client = AsyncOpenAI(base_url=os.environ["WEIR_URL"], api_key="none", max_retries=0)
chat = OpenAIChatCompletion(ai_model_id=os.environ["WEIR_CHAT"], async_client=client)
settings = OpenAIChatPromptExecutionSettings(max_tokens=24, temperature=0)


async def talk():
    history = ChatHistory(system_message="Answer in a few words.")
    history.add_user_message("Name three rivers.")
    first = await chat.get_chat_message_content(history, settings)
    assert str(first)
    streamed = [str(part) async for part in chat.get_streaming_chat_message_content(history, settings)]
    assert "".join(streamed) == str(first)
    history.add_message(first)
    history.add_user_message("And three lakes.")
    assert str(await chat.get_chat_message_content(history, settings))


asyncio.run(talk())
