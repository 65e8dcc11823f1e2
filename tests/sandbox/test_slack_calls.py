"""Every method's calls: which ones Slack takes, and with which code it refuses the others."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.methods import METHODS
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.slack_corpus_calls import CALLS, Call
from tests.sandbox.slack_things import Things

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

ELSEWHERE = {"api.test", "team.info", "usergroups.list"}
"""Methods that nothing can be said wrong to."""


async def answer(method: str, call: Call, things: Things, client: AsyncWebClient, http: aiohttp.ClientSession) -> Json:
    """The body of the answer to a call, made without the scopes that it is to do without."""
    args: Json = await things.filled(call.args)
    token = await things.filled(call.token)
    things.drop_scopes(call.without)
    if method == "response_url":
        async with http.post(args.pop("url"), json=args) as posted:
            return await posted.json()
    try:
        if token:
            answered = await client.api_call(method, json=args, headers={"Authorization": f"Bearer {token}"})
        else:
            answered = await AsyncWebClient(base_url=client.base_url, session=http).api_call(method, json=args)
    except SlackApiError as error:
        answered = error.response
    return answered.data  # type: ignore[return-value]


def test_the_corpus_knows_every_method() -> None:
    assert set(METHODS) - set(CALLS) == ELSEWHERE
    assert sum(len(cases.refused) for cases in CALLS.values()) >= 100
    assert sum(len(cases.taken) for cases in CALLS.values()) >= 40


@pytest.mark.parametrize("method", [method for method, cases in CALLS.items() if cases.taken])
async def test_a_valid_call_is_taken(method: str, slack: SlackSandbox, client: AsyncWebClient) -> None:
    async with aiohttp.ClientSession() as http:
        things = Things(slack, client, http)
        for name, call in CALLS[method].taken.items():
            body = await answer(method, call, things, client, http)
            assert body["ok"] is True, (name, body)
    assert slack.rejected == []


@pytest.mark.parametrize("method", [method for method, cases in CALLS.items() if cases.refused])
async def test_an_invalid_call_is_refused_with_slacks_code(
    method: str, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    scopes = set(slack.scopes)
    async with aiohttp.ClientSession() as http:
        things = Things(slack, client, http)
        for name, call in CALLS[method].refused.items():
            body = await answer(method, call, things, client, http)
            slack.scopes.update(scopes)
            assert (body["ok"], body.get("error")) == (False, call.error), (name, body)
            messages: list[str] = body.get("response_metadata", {}).get("messages", [])
            assert not call.reason or any(call.reason in message for message in messages), (name, messages)
    assert [call.error for call in slack.rejected] == [call.error for call in CALLS[method].refused.values()]
