"""The things that the corpus of calls names: channels, messages, streams, triggers, views, files, addresses."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import ResponseUrl
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.slack_corpus import CARD, FORM

Json = dict[str, Any]

EXTERNAL_ID = "taken"


class Things:
    """Makes each thing afresh for each case that names it; `filled` puts them into a case's arguments."""

    def __init__(self, slack: SlackSandbox, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._slack, self._client, self._http = slack, client, session
        self.alice, self.bob = slack.add_person("Alice"), slack.add_person("Bob")
        self.general = slack.add_channel("general", members=[self.alice])
        self.elsewhere = slack.add_channel("elsewhere", bot=False)
        self.hidden = slack.add_channel("hidden", kind="group", bot=False)
        self.archived = slack.add_channel("archived")
        self.archived.archived = True
        self.dm = slack.open_dm(self.alice)
        self._fixed = {
            "alice": self.alice.id,
            "bob": self.bob.id,
            "team": slack.team_id,
            "bot_token": slack.bot_token,
            "app_token": slack.app_token,
            "taken": EXTERNAL_ID,
            "no_url": f"{slack.origin}/actions/{slack.team_id}/none",
            **{name: getattr(self, name).id for name in ("general", "elsewhere", "hidden", "archived", "dm")},
        }

    async def filled(self, value: Any) -> Any:
        """The same value with every `$name` replaced."""
        if isinstance(value, dict):
            return {key: await self.filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [await self.filled(each) for each in value]
        if isinstance(value, str) and re.fullmatch(r"\$[a-z_]+", value):
            name = value[1:]
            if name == "taken":
                await self._view()
            return self._fixed[name] if name in self._fixed else await getattr(self, f"_{name}")()
        return value

    def drop_scopes(self, scopes: tuple[str, ...]) -> None:
        """Take scopes from the app."""
        self._slack.scopes.difference_update(scopes)

    async def _hers(self) -> str:
        return await self._slack.say(self.general, self.alice, "hello")

    async def _dm_root(self) -> str:
        return await self._slack.say(self.dm, self.alice, "hello")

    async def _own(self) -> str:
        return str((await self._client.chat_postMessage(channel=self.general.id, text="mine"))["ts"])

    async def _seen(self) -> str:
        ts = await self._hers()
        await self._client.reactions_add(channel=self.general.id, timestamp=ts, name="eyes")
        return ts

    async def _stream(self) -> str:
        started = await self._client.chat_startStream(channel=self.dm.id, thread_ts=await self._dm_root())
        return str(started["ts"])

    async def _ended(self) -> str:
        ts = await self._stream()
        await self._client.chat_stopStream(channel=self.dm.id, ts=ts)
        return ts

    async def _old_stream(self) -> str:
        ts = await self._stream()
        self._slack.advance(360)
        return ts

    async def _session(self) -> str:
        root = await self._dm_root()
        await self._client.agents_sessions_setStatus(channel_id=self.dm.id, thread_ts=root, status="active")
        return root

    async def _trigger(self) -> str:
        return self._slack.new_trigger(self.alice)

    async def _spent(self) -> str:
        trigger = await self._trigger()
        await self._client.views_open(trigger_id=trigger, view=FORM)
        return trigger

    async def _old_trigger(self) -> str:
        trigger = await self._trigger()
        self._slack.advance(4)
        return trigger

    async def _view(self) -> str:
        for view in self._slack.modals(self.alice):
            await self._slack.close_modal(self.alice, view)
        opened = await self._client.views_open(
            trigger_id=await self._trigger(), view={**FORM, "external_id": EXTERNAL_ID}
        )
        return str((opened["view"] or {})["id"])

    async def _view_trigger(self) -> str:
        trigger, view = await self._trigger(), await self._view()
        self._slack.workspace.triggers[trigger].view = view
        return trigger

    async def _full_trigger(self) -> str:
        trigger = await self._view_trigger()
        for _ in range(2):
            another = await self._trigger()
            self._slack.workspace.triggers[another].view = self._slack.modals(self.alice)[-1].id
            await self._client.views_push(trigger_id=another, view=FORM)
        return trigger

    async def _at_home(self) -> str:
        await self._client.views_publish(user_id=self.alice.id, view={"type": "home", "blocks": CARD})
        return self.alice.id

    async def _empty_file(self) -> str:
        place = await self._client.files_getUploadURLExternal(filename="a.txt", length=3)
        return str(place["file_id"])

    async def _file(self) -> str:
        place = await self._client.files_getUploadURLExternal(filename="a.txt", length=3)
        async with self._http.post(str(place["upload_url"]), data=b"abc") as answer:
            assert answer.status == 200
        return str(place["file_id"])

    async def _done_file(self) -> str:
        file_id = await self._file()
        await self._client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=self.general.id)
        return file_id

    async def _her_file(self) -> str:
        return self._slack.add_file(self.alice, "hers.txt", b"x").id

    async def _url(self) -> str:
        message = self._slack.thread(self.general, await self._own())[0]
        key = self._slack.workspace.new_id("url")
        given = ResponseUrl(self.alice.id, self.general.id, message, self._slack.clock.now())
        self._slack.workspace.response_urls[key] = given
        return f"{self._slack.origin}/actions/{self._slack.team_id}/{key}"

    async def _used_url(self) -> str:
        url = await self._url()
        self._slack.workspace.response_urls[url.rpartition("/")[2]].uses = 5
        return url

    async def _old_url(self) -> str:
        url = await self._url()
        self._slack.advance(1801)
        return url
