"""Links to messages and files of Slack in a request: read if whoever wrote the link certainly can see it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Channel, ChannelKind, Person
from slack_sandbox.openrouter import text
from tests.harness import World
from tests.inprocess.world import inside
from tests.stamps import unstamped

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        this.model.respond = lambda request: text("Understood.")
        yield this
        await this.quiet()


def link(channel: Channel, ts: str, thread: str = "") -> str:
    more = f"?thread_ts={thread}&amp;cid={channel.id}" if thread else ""
    return f"<https://acme.slack.com/archives/{channel.id}/p{ts.replace('.', '')}{more}>"


async def asked(
    here: World, words: str, by: Person | None = None, attachments: Sequence[dict[str, Any]] = ()
) -> tuple[str, str]:
    """Have the bot asked; out: the message's timestamp, and what the model read."""
    requests = len(here.model.requests)
    ts = await here.slack.say(here.general, by or here.alice, f"<@BOT> {words}", encoded=True, attachments=attachments)
    await here.until(lambda: len(here.model.requests) > requests, what="a request to the model", poll=0.01)
    await here.quiet()
    return ts, str(here.model.requests[-1].last["content"])


async def test_a_linked_message_is_read_with_its_files_and_its_author(here: World) -> None:
    place = here.slack.add_channel("plans", [here.alice, here.bob], "group")
    ts = await here.slack.say(place, here.bob, "We ship on *Friday*", files=[("plan.txt", b"Step one")])
    _, said = await asked(here, f"summarise {link(place, ts)}")
    assert f"⟦linked message by Bob Jones in #{place.name}⟧\n> We ship on *Friday*" in said
    assert "> > Step one" in said
    assert unstamped(said).endswith("⟦end of linked message⟧")


async def test_a_linked_reply_is_found_in_its_thread(here: World) -> None:
    root = await here.slack.say(here.general, here.bob, "root")
    reply = await here.slack.say(here.general, here.bob, "the reply", thread_ts=root)
    _, said = await asked(here, f"read {link(here.general, reply, root)}")
    assert "> the reply" in said
    assert "> root" not in said


@pytest.mark.parametrize("kind", ["group", "channel"])
async def test_what_the_person_may_not_see_is_not_read(here: World, kind: ChannelKind) -> None:
    secret = here.slack.add_channel("secret", [here.bob], kind)
    ts = await here.slack.say(secret, here.bob, "the password is tea", files=[("keys.txt", b"coffee")])
    file = secret.messages[ts].files[0]
    here.alice.guest = True
    for words in (link(secret, ts), f"<https://acme.slack.com/files/{here.bob.id}/{file.id}/keys.txt>"):
        asking, said = await asked(here, f"read {words}")
        assert "tea" not in said
        assert "coffee" not in said
        assert "I can't tell whether the person who linked it can see it" in said
        await here.reply(asking, "that you linked: I can't tell whether the person who linked it can see it.")


async def test_a_public_channel_is_read_for_a_full_member_who_is_not_in_it(here: World) -> None:
    public = here.slack.add_channel("news", [here.bob])
    ts = await here.slack.say(public, here.bob, "We have moved")
    _, said = await asked(here, f"read {link(public, ts)}")
    assert "> We have moved" in said


async def test_where_the_bot_is_not_nothing_is_read(here: World) -> None:
    here.expected_refusals += ["not_in_channel", "channel_not_found"]
    for kind in ("channel", "group"):
        place = here.slack.add_channel(f"apart-{kind}", [here.alice], kind, bot=False)
        ts = await here.slack.say(place, here.alice, "between us")
        _, said = await asked(here, f"read {link(place, ts)}")
        assert "between us" not in said
        assert "not readable to you" in said


async def test_a_linked_file_is_read_for_those_who_see_where_it_is_shared(here: World) -> None:
    place = here.slack.add_channel("plans", [here.alice, here.bob], "group")
    ts = await here.slack.say(place, here.bob, "here", files=[("plan.txt", b"Step one")])
    file = place.messages[ts].files[0]
    _, said = await asked(here, f"read <https://acme.slack.com/files/{here.bob.id}/{file.id}/plan.txt>")
    assert "> Step one" in said


async def test_a_link_of_somebody_else_is_only_text(here: World) -> None:
    place = here.slack.add_channel("plans", [here.alice, here.bob], "group")
    ts = await here.slack.say(place, here.bob, "the plan")
    root = await here.slack.say(here.general, here.bob, f"see {link(place, ts)}", encoded=True)
    requests = len(here.model.requests)
    await here.slack.say(here.general, here.alice, "<@BOT> what is that?", thread_ts=root)
    await here.until(lambda: len(here.model.requests) > requests, what="a request", poll=0.01)
    await here.quiet()
    assert "the plan" not in "".join(str(each["content"]) for each in here.model.requests[-1].messages)


async def test_a_message_that_is_gone_is_said_to_be(here: World) -> None:
    ts = await here.slack.say(here.general, here.bob, "gone soon")
    await here.slack.delete(here.general, ts, here.bob)
    _, said = await asked(here, f"read {link(here.general, ts)}")
    assert "⟦linked message (not readable to you: it is not there any more)⟧" in said


async def test_a_forwarded_file_is_read_only_for_those_who_see_the_original(here: World) -> None:
    secret = here.slack.add_channel("secret", [here.bob], "group")
    ts = await here.slack.say(secret, here.bob, "x", files=[("keys.txt", b"coffee")])
    file = secret.messages[ts].files[0].as_json()
    forged = [{"is_share": True, "author_id": here.bob.id, "text": "look", "files": [file]}]
    for person, reads in ((here.alice, False), (here.bob, True)):
        _, said = await asked(here, "what is in it?", person, forged)
        assert ("coffee" in said) is reads
