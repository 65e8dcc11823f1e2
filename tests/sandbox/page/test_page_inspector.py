"""The inspector: what passed over the wire, and the faults that can be switched on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Person
from slack_sandbox.page import Page
from slack_sandbox.page.controls import ActiveFault, BotCommand, FaultOffer, FaultSource, ModelCall, NumberField
from slack_sandbox.page.traffic import SHOWN
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.page.client import Refusal, Viewer, viewer

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


def entries(view: Viewer) -> list[Json]:
    return [view.facts[f"entry:{number}"] for number in view.facts["journal"]["entries"]]


def lines(view: Viewer) -> list[tuple[str, str, str, str]]:
    return [(each["kind"], each["title"], each["summary"], each["outcome"]) for each in entries(view)]


async def test_the_journal_lists_calls_and_envelopes_in_the_order_of_their_coming(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    await view.watch(alice, general, inspector=True)
    await client.chat_postMessage(channel=general.id, text="a &amp; b")
    await view.ask("say", channel=general.id, text="<@" + slack.bot_user_id + "> hello")
    with pytest.raises(SlackApiError):
        await client.chat_update(channel=general.id, ts="1.1", text="x")
    await view.until(lambda: view.facts["journal"]["refused"] == 1)
    assert lines(view) == [
        ("call", "chat.postMessage", "#general: a & b", "ok"),
        ("envelope", "message", "#general, Colleague: a & b", "fault"),
        ("envelope", "app_mention", "#general, Alice Smith: @Colleague hello", "fault"),
        ("envelope", "message", "#general, Alice Smith: @Colleague hello", "fault"),
        ("call", "chat.update", "#general: x", "refused"),
    ]
    refused = entries(view)[-1]
    assert refused["error"] == "message_not_found"
    assert 0 <= refused["ms"] < 5000
    assert abs(refused["at"] - slack.clock.now()) < 5
    whole = await view.ask("entry", number=refused["number"])
    assert whole == {
        "request": {"channel": general.id, "ts": "1.1", "text": "x"},
        "response": {"ok": False, "error": "message_not_found"},
    }
    envelope = await view.ask("entry", number=refused["number"] - 1)
    assert (envelope["envelope"]["payload"]["event"]["type"], envelope["ack"]) == ("message", None)


async def test_a_streamed_call_is_summarised_by_what_it_adds(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    await view.watch(alice, general, inspector=True)
    root = await client.chat_postMessage(channel=general.id, text="root")
    step = {"type": "task_update", "id": "1", "title": "Read a.md", "status": "in_progress"}
    stream = await client.chat_startStream(
        channel=general.id,
        thread_ts=str(root["ts"]),
        recipient_user_id=alice.id,
        recipient_team_id=slack.team_id,
        chunks=[step],
        task_display_mode="timeline",
    )
    ts = str(stream["ts"])
    more = [{**step, "status": "complete"}, {"type": "markdown_text", "text": "It says\n**hello**."}]
    await client.chat_appendStream(channel=general.id, ts=ts, chunks=more)
    await client.chat_stopStream(channel=general.id, ts=ts, chunks=[{"type": "markdown_text", "text": "x" * 500}])
    await view.until(lambda: any(each["title"] == "chat.stopStream" for each in entries(view)))
    said = {each["title"]: each["summary"] for each in entries(view)}
    assert said["chat.startStream"] == "#general: Read a.md (in progress)"
    assert said["chat.appendStream"] == "#general: Read a.md (complete) · It says **hello**."
    assert said["chat.stopStream"].startswith("#general: xxx")
    assert len(said["chat.stopStream"]) < 200


async def test_an_entry_changes_when_it_is_answered(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, app: AsyncApp
) -> None:
    @app.event("app_mention")
    async def answer() -> None: ...

    await view.watch(alice, general, inspector=True)
    await view.ask("say", channel=general.id, text="<@" + slack.bot_user_id + "> hello")
    (done,) = await view.until(
        lambda: [each for each in entries(view) if (each["title"], each["outcome"]) == ("app_mention", "ok")]
    )
    assert (done["attempts"], done["ms"] >= 0) == (1, True)


async def test_no_token_is_shown(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient, app: AsyncApp
) -> None:
    await view.watch(alice, general, inspector=True)
    await client.chat_postMessage(channel=general.id, text=f"my token is {slack.bot_token}")
    await client.api_call("chat.postMessage", params={"token": slack.bot_token, "channel": general.id, "text": "x"})
    opened = next(each for each in entries(view) if each["title"] == "apps.connections.open")
    whole = await view.ask("entry", number=opened["number"])
    assert whole["response"]["url"].partition("?")[2].startswith("ticket=…&")
    for number in view.facts["journal"]["entries"]:
        await view.ask("entry", number=number)
    inspected = [frame.get("value") for frame in view.frames] + entries(view)
    assert "my token is xoxb-…" in json.dumps(inspected, ensure_ascii=False)
    for token in (slack.bot_token, slack.app_token):
        assert token not in json.dumps(inspected)


async def test_the_journal_keeps_the_newest_and_can_be_cleared(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox
) -> None:
    await view.watch(alice, general, inspector=True)
    for number in range(SHOWN + 10):
        await slack.say(general, alice, str(number))
    await view.until(lambda: entries(view)[-1]["summary"].endswith(str(SHOWN + 9)))
    numbers = view.facts["journal"]["entries"]
    assert (len(numbers), numbers[0]) == (SHOWN, 11)
    assert "entry:1" not in view.facts
    with pytest.raises(Refusal, match="not kept"):
        await view.ask("entry", number=1)
    await view.ask("clear_journal")
    assert view.facts["journal"] == {"entries": [], "refused": 0}
    assert len(slack.envelopes) == SHOWN + 10
    await view.ask("say", channel=general.id, text="more")
    assert view.facts["journal"]["entries"] == [SHOWN + 11]


async def test_an_acknowledgement_that_slack_cannot_use_is_among_the_refused(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, app: AsyncApp
) -> None:
    slack.add_command("/demo")

    @app.command("/demo")
    async def demo(ack: Any) -> None:
        await ack(blocks=[{"type": "nonsense"}])

    await view.watch(alice, general, inspector=True)
    with pytest.raises(Refusal, match="Slack cannot use the app's answer: invalid_blocks"):
        await view.ask("command", channel=general.id, command="/demo", text="")
    refused = [each for each in entries(view) if each["outcome"] == "refused"]
    assert [(each["title"], each["error"]) for each in refused] == [("slash command acknowledgement", "invalid_blocks")]
    assert view.facts["journal"]["refused"] == 1


def active(view: Viewer) -> list[tuple[str, int | None]]:
    return [(each["kind"], each["left"]) for each in view.facts["faults"]["active"]]


async def test_every_offered_fault_can_be_switched_on_and_off_again(
    view: Viewer, alice: Person, slack: SlackSandbox, app: AsyncApp
) -> None:
    await view.watch(alice)
    offered = view.facts["faults"]["offered"]
    assert {each["group"] for each in offered} == {"Slack", "Socket"}
    lasting = [each["kind"] for each in offered if not each["once"]]
    for kind in lasting:
        await view.ask("fault", kind=kind)
    assert [kind for kind, _ in active(view)] == lasting
    assert [each["kind"] for each in offered if each["once"]] == ["disconnect", "drop"]
    one = view.facts["faults"]["active"][0]
    await view.ask("clear_fault", fault=one["id"])
    assert one["id"] not in {each["id"] for each in view.facts["faults"]["active"]}
    await view.ask("clear_fault", fault=None)
    assert active(view) == []
    for kind in ("disconnect", "drop"):
        await slack.connected()
        (before,) = slack.hub.ready
        await view.ask("fault", kind=kind)
        assert before not in slack.hub.ready
    assert (slack.faults.planned, slack.rate_limited, slack.hub.twice, slack.hub.acks_to_lose) == ([], False, False, 0)


async def test_calls_fail_as_often_as_was_asked_for(
    view: Viewer, alice: Person, general: Channel, client: AsyncWebClient
) -> None:
    await view.watch(alice, inspector=True)
    await view.ask("fault", kind="ratelimited_posts", number=2)
    await client.auth_test()
    for left in (1, None):
        with pytest.raises(SlackApiError) as limited:
            await client.chat_postMessage(channel=general.id, text="x")
        assert limited.value.response.headers["Retry-After"] == "2"
        await view.until(lambda left=left: active(view) == ([("ratelimited_posts", left)] if left else []))
    await client.chat_postMessage(channel=general.id, text="x")
    posts = await view.until(lambda: [each for each in entries(view) if each["title"] == "chat.postMessage"][2:] and [
        each["outcome"] for each in entries(view) if each["title"] == "chat.postMessage"])  # fmt: skip
    assert posts == ["fault", "fault", "ok"]
    assert view.facts["journal"]["refused"] == 0


async def test_an_answer_that_gets_lost_leaves_the_message_there(
    view: Viewer, alice: Person, general: Channel, client: AsyncWebClient
) -> None:
    await view.watch(alice, general)
    await view.ask("fault", kind="lost_answers", number=1)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=general.id, text="there")
    await view.until(lambda: view.texts(general) == ["there"])


async def test_streams_die_and_stay_dead_until_switched_off(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    root = await slack.say(general, alice, "go")
    await view.watch(alice, general, root)
    begin: Json = {"channel": general.id, "thread_ts": root, "recipient_user_id": alice.id}
    begin.update(recipient_team_id=slack.team_id, markdown_text="x")
    first = await client.api_call("chat.startStream", json=begin)
    await view.ask("fault", kind="dead_streams")
    assert view.messages(general, root)[1]["streaming"] is False
    second = await client.api_call("chat.startStream", json=begin)
    for started in (first, second):
        with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
            await client.api_call(
                "chat.appendStream", json={"channel": general.id, "ts": started["ts"], "markdown_text": "y"}
            )
    await view.ask("clear_fault", fault=None)
    await client.api_call("chat.appendStream", json={"channel": general.id, "ts": second["ts"], "markdown_text": "y"})


async def test_events_come_twice_and_lost_acknowledgements_bring_them_again(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, app: AsyncApp
) -> None:
    await view.watch(alice, general)
    await view.ask("fault", kind="twice")
    await view.ask("say", channel=general.id, text="one")
    assert len({sent.event_id for sent in slack.envelopes}) == 1
    assert [sent.first_retry_attempt for sent in slack.envelopes] == [0, 1]
    await slack.until(lambda: all(sent.acked_at for sent in slack.envelopes), what="both acknowledged")
    await view.ask("clear_fault", fault=None)
    slack.hub.ack_timeout = 0.1
    await view.ask("fault", kind="lost_acks", number=1)
    await view.ask("say", channel=general.id, text="two")
    await slack.until(lambda: slack.envelopes[-1].acked_at, what="the second acknowledgement")
    assert (len(slack.envelopes), slack.envelopes[-1].attempts) == (3, 2)
    await view.until(lambda: active(view) == [])


class Steered:
    """Controls that note what they are asked."""

    def __init__(self) -> None:
        self.sources: Sequence[FaultSource] = [Slow()]
        self.state = "running"
        self.calls: list[ModelCall] = []
        self.changed: Callable[[], None] = lambda: None

    def bot(self) -> Json | None:
        return {"state": self.state}

    def scenario(self) -> Json | None:
        return {"title": "Tour", "steps": []}

    def model_calls(self) -> Sequence[ModelCall]:
        return self.calls

    async def control_bot(self, what: BotCommand) -> None:
        if what == "kill":
            raise ImpossibleAction("it is stopped")
        self.state = what
        self.changed()

    def on_change(self, changed: Callable[[], None]) -> None:
        self.changed = changed


class Slow:
    """One fault, on or off."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def offers(self) -> Sequence[FaultOffer]:
        return [
            FaultOffer("slow_model", "Model", "Slow", "It is slow.", number=NumberField("How long", "seconds", 3, 1, 9))
        ]

    def active(self) -> Sequence[ActiveFault]:
        return [] if self.seconds is None else [ActiveFault("model-1", "slow_model", "Slow")]

    async def switch_on(self, kind: str, number: float | None) -> None:
        self.seconds = number

    def switch_off(self, fault: str | None) -> None:
        self.seconds = None if fault in (None, "model-1") else self.seconds


