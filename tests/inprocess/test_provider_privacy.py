"""What reaches the model's provider about people: pseudonyms, and no names where the operator keeps them back."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from slack_sandbox.openrouter import text
from tests.harness import World
from tests.inprocess.world import inside
from tests.stamps import unstamped
from tests.unit.attachments import samples
from tests.unit.attachments.test_reader import signed_pdf

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


async def asked(here: World, words: str, thread: str | None = None) -> str:
    """Have the bot asked; out: the thread."""
    requests = len(here.model.requests)
    ts = await here.slack.say(here.general, here.alice, words, thread_ts=thread)
    await here.until(lambda: len(here.model.requests) > requests, what="a request to the model", poll=0.01)
    await here.quiet()
    return thread or ts


MAIL = b"""Received: from mx.acme.com\r
 by carol-mac\r
From: Carol <carol@acme.com>\r
To: Dan\r
 <dan@acme.com>\r
Subject: Budget of May\r
Content-Type: multipart/mixed; boundary=x\r
\r
--x\r
Content-Type: text/plain; name="for-secret.txt"\r
\r
Dear all\r
--x--\r
"""
MEETING = b"""BEGIN:VCALENDAR
SUMMARY:Planning
ORGANIZER;CN=Carol:mailto:
 carol@acme.com
ATTENDEE;CN=Dan:mailto:dan@acme.com
END:VCALENDAR
"""
CARD = b"BEGIN:VCARD\nFN:Carol\nEMAIL:carol@acme.com\nEND:VCARD\n"


def sent(here: World) -> str:
    """Everything that was sent to the provider."""
    return "".join(request.body.decode() for request in here.model.requests)


async def test_people_and_threads_have_pseudonyms_that_last(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        here.model.respond = lambda request: text("Hello.")
        ts = await asked(here, f"<@BOT> ask <@{here.bob.id}>")
        await here.bot.stop()
        await here.bot.start()
        await asked(here, "and now?", ts)
        await asked(here, "<@BOT> another thread")
        first, again, other = here.model.requests
        assert first.user == again.user == other.user
        assert (first.session_id == again.session_id, first.session_id == other.session_id) == (True, False)
        for each in (here.alice.id, here.bob.id, here.general.id, here.slack.team_id, ts):
            assert each not in sent(here), "no id of Slack"
        assert "Alice Smith: ask @Bob Jones" in sent(here)


async def privately(here: World, home: Path, level: str = "private") -> None:
    """Start the bot with this privacy."""
    (home / "bot.toml").write_text(f'[agent]\nprivacy = "{level}"\n')
    here.model.respond = lambda request: text("Hello.")
    await here.bot.start()


async def test_where_all_is_private_people_have_labels_in_place_of_names(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        await privately(here, tmp_path)
        other = here.slack.add_channel("ops", members=[here.bob], bot=False)
        source = await here.slack.say(other, here.bob, "restart it")
        root = await here.slack.forward(here.general, here.alice, other.messages[source], comment="have you seen this?")
        await here.slack.say(here.general, here.bob, "I have", thread_ts=root)
        await asked(here, f"<@BOT> ask <@{here.bob.id}>, not <@{here.alice.id}|Alice>", root)
        await asked(here, "and now?", root)
        for each in ("Alice", "Bob", "Jones", "Smith", here.alice.id, here.bob.id, "#general"):
            assert each not in sent(here), each
        said = [str(each["content"]) for each in here.model.requests[-1].messages if each["role"] == "user"]
        label = re.compile("Person [A-Z2-7]{5}")
        alice, bob = (label.match(said[number]) for number in (0, 1))
        assert alice is not None
        assert bob is not None
        assert alice[0] != bob[0]
        assert unstamped(said[2]) == f"{alice[0]}: ask @{bob[0]}, not @{alice[0]}"
        assert unstamped(said[3]) == f"{alice[0]}: and now?"
        assert "forwarded message, whose author is not known" in said[0]
        prompt = str(here.model.requests[0].messages[0]["content"])
        assert "in a public channel of the workspace Sandbox" in prompt
        assert f"begun by {alice[0]} on " in prompt


@pytest.mark.parametrize("level", ["full", "summary"])
async def test_elsewhere_people_have_their_names(tmp_path: Path, level: str) -> None:
    async with inside(tmp_path, start=False) as here:
        await privately(here, tmp_path, level)
        await asked(here, "<@BOT> hi")
        assert "Alice Smith: hi" in sent(here)


async def test_in_a_direct_message_people_have_their_names(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        await privately(here, tmp_path)
        await here.slack.say(here.slack.open_dm(here.alice), here.alice, "hi")
        await here.until(lambda: len(here.model.requests) > 0, what="a request to the model", poll=0.01)
        await here.quiet()
        assert "Alice Smith: hi" in sent(here)


async def test_where_all_is_private_channels_groups_and_files_have_no_names(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        (tmp_path / "bot.toml").write_text('[agent]\nprivacy = "private"\n[attachments]\ninputs = ["image", "file"]\n')
        here.model.respond = lambda request: text("Hello.")
        await here.bot.start()
        ops = here.slack.add_channel("ops-secret", members=[here.alice, here.bob])
        said = await here.slack.say(ops, here.bob, "restart it", files=[("linked-secret.txt", b"Linked words")])
        link = f"<https://acme.slack.com/archives/{ops.id}/p{said.replace('.', '')}>"
        root = await here.slack.forward(here.general, here.alice, ops.messages[said], comment="see this")
        files = [("plan-secret.txt", b"Words"), ("chart-secret.png", samples.picture()), ("old-secret.zip", b"PK")]
        files += [
            ("signed-secret.pdf", signed_pdf()),
            ("mail-secret.eml", MAIL),
            ("meeting-secret.ics", MEETING),
            ("somebody.vcf", CARD),
        ]
        requests = len(here.model.requests)
        where = f"<#{ops.id}|ops-secret>"
        await here.slack.say(here.general, here.alice, f"<@BOT> see {where} and {link}", files=files, thread_ts=root)
        await here.until(lambda: len(here.model.requests) > requests, what="a request to the model", poll=0.01)
        await here.quiet()
        found = [sent(here)[each.start() - 60 : each.end() + 30] for each in re.finditer("-secret", sent(here))]
        assert found == []
        assert "Words" in sent(here)
        [pages] = re.findall(r"data:application/pdf;base64,([A-Za-z0-9+/=]+)", sent(here))
        assert b"SECRET" not in base64.b64decode(pages)
        assert "Dear all" in sent(here)
        assert "Budget of May" in sent(here)
        assert "Planning" in sent(here)
        assert [each for each in ("carol", "Carol", "dan@", "Dan") if each in sent(here)] == []
        # Who wrote the message is told why a card is not read.
        assert any("contact cards consist of names" in str(each.blocks) for each in here.replies(root))
        assert re.search("see #Channel [A-Z2-7]{5} and", sent(here))
        assert 'file \\"file.txt\\"' in sent(here)
