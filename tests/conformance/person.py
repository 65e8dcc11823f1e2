"""A person for whom the bot makes calls: they sign in when they are asked to, and accept what a form suggests.

What is asked, kept and checked is the bot's own; the store is in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urljoin

import aiohttp

from bot.agent.sign_in_requests import SignInRequests
from bot.core.calls import CallState
from bot.core.exchange import ACCEPT, CANCEL, FORM, InputRequest
from bot.core.identity import Identity, OAuthSettings, RemoteServer
from bot.core.json_text import JsonObject
from bot.core.ports.chat import ChatGateway
from bot.core.posts import Draft
from bot.core.questions import form_fields, sign_in
from bot.core.questions.form_fields import FormField, Kind
from bot.core.questions.question import Card, Question
from bot.core.tools import CallResult, DeliveryStatus, Dialogue, Tool
from bot.identity.accounts import Accounts
from bot.identity.http_client import HttpClient
from bot.identity.sign_ins import SignIns
from bot.identity.user_tokens import UserTokens
from bot.identity.vault import Vault
from bot.signing_in import LOOPBACK
from bot.slack.blocks import sign_in_notice
from bot.tools.mcp.toolset import McpToolset
from tests.extending.memory.store import MemoryStore
from tests.extending.memory.tables import Disk
from tests.lives import ALICE, Life

REDIRECT = f"{LOOPBACK}/oauth/callback"
REDIRECTS = 5
"""Pages through which a sign-in may lead."""
UNANSWERED = CallResult(DeliveryStatus.UNSENT, "The person could not sign in.", 0.0)


class Person:
    """A person in a thread."""

    def __init__(self, toolset: McpToolset, vault: Vault, web: HttpClient) -> None:
        store = self._store = MemoryStore(Disk())
        configs = [each for each in toolset.signing_in if each.account is Identity.PERSON]
        servers = [RemoteServer(each.key, each.url, each.oauth or OAuthSettings()) for each in configs]
        people = UserTokens(servers, store, vault, web)
        people.ended = toolset.signed_out
        self._accounts = Accounts(people, SignIns(people, store, vault, web, redirect=REDIRECT))
        self._requests = SignInRequests(store, store, cast(ChatGateway, _Gateway()), self._accounts, 1.0)
        self._toolset = toolset
        toolset.use(self._accounts)

    async def call(self, tool: Tool, arguments: JsonObject) -> CallResult:
        """Have a call made. It waits while they are asked to sign in, as a call in a thread does."""
        life = Life(self._store)
        await life.say()
        await life.read()
        await life.call(CallState.READY)
        while True:
            state = await life.state()
            call = state.calls[-1]
            if await self._requests.ready(state, call, tool):
                result = await made(self._toolset, replace(tool, person=ALICE), arguments)
                sent = result.certainty is not DeliveryStatus.UNSENT
                if sent or await self._requests.ready(state, call, tool, refused=True):
                    return result
            if call.state is CallState.FINISHED:
                return CallResult(DeliveryStatus.UNSENT, call.result, 0.0)
            if problem := await self._sign_in(tool.server):
                return replace(UNANSWERED, text=problem)

    async def _sign_in(self, server: str) -> str:
        """Follow the link of the question for which a call waits, and paste where that leads. Out: what was wrong."""
        asked = await self._store.open_sign_in(ALICE, server)
        question = await self._store.find_question(asked.question) if asked else None
        if question is None:
            return "Nobody was asked to sign in."
        address = await consent(sign_in.asked(question).link)
        if problem := await self._accounts.pasted(question.id, ALICE, address):
            return problem
        return "" if await self._accounts.finish(question.id) else "The sign-in did not finish."


class _Gateway:
    """The part of the chat that sign-ins need."""

    async def outsider(self, user: str) -> bool:
        return False

    def sign_in_card(self, question: Question) -> Card:
        return sign_in_notice.card(question)

    def copy(self, questions: Sequence[Question], person: str, place: object) -> Draft:
        return Draft(f"copy-{questions[0].id}", "card", "{}")

    def notice(self, text: str, key: str) -> Sequence[Draft]:
        return ()

    def deliver(self, thread_id: int) -> None: ...


async def consent(link: str) -> str:
    """Be a browser whose user allows everything. Out: the address at which it ends."""
    async with aiohttp.ClientSession() as browser:
        for _ in range(REDIRECTS):
            if link.startswith(REDIRECT):
                break
            async with browser.get(link, allow_redirects=False) as page:
                link = urljoin(link, page.headers.get("location", ""))
    return link


async def made(toolset: McpToolset, tool: Tool, arguments: Mapping[str, Any]) -> CallResult:
    """Make a call, and answer what its server asks for until it goes on."""
    result = await toolset.call(tool, dict(arguments), dialogue=Dialogue(ask=accepted))
    while (asked := result.exchange) is not None:
        while (request := asked.open) is not None:
            asked = asked.answered(request.key, await accepted(request))
        result = await toolset.call(tool, dict(arguments), dialogue=Dialogue(asked, accepted))
    return result


async def accepted(request: InputRequest) -> JsonObject:
    """Return the answer of somebody who accepts what the form suggests."""
    if request.mode != FORM:
        return {"action": ACCEPT}
    fields = form_fields.fields_of(request.schema)
    content, wrong = form_fields.read(fields, {each.id: _entered(each) for each in fields})
    return {"action": CANCEL} if wrong else {"action": ACCEPT, "content": content}


def _entered(field: FormField) -> str:
    """Return what is in a field at first; where there is nothing to begin with, the first option."""
    if field.kind is Kind.CHOICES:
        return json.dumps(list(field.initial))
    return field.initial[0] if field.initial else "0" if field.options else ""
