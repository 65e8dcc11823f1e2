"""The faults a test can inject, as the SDK's client meets them."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.faults import Faults
from slack_sandbox.journal import ApiCall
from slack_sandbox.model import Channel
from slack_sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio


async def test_ratelimited_answers_429_with_retry_after_and_no_effect(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    slack.faults.add("chat.postMessage", "ratelimited", retry_after=7)
    with pytest.raises(SlackApiError) as limited:
        await client.chat_postMessage(channel=general.id, text="x")
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "7")
    assert general.messages == {}
    assert slack.rejected == []


async def test_a_retry_handler_gets_over_a_rate_limit(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    slack.faults.add("chat.postMessage", "ratelimited", retry_after=0)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await client.chat_postMessage(channel=general.id, text="x")
    assert [call.status for call in slack.calls] == [429, 200]


@pytest.mark.parametrize(("kind", "effects"), [("server_error", 0), ("server_error_after", 1)])
async def test_server_errors_come_before_or_after_the_effect(
    kind: str, effects: int, slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    slack.faults.add("chat.postMessage", kind, status=503)  # type: ignore[arg-type]
    with pytest.raises(SlackApiError) as failed:
        await client.chat_postMessage(channel=general.id, text="x")
    assert failed.value.response.status_code == 503
    assert len(general.messages) == effects


@pytest.mark.parametrize(("kind", "effects"), [("drop_before", 0), ("drop_after", 1)])
async def test_dropped_connections_come_before_or_after_the_effect(
    kind: str, effects: int, slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    slack.faults.add("chat.postMessage", kind)  # type: ignore[arg-type]
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel=general.id, text="x")
    assert len(general.messages) == effects


async def test_the_sdks_default_retry_posts_twice_after_a_dropped_answer(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    slack.faults.add("chat.postMessage", "drop_after")
    client.retry_handlers.append(AsyncConnectionErrorRetryHandler(max_retry_count=1))
    await client.chat_postMessage(channel=general.id, text="x")
    assert len(general.messages) == 2


async def test_a_hanging_call_ends_with_the_sandbox() -> None:
    async with SlackSandbox() as slack, aiohttp.ClientSession() as session:
        slack.faults.add("auth.test", "hang")
        hanging = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        call = asyncio.ensure_future(hanging.auth_test())
        await slack.until(lambda: slack.calls)
        assert not call.done()
        await slack.close()
        with pytest.raises(aiohttp.ClientError):
            await call


async def test_a_slow_call_still_has_its_effect(slack: SlackSandbox, client: AsyncWebClient, general: Channel) -> None:
    slack.faults.add("chat.postMessage", "slow", seconds=0.05)
    await client.chat_postMessage(channel=general.id, text="x")
    assert len(general.messages) == 1


async def test_an_error_fault_can_be_meant_for_some_calls_only(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    slack.faults.add("*", "error", code="channel_not_found", times=None, match=lambda args: args.get("text") == "bad")
    await client.chat_postMessage(channel=general.id, text="good")
    for _ in range(2):
        with pytest.raises(SlackApiError, match="channel_not_found"):
            await client.chat_postMessage(channel=general.id, text="bad")
    slack.faults.clear()
    await client.chat_postMessage(channel=general.id, text="bad")
    assert slack.rejected == []


def test_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        Faults().add("x", "explode")  # type: ignore[arg-type]


async def test_hooks_run_around_the_effect(slack: SlackSandbox, client: AsyncWebClient, general: Channel) -> None:
    seen: list[tuple[str, int, bool]] = []

    def before(call: ApiCall) -> None:
        seen.append(("before", len(general.messages), bool(call.response)))

    async def after(call: ApiCall) -> None:
        seen.append(("after", len(general.messages), bool(call.response)))

    slack.on_call("chat.postMessage", before, after=after)
    await client.chat_postMessage(channel=general.id, text="x")
    assert seen == [("before", 0, False), ("after", 1, True)]
