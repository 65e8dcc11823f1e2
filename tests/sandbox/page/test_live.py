"""What a page is told, and what it may ask: over a real WebSocket, without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from slack_sandbox.model import Channel, Person
from slack_sandbox.page import Page, live
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.link import link
from tests.sandbox.page.client import Refusal, Viewer, viewer

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


def button(text: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "text": {"type": "plain_text", "text": text}, "action_id": action_id, **more}


def actions(*elements: Json, block_id: str = "ask") -> list[Json]:
    return [{"type": "actions", "block_id": block_id, "elements": list(elements)}]


async def test_a_page_learns_who_there_is_before_it_acts_as_anybody(
    view: Viewer, slack: SlackSandbox, alice: Person, general: Channel
) -> None:
    slack.add_command("/demo", "Shows things", "[what]")
    people = await view.until(lambda: view.facts["workspace"]["people"][1:] and view.facts["workspace"]["people"])
    assert [person["name"] for person in people] == ["Colleague", "Alice Smith", "Bob Jones"]
    workspace = view.facts["workspace"]
    assert (workspace["team"]["name"], workspace["app"]["name"], workspace["channels"]) == ("Try", "Colleague", [])
    await view.until(lambda: view.facts["workspace"]["commands"])
    assert (view.facts["bot"], view.facts["scenario"], "me" in view.facts) == (None, None, False)
    answer = await view.send({"do": "watch", "person": "U404", "channel": None, "thread": None, "earlier": 50})
    assert (answer["ok"], answer["error"]) == (False, "There is no such person here. Choose whom to act as.")
    await view.watch(alice)
    assert [each["name"] for each in view.facts["me"]["channels"]] == ["general", ""]
    assert view.facts["me"]["channels"][1]["kind"] == "im"


async def test_what_changes_is_sent_and_only_that(view: Viewer, alice: Person, bob: Person, general: Channel,
                                                  slack: SlackSandbox) -> None:  # fmt: skip
    await view.watch(alice, general)
    first = await slack.say(general, bob, "one")
    await view.until(lambda: view.texts(general) == ["one"])
    view.frames.clear()
    await slack.say(general, bob, "two")
    await view.until(lambda: view.texts(general) == ["one", "two"])
    assert not any(f"message:{general.id}/{first}" in frame.get("set", {}) for frame in view.frames)
    await slack.edit(general, first, bob, "one!")
    await view.until(lambda: view.texts(general) == ["one!", "two"])
    await slack.delete(general, first, bob)
    await view.until(lambda: view.texts(general) == ["two"])
    assert f"message:{general.id}/{first}" not in view.facts


async def test_what_is_not_watched_is_dropped(view: Viewer, alice: Person, general: Channel,
                                              slack: SlackSandbox) -> None:  # fmt: skip
    ts = await slack.say(general, alice, "here")
    await view.watch(alice, general, ts, inspector=True)
    assert {f"thread:{general.id}/{ts}", "journal"} <= set(view.facts)
    await view.watch(alice)
    assert sorted(key.partition(":")[0] for key in view.facts) == [
        "bot", "faults", "home", "me", "modals", "prompts", "scenario", "workspace",
    ]  # fmt: skip


async def test_a_channel_shows_its_newest_messages_and_earlier_ones_when_asked(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox
) -> None:
    for number in range(5):
        await slack.say(general, alice, str(number))
    await view.watch(alice, general, earlier=2)
    assert view.texts(general) == ["3", "4"]
    assert view.facts[f"channel:{general.id}"]["earlier"] is True
    await view.watch(alice, general, earlier=5)
    assert (len(view.texts(general)), view.facts[f"channel:{general.id}"]["earlier"]) == (5, False)


async def test_an_answer_comes_after_what_its_request_changed(view: Viewer, alice: Person, general: Channel) -> None:
    await view.watch(alice, general)
    ts = await view.ask("say", channel=general.id, text="a & b <https://example.com> <script>")
    assert view.texts(general) == ["a &amp; b <https://example.com> &lt;script&gt;"]
    places = [number for number, frame in enumerate(view.frames) if frame.get("value") == ts or ts in str(frame)]
    assert "set" in view.frames[places[0]]
    await view.watch(alice, general, ts)
    await view.ask("say", channel=general.id, text="reply", thread_ts=ts)
    await view.ask("say", channel=general.id, text="also there", thread_ts=ts, broadcast=True)
    assert view.texts(general, ts)[1:] == ["reply", "also there"]
    assert view.messages(general)[0]["message"]["reply_count"] == 2
    assert view.texts(general)[1] == "also there"
    await view.ask("edit", channel=general.id, ts=ts, text="root")
    await view.ask("react", channel=general.id, ts=ts, name="eyes")
    root = view.messages(general)[0]["message"]
    assert (root["text"], root["reactions"][0]["users"]) == ("root", [alice.id])
    await view.ask("react", channel=general.id, ts=ts, name=":eyes:")
    assert "reactions" not in view.messages(general)[0]["message"]
    await view.ask("delete", channel=general.id, ts=ts)
    assert view.messages(general)[0]["deleted"] is True


async def test_nonsense_is_told_in_words_and_the_connection_stays(
    view: Viewer, alice: Person, bob: Person, general: Channel, slack: SlackSandbox
) -> None:
    await view.watch(alice, general)
    for raw in ("{", "[]", '"x"', "{}", '{"id": "1"}', '{"id": true}', "[" * 100_000, '{"id":1e999}'):
        await view.socket.send_str(raw)
    await view.until(lambda: sum(frame.get("id") == 0 for frame in view.frames) == 8)
    own = await slack.say(general, alice, "mine")
    others = await slack.say(general, bob, "not mine")
    where = {"channel": general.id}
    for what, fields, reason in (
        ("fly", {}, "knows no request 'fly'"),
        ("say", {}, "lacks channel"),
        ("say", {**where, "text": 5}, "lacks text"),
        ("say", {**where, "text": "  "}, "nothing to send"),
        ("say", {**where, "text": "x" * 40_001}, "may have 40,000 characters"),
        ("say", {**where, "text": "\ud800"}, "half a character"),
        ("say", {**where, "text": "x", "files": ["F404"]}, "attach it again"),
        ("say", {**where, "text": "x", "files": "F404"}, "list of texts"),
        ("say", {**where, "text": "x", "thread_ts": "1.1"}, "No message 1.1"),
        ("say", {"channel": "C404", "text": "x"}, "no such conversation"),
        ("edit", {**where, "ts": others, "text": "x"}, "has no message"),
        ("delete", {**where, "ts": others}, "has no message"),
        ("react", {**where, "ts": "1.1", "name": "eyes"}, "is gone"),
        ("react", {**where, "ts": own, "name": "<b>"}, "not the name of an emoji"),
        ("act", {**where, "ts": own, "block_id": "b", "action_id": "a"}, "No 'a' here"),
        ("act", {**where, "ts": "1.1", "block_id": "b", "action_id": "a"}, "is gone"),
        ("act", {"view_id": "V404", "block_id": "b", "action_id": "a"}, "does not have this window"),
        ("act", {**where, "ts": own, "block_id": "b", "action_id": "a", "values": [1]}, "fields of each block"),
        ("submit", {"view_id": "V404", "values": {}}, "does not have this window"),
        ("command", {**where, "command": "/no", "text": ""}, "not a command"),
        ("home", {"tab": "about"}, "must be one of home, messages"),
        ("stop", {**where, "thread_ts": own}, "not processing"),
        ("invite", {**where, "person": "U404"}, "no such person"),
        ("create_channel", {"name": "Big Talk", "private": False}, "small letters"),
        ("create_channel", {"name": "general", "private": False}, "is taken"),
        ("create_person", {"name": " "}, "1 to 80 characters"),
        ("create_person", {"name": "alice smith"}, "already"),
        ("dismiss", {**where, "ts": own}, "is gone"),
        ("fault", {"kind": "flood"}, "no fault 'flood'"),
        ("fault", {"kind": "slow", "number": "5"}, "must be a number"),
        ("fault", {"kind": "slow", "number": 1e9}, "between 0.1 and 120 seconds"),
        ("fault", {"kind": "disconnect"}, "No socket is open"),
        ("bot", {"what": "restart"}, "started elsewhere"),
        ("entry", {"number": 404}, "not kept"),
        ("watch", {"person": alice.id, "channel": "C404"}, "no such conversation"),
        ("watch", {"person": alice.id, "earlier": -1}, "whole number"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            await view.ask(what, **fields)
        sentence = str(refused.value)
        assert reason in sentence, sentence
        assert sentence[0] == sentence[0].upper()
        assert sentence.endswith((".", ")"))
    await view.watch(alice, general)
    assert view.texts(general) == ["mine", "not mine"]


async def test_nobody_acts_as_an_app_or_a_deactivated_person(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox
) -> None:
    gone = slack.add_person("Gone", deleted=True)
    for person_id, reason in ((gone.id, "is deactivated"), (slack.bot_user_id, "is an app"), ("", "lacks as")):
        view.person = person_id
        with pytest.raises(Refusal, match=reason):
            await view.ask("say", channel=general.id, text="x")
    await view.watch(alice)
    alice.deleted = True
    slack.touch()
    await view.until(lambda: "me" not in view.facts)


async def test_what_others_see_stays_with_them(
    view: Viewer, alice: Person, bob: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    secret = slack.add_channel("secret", [bob], "group")
    said = await slack.say(secret, bob, "the password")
    direct = slack.open_dm(bob)
    await slack.say(direct, bob, "the password")
    await client.chat_postEphemeral(channel=general.id, user=bob.id, text="the password")
    home = {"type": "home", "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "the password"}}]}
    await client.views_publish(user_id=bob.id, view=home)
    modal = {**home, "type": "modal", "title": {"type": "plain_text", "text": "the password"}}
    await client.views_open(trigger_id=slack.new_trigger(bob), view=modal)
    prompts = [{"title": "the password", "message": "the password"}]
    await client.assistant_threads_setSuggestedPrompts(channel_id=direct.id, thread_ts="", prompts=prompts)
    hidden = button("the password", "a", visible_to_user_ids=[bob.id])
    shown = await client.chat_postMessage(channel=general.id, text="x", blocks=actions(hidden, button("Go", "b")))
    await view.watch(alice, general, str(shown["ts"]))
    for private in (secret, direct):
        for thread in (None, said):
            with pytest.raises(Refusal, match="no such conversation"):
                await view.watch(alice, private, thread)
        for what, fields in (
            ("say", {"text": "x"}),
            ("react", {"ts": said, "name": "eyes"}),
            ("read", {}),
            ("join", {}),
            ("invite", {}),
            ("command", {"command": "/x", "text": ""}),
        ):
            with pytest.raises(Refusal, match="no such conversation"):
                await view.ask(what, channel=private.id, **fields)
    with pytest.raises(Refusal, match="does not have this window"):
        await view.ask("submit", view_id=slack.modals(bob)[0].id, values={})
    with pytest.raises(Refusal, match="is gone"):
        await view.ask("dismiss", channel=general.id, ts=slack.ephemerals(bob)[0].ts)
    with pytest.raises(Refusal, match="does not see"):
        await view.ask("act", channel=general.id, ts=str(shown["ts"]), block_id="ask", action_id="a")
    everything = str(view.frames)
    assert "the password" not in everything
    assert "'name': 'secret'" not in everything
    await view.watch(bob, secret)
    assert view.texts(secret) == ["the password"]
    assert (view.facts["home"]["type"], len(view.facts["modals"])) == ("home", 1)
    assert view.facts[f"prompts:{direct.id}"]["prompts"] == prompts


async def test_a_guest_from_outside_sees_only_the_channels_they_share(
    view: Viewer, general: Channel, slack: SlackSandbox
) -> None:
    guest = slack.add_person("Dana", team_id="T0ELSEWHERE")
    shared = slack.add_channel("partners", [guest])
    await view.watch(guest, shared)
    assert {each["name"] for each in view.facts["me"]["channels"]} == {"partners", ""}
    for what in ("join", "read"):
        with pytest.raises(Refusal, match="no such conversation"):
            await view.ask(what, channel=general.id)
    with pytest.raises(Refusal, match="guest from outside"):
        await view.ask("create_channel", name="mine", private=False)


async def test_one_joins_a_public_channel_before_writing_there(
    view: Viewer, bob: Person, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    carol = slack.add_person("Carol White")
    random = slack.add_channel("random", [bob])
    posted = await client.chat_postMessage(channel=random.id, text="x", blocks=actions(button("Go", "go")))
    await view.watch(carol, random)
    assert (view.channel(random)["member"], view.texts(random)) == (False, ["x"])
    with pytest.raises(Refusal, match="join it first"):
        await view.ask("say", channel=random.id, text="hi")
    with pytest.raises(Refusal, match="join it first"):
        await view.ask("act", channel=random.id, ts=str(posted["ts"]), block_id="ask", action_id="go")
    slack.subscriptions.add("member_joined_channel")
    await view.ask("join", channel=random.id)
    event = slack.envelopes[-1].payload["event"]
    assert (event["type"], event["user"], "inviter" in event) == ("member_joined_channel", carol.id, False)
    assert view.channel(random)["member"] is True
    await view.ask("say", channel=random.id, text="hi")


async def test_channels_and_people_are_made_and_the_app_is_invited(
    view: Viewer, alice: Person, bob: Person, slack: SlackSandbox
) -> None:
    await view.watch(alice)
    made = (await view.ask("create_channel", name="#plans", private=True))["id"]
    channel = slack.workspace.channels[made]
    assert (channel.kind, list(channel.members)) == ("group", [alice.id])
    slack.subscriptions.add("member_joined_channel")
    await view.ask("invite", channel=made)
    await view.ask("invite", channel=made, person=bob.id)
    assert [sent.payload["event"]["user"] for sent in slack.envelopes] == [slack.bot_user_id, bob.id]
    assert {sent.payload["event"]["inviter"] for sent in slack.envelopes} == {alice.id}
    dana = (await view.ask("create_person", name="Dana  Low"))["id"]
    assert slack.workspace.people[dana].name == "Dana Low"
    with pytest.raises(Refusal, match="direct message"):
        await view.ask("invite", channel=slack.open_dm(alice).id, person=bob.id)


async def test_unread_marks_belong_to_the_person_and_all_their_pages(
    page: Page, view: Viewer, alice: Person, bob: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    await slack.say(general, bob, "one")
    root = await slack.say(general, alice, "mine")
    others = await slack.say(general, bob, f"for <@{alice.id}>")
    await slack.say(general, bob, "to her", thread_ts=root)
    aside = await slack.say(general, slack.add_person("Carol"), "aside")
    await slack.say(general, bob, "not hers", thread_ts=aside)
    await view.watch(alice, general)
    counts = view.channel(general)
    assert (counts["unread"], counts["mentions"]) == (3, 1)  # what came after her own words, and a reply to her
    async with viewer(page) as second:
        await second.watch(alice, general)
        await view.ask("read", channel=general.id)
        await second.until(lambda: second.channel(general)["unread"] == 1)
        await second.ask("read", channel=general.id, thread_ts=root)
        await view.until(lambda: view.channel(general)["unread"] == 0)
        assert view.facts[f"channel:{general.id}"]["read"] == aside > others
        await second.watch(bob)
        assert second.channel(general)["unread"] == 1  # what Carol said after his last words
    direct = slack.open_dm(alice)
    await client.chat_postMessage(channel=direct.id, text="done")
    await view.until(lambda: (view.channel(direct)["unread"], view.channel(direct)["mentions"]) == (1, 1))


async def test_a_click_reaches_the_app_with_the_block_it_sits_in(
    view: Viewer, alice: Person, general: Channel, client: AsyncWebClient, app: AsyncApp
) -> None:
    heard: list[Json] = []

    @app.action("go")
    async def go(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        heard.append(body["actions"][0])
        if body["container"]["is_ephemeral"]:
            await respond(text="settled", replace_original=True)
        else:
            await client.chat_postEphemeral(
                channel=general.id, user=alice.id, text="x", blocks=body["message"]["blocks"]
            )

    posted = await client.chat_postMessage(channel=general.id, text="x", blocks=actions(button("Go", "go", value="7")))
    await view.watch(alice, general)
    await view.ask("act", channel=general.id, ts=str(posted["ts"]), block_id="ask", action_id="go")
    assert (heard[0]["block_id"], heard[0]["value"]) == ("ask", "7")
    note = await view.until(lambda: next(fact for fact in view.messages(general) if fact["ephemeral"]))
    await view.ask("act", channel=general.id, ts=note["message"]["ts"], block_id="ask", action_id="go")
    await view.until(lambda: view.texts(general) == ["x", "settled"])
    await view.ask("dismiss", channel=general.id, ts=note["message"]["ts"])
    assert view.texts(general) == ["x"]


async def test_an_app_that_does_not_acknowledge_is_told_of(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    slack.hub.ack_timeout = 0.05
    slack.add_command("/demo")
    posted = await client.chat_postMessage(channel=general.id, text="x", blocks=actions(button("Go", "go")))
    await view.watch(alice, general)
    with pytest.raises(Refusal, match="did not answer within 3 seconds, so Slack shows a warning sign"):
        await view.ask("act", channel=general.id, ts=str(posted["ts"]), block_id="ask", action_id="go")
    with pytest.raises(Refusal, match="operation_timeout"):
        await view.ask("command", channel=general.id, command="/demo", text="x")


async def test_a_request_that_waits_does_not_hold_up_others(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    slack.hub.ack_timeout = 5
    posted = await client.chat_postMessage(channel=general.id, text="x", blocks=actions(button("Go", "go")))
    await view.watch(alice, general)
    fields = {"channel": general.id, "ts": str(posted["ts"]), "block_id": "ask", "action_id": "go"}
    async with link(slack):
        waiting = asyncio.create_task(view.ask("act", **fields))
        await slack.until(lambda: slack.envelopes[-1].type == "interactive", what="the click")
        await view.ask("say", channel=general.id, text="meanwhile")
        assert not waiting.done()
        more = [asyncio.create_task(view.ask("act", **fields)) for _ in range(64)]
        done, pending = await asyncio.wait(more, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        with pytest.raises(Refusal, match="Too many requests"):
            await done.pop()
        for task in (waiting, *pending):
            task.cancel()
        await asyncio.gather(waiting, *pending, return_exceptions=True)


MODAL: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Form"},
    "submit": {"type": "plain_text", "text": "Send"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "name",
            "label": {"type": "plain_text", "text": "Name"},
            "element": {"type": "plain_text_input", "action_id": "value"},
        },
        {
            "type": "input",
            "block_id": "city",
            "optional": True,
            "label": {"type": "plain_text", "text": "City"},
            "element": {"type": "external_select", "action_id": "value", "min_query_length": 0},
        },
    ],
}


async def test_a_window_is_filled_in_refused_by_the_app_and_closed(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient, app: AsyncApp
) -> None:
    closed = asyncio.Event()

    @app.options("value")
    async def offer(ack: Any, payload: Json) -> None:
        found = {"text": {"type": "plain_text", "text": payload["value"].title()}, "value": payload["value"]}
        await ack(options=[found])

    @app.view("form")
    async def submitted(ack: Any, view: Json) -> None:
        values = view["state"]["values"]
        if values["name"]["value"]["value"] == "bad":
            await ack(response_action="errors", errors={"name": "Not that."})
        elif values["name"]["value"]["value"] == "odd":
            await ack(response_action="errors", errors={"other": "Not that."})
        else:
            assert values["city"]["value"]["selected_option"]["text"]["text"] == "Rome"
            await ack()

    @app.view_closed("form")
    async def gone(ack: Any) -> None:
        await ack()
        closed.set()

    await view.watch(alice, general)
    await client.views_open(trigger_id=slack.new_trigger(alice), view=MODAL)
    view_id = (await view.until(lambda: view.facts["modals"]))[0]["view"]["id"]
    with pytest.raises(Refusal, match="required and empty"):
        await view.ask("submit", view_id=view_id, values={})
    assert await view.ask("submit", view_id=view_id, values={"name": {"value": "bad"}}) == {"closed": False}
    assert view.facts["modals"][0]["errors"] == {"name": "Not that."}
    with pytest.raises(Refusal, match="cannot use the app's answer: invalid_arguments"):
        await view.ask("submit", view_id=view_id, values={"name": {"value": "odd"}})
    with pytest.raises(Refusal, match="has no option 'rome'"):
        await view.ask("submit", view_id=view_id, values={"name": {"value": "x"}, "city": {"value": "rome"}})
    for wrong in (5, [], {}, None):
        with pytest.raises(Refusal):
            await view.ask("submit", view_id=view_id, values={"name": {"value": wrong}})
    offered = await view.ask("options", view_id=view_id, block_id="city", action_id="value", query="rome")
    assert (offered["options"][0]["value"], offered["option_groups"]) == ("rome", [])
    values = {"name": {"value": "x"}, "city": {"value": "rome"}}
    assert await view.ask("submit", view_id=view_id, values=values) == {"closed": True}
    assert view.facts["modals"] == []
    await client.views_open(trigger_id=slack.new_trigger(alice), view=MODAL)
    view_id = (await view.until(lambda: view.facts["modals"]))[0]["view"]["id"]
    await view.ask("close", view_id=view_id)
    assert view.facts["modals"] == []
    await asyncio.wait_for(closed.wait(), 5)


async def test_a_command_runs_and_its_answer_is_for_the_person(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, app: AsyncApp
) -> None:
    slack.add_command("/demo")

    @app.command("/demo")
    async def demo(ack: Any, command: Json) -> None:
        if command["text"] == "all":
            await ack(text="for all", response_type="in_channel")
        else:
            await ack(f"for {command['user_name']}" if command["text"] else "")

    await view.watch(alice, general)
    await view.ask("command", channel=general.id, command="/demo", text="me")
    fact = view.messages(general)[0]
    assert (fact["ephemeral"], fact["message"]["text"]) == (True, "for alice.smith")
    await view.ask("command", channel=general.id, command="/demo", text="all")
    assert [fact["ephemeral"] for fact in view.messages(general)] == [True, False]
    await view.ask("command", channel=general.id, command="/demo", text="")
    assert len(view.messages(general)) == 2


async def test_home_prompts_session_and_stop_come_to_the_page(
    view: Viewer, alice: Person, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    direct = slack.open_dm(alice)
    ts = await slack.say(direct, alice, "go")
    await view.watch(alice, direct, ts)
    await view.ask("home", tab="home")
    event = slack.envelopes[-1].payload["event"]
    assert (event["type"], event["tab"], event["channel"]) == ("app_home_opened", "home", direct.id)
    await client.assistant_threads_setStatus(channel_id=direct.id, thread_ts=ts, status="is thinking…")
    await client.api_call(
        "agents.sessions.setStatus",
        json={"channel_id": direct.id, "thread_ts": ts, "status": "processing", "title": "Going"},
    )
    key = f"thread:{direct.id}/{ts}"
    await view.until(lambda: view.facts[key]["session"] == {"status": "processing", "title": "Going"})
    assert view.facts[key]["status"]["status"] == "is thinking…"
    await view.ask("stop", channel=direct.id, thread_ts=ts)
    assert slack.envelopes[-1].payload["event"]["type"] == "agent_session_stopped"


async def test_others_see_only_how_a_stream_in_a_channel_began(
    page: Page, view: Viewer, alice: Person, bob: Person, general: Channel, slack: SlackSandbox, client: AsyncWebClient
) -> None:
    root = await slack.say(general, alice, "go")
    started = await client.api_call(
        "chat.startStream",
        json={
            "channel": general.id,
            "thread_ts": root,
            "recipient_user_id": alice.id,
            "recipient_team_id": slack.team_id,
            "markdown_text": "I look. ",
        },
    )
    await client.api_call(
        "chat.appendStream", json={"channel": general.id, "ts": started["ts"], "markdown_text": "Found."}
    )
    async with viewer(page) as other:
        await view.watch(alice, general, root)
        await other.watch(bob, general, root)
        assert (view.texts(general, root)[1], view.messages(general, root)[1]["streaming"]) == ("I look. Found.", True)
        assert (other.texts(general, root)[1], "Found" in str(other.frames)) == ("I look. ", False)
        await client.api_call("chat.stopStream", json={"channel": general.id, "ts": started["ts"]})
        await other.until(lambda: other.texts(general, root)[1] == "I look. Found.")
        assert other.messages(general, root)[1]["streaming"] is False


@asynccontextmanager
async def deaf(page: Page, request: Json) -> AsyncGenerator[None]:
    """A page that sends one request and reads nothing of what is sent to it."""
    address = URL(page.address)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(
        f"GET {address.path}live HTTP/1.1\r\nHost: {address.host}:{address.port}\r\nOrigin: {page.origin}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readline()
    content = json.dumps(request).encode()
    unmasked = b"\0\0\0\0"
    writer.write(bytes([0x81, 0x80 | 126]) + len(content).to_bytes(2, "big") + unmasked + content)
    try:
        yield
    finally:
        writer.transport.abort()


async def test_a_page_that_takes_nothing_holds_up_nobody_and_is_given_up(
    page: Page,
    view: Viewer,
    alice: Person,
    bob: Person,
    general: Channel,
    slack: SlackSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.5)
    for _ in range(300):
        await slack.say(general, alice, "x" * 40_000)
    fields: Json = {"person": bob.id, "channel": general.id, "thread": None, "earlier": 1000, "inspector": False}
    async with deaf(page, {"id": 1, "do": "watch", **fields}):
        await view.watch(alice, slack.open_dm(alice))
        for number in range(5):
            await view.ask("say", channel=slack.open_dm(alice).id, text=str(number))
        assert view.texts(slack.open_dm(alice))[-1] == "4"
        assert len(page.connections) == 2
        await slack.until(lambda: len(page.connections) == 1, what="the deaf page to be given up", poll=0.05)


async def test_a_shortcut_of_a_message_and_one_of_the_app_are_used(
    view: Viewer, alice: Person, general: Channel, slack: SlackSandbox, app: AsyncApp
) -> None:
    used: list[str] = []

    async def on_shortcut(ack: Any, shortcut: Json) -> None:
        used.append(f"{shortcut['type']} {shortcut.get('message', {}).get('text', '')}")
        await ack()

    app.shortcut("everywhere")(on_shortcut)
    app.shortcut("here")(on_shortcut)
    slack.add_shortcut("everywhere", "Everywhere", "global")
    slack.add_shortcut("here", "Here", "message")
    ts = await slack.say(general, alice, "hello")
    await view.watch(alice, general)
    assert [each["name"] for each in view.facts["workspace"]["shortcuts"]] == ["Everywhere", "Here"]
    await view.ask("shortcut", callback_id="everywhere")
    await view.ask("shortcut", callback_id="here", channel=general.id, ts=ts)
    assert used == ["shortcut ", "message_action hello"]
