"""`python -m tests.sandbox.page.serve`: the page over a small workspace with messages of every kind, to build it by.

Prints the address and runs until it is killed. `--static FOLDER` serves another build of the page, read again at each
load.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import zlib
from pathlib import Path
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import Channel, Person
from slack_sandbox.page import Page
from slack_sandbox.slack import SlackSandbox

Json = dict[str, Any]

DIFF = """--- plan.md
+++ plan.md
@@ -1,4 +1,4 @@
 # Release 2.4

-- [ ] Freeze on Monday
+- [x] Freeze on Monday
 - [ ] Notes for the team
"""


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(text: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action_id, **more}


CARD: list[Json] = [
    {"type": "section", "text": mrkdwn("*write_file* wants to change `plan.md`")},
    {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": DIFF}], "border": 0}],
    },
    {
        "type": "actions",
        "block_id": "ask",
        "elements": [
            button("Approve", "approve", style="primary", value="1"),
            button("Deny…", "deny", style="danger", value="1"),
            button("Window", "window", value="1"),
            {
                "type": "overflow",
                "action_id": "more",
                "options": [
                    {"text": plain("Always in this thread"), "value": "thread"},
                    {"text": plain("Always here"), "value": "channel"},
                ],
            },
        ],
    },
    {"type": "context", "elements": [mrkdwn("Asked by <@{alice}> · ends in 10 minutes")]},
]

MARKDOWN = """# What is open

