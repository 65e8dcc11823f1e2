"""A small Bolt app that uses what a Slack app may use: streams, plans, forms, files, sessions, prompts, menus, Home.

    async with SlackSandbox() as slack, demo(slack) as app:
        await slack.command(alice, general, "/demo", "stream")

`/demo` with a word of `DEMOS` shows that part; any other text is answered with the list of them. It answers direct
messages and mentions in their threads, and tells the size of a file that it is sent. What the app got from people is in
`app.got`, newest last.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.slack import SlackSandbox
from tests.sandbox.page import testapp_blocks as show
from tests.sandbox.page.testapp_demos import DEMOS, PROMPTS, Demo, publish, stopped, suggest

__all__ = ["DEMOS", "PROMPTS", "Demo", "demo"]

Json = dict[str, Any]

ONCE_MORE = "Please look at it once more, then save again."


@asynccontextmanager
async def demo(slack: SlackSandbox, *, paused: bool = False) -> AsyncGenerator[Demo, None]:
    """Run the app against the sandbox until the block ends; `paused`: streams wait before each step for `go_on`.

    Registers `/demo`, and gives the app the scope that videos need.
    """
    slack.scopes.add("links.embed:write")
    slack.add_command("/demo", "Shows what a Slack app can do", " | ".join(DEMOS))
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        app = Demo(client, session, slack.bot_token, paused)
        bolt = AsyncApp(client=client, name="bolt")
        _commands(app, bolt)
        _messages(app, bolt)
        _actions(app, bolt)
        _views(app, bolt)
        handler = AsyncSocketModeHandler(bolt, slack.app_token, ping_interval=3)  # type: ignore[arg-type]
        await handler.connect_async()
        try:
            await slack.connected()
            yield app
        finally:
            app.go_on(100)
            await handler.close_async()


def _commands(app: Demo, bolt: AsyncApp) -> None:
    @bolt.command("/demo")
    async def run(ack: Any, command: Json) -> None:
        app.got.append(command)
        word = str(command.get("text", "")).strip().lower()
        if word not in DEMOS:
            await ack(f"I can show: {', '.join(DEMOS)}.")
        elif word == "home":
            await ack("Look at my Home.")
            await DEMOS[word](app, command)
        else:
            await ack()
            await DEMOS[word](app, command)


def _messages(app: Demo, bolt: AsyncApp) -> None:
    async def answer(event: Json, text: str) -> None:
        thread_ts = event.get("thread_ts") or event["ts"]
        await app.client.chat_postMessage(channel=event["channel"], thread_ts=thread_ts, text=text)

    @bolt.event("app_mention")
    async def mentioned(event: Json) -> None:
        if not event.get("files"):
            await answer(event, f"Hello, <@{event['user']}>.")

    @bolt.event("message")
    async def heard(event: Json) -> None:
        if event.get("bot_id") or event.get("subtype") not in (None, "file_share"):
            return
        for file in event.get("files", []):
            headers = {"Authorization": f"Bearer {app.token}"}
            async with app.session.get(file["url_private_download"], headers=headers) as download:
                size = len(await download.read())
            await answer(event, f"{file['name']} has {size} bytes.")
        if event.get("channel_type") == "im" and not event.get("files"):
            await answer(event, f"You said: {event['text']}")

    @bolt.event("agent_session_stopped")
    async def stop(event: Json) -> None:
        app.got.append(event)
        await stopped(app, event)

    @bolt.event("app_home_opened")
    async def opened(event: Json) -> None:
        if event["tab"] == "home":
            await publish(app, event["user"])
        else:
            await suggest(app, event["channel"])


def _picked(action: Json) -> str:
    """What an action carries, in words."""
    for key, value in action.items():
        if key.startswith("selected_") or key == "value":
            several = value if isinstance(value, list) else [value]
            return ", ".join(str(each["value"] if isinstance(each, dict) else each) for each in several) or "nothing"
    return "pressed"


def _actions(app: Demo, bolt: AsyncApp) -> None:
    @bolt.action(re.compile(r"demo\..*"))
    async def other(ack: Any, body: Json, action: Json, respond: Any) -> None:
        await ack()
        app.got.append(action)
        name, user = action["action_id"].removeprefix("demo."), body["user"]["id"]
        if name == "change":
            await respond(text="Changed.", replace_original=True)
        elif name == "remove":
            await respond(delete_original=True)
        elif body["container"]["type"] == "view":
            steps = {"up": app.counts.get(user, 0) + 1, "reset": 0}
            app.counts[user] = steps.get(name, {"ten": 10, "hundred": 100}.get(_picked(action), 0))
            await publish(app, user)
        else:
            channel, message = body["channel"]["id"], body["message"]
            thread_ts = message.get("thread_ts") or message["ts"]
            if name == "wake":
                await app.client.agents_sessions_setStatus(channel_id=channel, thread_ts=thread_ts, status="active")
            text = f"<@{user}> used {name}: {_picked(action)}"
            await app.client.chat_postMessage(channel=channel, thread_ts=thread_ts, text=text)

    @bolt.options(re.compile(r".*"))
    async def found(ack: Any, body: Json) -> None:
        app.got.append(body)
        query = str(body["value"]).lower()
        await ack(options=[option for option in show.options() if query in option["value"]])


def _views(app: Demo, bolt: AsyncApp) -> None:
    @bolt.view("demo.ask")
    async def saved(ack: Any, view: Json) -> None:
        app.got.append(view)
        if view["id"] not in app.refused:
            app.refused.add(view["id"])
            await ack(response_action="errors", errors={"name": ONCE_MORE})
            return
        lines: list[str] = []
        for block_id, actions in view["state"]["values"].items():
            for state in actions.values():
                values = [value for key, value in state.items() if key != "type" and value]
                if values:
                    lines.append(f"*{block_id}*: {_words(values[0])}")
        await ack(response_action="update", view=show.result(lines))

    @bolt.view_closed("demo.ask")
    async def closed(ack: Any, view: Json) -> None:
        await ack()
        app.got.append({**view, "closed": True})


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value)
    if isinstance(value, dict):
        return str(value.get("value") or value.get("name") or value.get("id") or "rich text")
    return str(value)
