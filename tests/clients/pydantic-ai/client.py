import asyncio
import os

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

model = OpenAIChatModel(os.environ["WEIR_CHAT"], provider=OpenAIProvider(base_url=os.environ["WEIR_URL"], api_key="none"))
agent = Agent(model, instructions="Answer in a few words.", model_settings={"max_tokens": 24, "temperature": 0})

first = agent.run_sync("Name three rivers.")
assert first.output
assert agent.run_sync("And three lakes.", message_history=first.all_messages()).output


async def stream():
    async with agent.run_stream("Name three rivers.") as result:
        return await result.get_output()


assert asyncio.run(stream()) == first.output