1. **Freeze** on _Monday_
2. Notes, see [the plan](https://example.com/plan)

| task | who |
|---|---|
| freeze | Alice |
| notes | Bob |

```python
print("done")
```

> Nothing else.
"""

RICH: list[Json] = [
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "text", "text": "Bold", "style": {"bold": True}},
                    {"type": "text", "text": " and "},
                    {"type": "text", "text": "code", "style": {"code": True}},
                    {"type": "text", "text": ", for "},
                    {"type": "user", "user_id": "{alice}"},
                    {"type": "text", "text": " "},
                    {"type": "emoji", "name": "tada"},
                ],
            },
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]},
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "two"}]},
                ],
            },
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "A quote."}]},
        ],
    }
]

TABLE: list[Json] = [
    {
        "type": "table",
        "rows": [
            [{"type": "raw_text", "text": cell} for cell in row]
            for row in (("task", "days"), ("freeze", "2"), ("notes", "1"))
        ],
    }
]

WINDOW: Json = {
    "type": "modal",
    "callback_id": "window",
    "title": plain("A window"),
    "submit": plain("Send"),
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "name",
            "label": plain("Name"),
            "element": {
                "type": "plain_text_input",
                "action_id": "value",
                "placeholder": plain("at least three letters"),
            },
        },
        {
            "type": "input",
            "block_id": "place",
            "optional": True,
            "label": plain("Where"),
            "element": {
                "type": "static_select",
                "action_id": "value",
                "options": [
                    {"text": plain("Here"), "value": "here"},
                    {"text": plain("There"), "value": "there"},
                ],
            },
        },
    ],
}

HOME: Json = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Your grants")},
        {
            "type": "section",
            "block_id": "grant",
            "text": mrkdwn("`write_file` in #general"),
            "accessory": button("Revoke", "revoke", style="danger"),
        },
    ],
}


def picture() -> bytes:
    """A small PNG, one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    width, height = 64, 40
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    rows = (b"\0" + bytes([30, 110, 170]) * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def filled(blocks: list[Json], person: Person) -> Any:
    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [fill(each) for each in node]
        return node.replace("{alice}", person.id) if isinstance(node, str) else node

    return fill(blocks)


def behave(app: AsyncApp) -> None:
    """A tiny app: it echoes, opens a window, publishes a Home, answers /echo."""

    @app.event("app_mention")
    async def echo(event: Json, say: Any) -> None:
        await say(text=f"You said: {event['text']}", thread_ts=event.get("thread_ts") or event["ts"])

    @app.event("message")
    async def direct(event: Json, say: Any, client: AsyncWebClient) -> None:
        if event.get("channel_type") != "im" or event.get("bot_id") or event.get("subtype") not in (None, "file_share"):
            return
        thread_ts = event.get("thread_ts") or event["ts"]
        await client.assistant_threads_setStatus(
            channel_id=event["channel"], thread_ts=thread_ts, status="is thinking…"
        )
        await asyncio.sleep(1.0)
        await say(text=f"You said: {event.get('text')}", thread_ts=thread_ts)
        await client.assistant_threads_setStatus(channel_id=event["channel"], thread_ts=thread_ts, status="")

    @app.event("app_home_opened")
    async def home(event: Json, client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view=HOME)

    @app.action("window")
    async def window(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=WINDOW)

    @app.view("window")
    async def submitted(ack: Any, view: Json) -> None:
        name = view["state"]["values"]["name"]["value"]["value"]
        if len(name) < 3:
            await ack(response_action="errors", errors={"name": "At least three letters, please."})
        else:
            await ack()

    @app.view_closed("window")
    async def closed(ack: Any) -> None:
        await ack()

    @app.action("revoke")
    async def revoke(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        emptied = {**HOME, "blocks": [{"type": "section", "text": mrkdwn("You have no grants.")}]}
        await client.views_publish(user_id=body["user"]["id"], view=emptied)

    @app.action("approve")
    @app.action("deny")
    @app.action("more")
    async def decided(ack: Any, action: Json, respond: Any) -> None:
        await ack()
        chosen = action.get("selected_option", {}).get("value", "")
        await respond(text=f"{action['action_id']} {chosen}".strip(), replace_original=False)

    @app.command("/echo")
    async def command(ack: Any, command: Json) -> None:
        await ack(f"You said: {command['text']}")


async def furnish(slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person, bob: Person) -> None:
    """A message of every kind."""
    await slack.say(general, alice, "Morning! The release is on *Thursday* & <https://example.com|here is the plan>.")
    ts = await slack.say(general, bob, "Who writes the notes?")
    await slack.say(general, alice, "I can.", thread_ts=ts)
    await slack.say(general, bob, f"Thanks <@{alice.id}>!", thread_ts=ts)
    await slack.react(general, ts, alice, "eyes")
    await client.chat_postMessage(channel=general.id, text="x", blocks=filled(RICH, alice))
    await client.chat_postMessage(channel=general.id, markdown_text=MARKDOWN)
    await client.chat_postMessage(channel=general.id, text="A table", blocks=TABLE)
    notes = slack.add_file(bob, "notes.md", b"# Notes\n\nNothing yet.\n", "text/markdown")
    await slack.say(general, bob, "The files", files=[notes, slack.add_file(bob, "blue.png", picture(), "image/png")])
    await client.chat_postEphemeral(channel=general.id, user=alice.id, text="This is for you alone.")
    asked = await slack.say(general, alice, "Please mark the freeze as done.")
    await client.chat_postMessage(
        channel=general.id, thread_ts=asked, text="write_file wants to change plan.md", blocks=filled(CARD, alice)
    )
    await stream(slack, client, general, alice)
    direct = slack.open_dm(alice)
    prompts = [{"title": "What is open?", "message": "What is still open before the release?"}]
    await client.assistant_threads_setSuggestedPrompts(channel_id=direct.id, thread_ts="", prompts=prompts)
    await client.views_publish(user_id=alice.id, view=HOME)


async def stream(slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person) -> None:
    ts = await slack.say(general, alice, "<@BOT> look into the folder")
    tasks = [
        {"type": "task_update", "id": "1", "title": "List the folder", "status": "complete", "output": "12 files"},
        {"type": "task_update", "id": "2", "title": "Read plan.md", "status": "in_progress"},
    ]
    await client.api_call(
        "chat.startStream",
        json={
            "channel": general.id,
            "thread_ts": ts,
            "recipient_user_id": alice.id,
            "recipient_team_id": slack.team_id,
            "chunks": [{"type": "markdown_text", "text": "I am looking into it. "}, *tasks],
        },
    )
    await client.api_call(
        "agents.sessions.setStatus",
        json={"channel_id": general.id, "thread_ts": ts, "status": "processing", "title": "The folder"},
    )


async def run(static: Path | None, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with SlackSandbox(bot_name="Colleague") as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)
        app = AsyncApp(client=client, name="bolt")
        behave(app)
        handler = AsyncSocketModeHandler(app, slack.app_token)  # type: ignore[arg-type]
        alice, bob, carol = (slack.add_person(name) for name in ("Alice Smith", "Bob Jones", "Carol White"))
        general = slack.add_channel("general", [alice, bob, carol])
        slack.add_channel("release", [alice, bob], "group")
        slack.add_channel("random", [bob], bot=False)
        slack.add_usergroup("writers", [alice, bob])
        slack.add_command("/echo", "Says it again", "[words]")
        await handler.connect_async()
        await slack.connected()
        async with Page(slack, static=static, port=port) as page:
            await furnish(slack, client, general, alice, bob)
            print(page.address, flush=True)
            await ended.wait()
        with contextlib.suppress(Exception):
            await handler.close_async()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--static", type=Path)
    arguments.add_argument("--port", type=int, default=0)
    given = arguments.parse_args()
    asyncio.run(run(given.static, given.port))


if __name__ == "__main__":
    main()
