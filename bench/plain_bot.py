"""The plain bot that `bench/turn.py` compares ours with: the same turn, with the history in a dict and nothing durable.

python bench/plain_bot.py COMMAND [ARGUMENT …]      the MCP server to start
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import TextContent
from openai import AsyncOpenAI
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

SYSTEM = {"role": "system", "content": "You are a helpful colleague in a Slack thread. Answer in Markdown, briefly."}


async def main(command: str, *arguments: str) -> None:
    """Answer mentions until the process is terminated."""
    app = AsyncApp(client=AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]))
    model = AsyncOpenAI(api_key=os.environ["OPENROUTER_API_KEY"], base_url=os.environ["OPENROUTER_BASE_URL"])
    histories: defaultdict[tuple[str, str], list[Any]] = defaultdict(lambda: [SYSTEM])
    async with Client(StdioServerParameters(command=command, args=list(arguments))) as server:
        functions: list[Any] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": {key: value for key, value in tool.input_schema.items() if key != "$schema"},
                },
            }
            for tool in (await server.list_tools()).tools
        ]

        async def run(call: Any) -> dict[str, str]:
            result = await server.call_tool(call.function.name, json.loads(call.function.arguments))
            text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
            return {"role": "tool", "tool_call_id": call.id, "content": text}

        async def on_mention(event: dict[str, Any], say: AsyncSay) -> None:
            thread_ts = event.get("thread_ts") or event["ts"]
            history = histories[event["channel"], thread_ts]
            history.append({"role": "user", "content": event["text"]})
            while True:
                reply = await model.chat.completions.create(
                    model=os.environ["OPENROUTER_MODEL"], messages=history, tools=functions
                )
                message = reply.choices[0].message
                if not message.tool_calls:
                    history.append({"role": "assistant", "content": message.content})
                    break
                made = [call.model_dump(include={"id", "type", "function"}) for call in message.tool_calls]
                history.append({"role": "assistant", "content": message.content, "tool_calls": made})
                history.extend(await asyncio.gather(*map(run, message.tool_calls)))
            await say(text=message.content or "…", thread_ts=thread_ts)

        app.event("app_mention")(on_mention)
        await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start_async()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