async def test_the_launcher_adds_its_own(slack: SlackSandbox, alice: Person) -> None:
    steered = Steered()
    async with Page(slack, controls=steered) as page, viewer(page) as view:
        await view.watch(alice, inspector=True)
        assert (view.facts["bot"], view.facts["scenario"]["title"]) == ({"state": "running"}, "Tour")
        await view.ask("bot", what="restart")
        assert view.facts["bot"] == {"state": "restart"}
        with pytest.raises(Refusal, match=r"It is stopped\."):
            await view.ask("bot", what="kill")
        await view.ask("fault", kind="slow_model", number=4)
        assert active(view) == [("slow_model", None)]
        assert view.facts["faults"]["offered"][-1]["field"] == {
            "label": "How long", "unit": "seconds", "default": 3, "min": 1, "max": 9,
        }  # fmt: skip
        await view.ask("clear_fault", fault="model-1")
        assert active(view) == []
        asked = {"messages": [{"role": "user", "content": f"my token is {slack.bot_token}"}]}
        steered.calls.append(ModelCall(slack.clock.now(), "a/model", 2, 1, asked))
        steered.changed()
        await view.until(lambda: lines(view) == [("model", "a/model", "2 messages, 1 tool", "open")])
        steered.calls[0] = ModelCall(slack.clock.now(), "a/model", 2, 1, asked, {"content": "hi"}, 200, seconds=0.5)
        steered.changed()
        await view.until(lambda: entries(view)[0]["outcome"] == "ok" and entries(view)[0]["ms"] == 500)
        whole = await view.ask("entry", number=view.facts["journal"]["entries"][0])
        assert whole["response"] == {"content": "hi"}
        assert slack.bot_token not in str(whole)
        steered.calls[:] = [ModelCall(slack.clock.now(), "a/model", 3, 1, {})]
        steered.changed()
        await view.until(
            lambda: [each["summary"] for each in entries(view)] == ["2 messages, 1 tool", "3 messages, 1 tool"]
        )
        with pytest.raises(Refusal, match="not kept"):
            await view.ask("entry", number=view.facts["journal"]["entries"][0])
