"""What stands in place of names where they are kept from the model's provider."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, cast

import pytest

from bot.core.inbox import Unread
from bot.core.policy.privacy import Privacy
from bot.core.thread_ref import ThreadRef
from bot.slack.directory import Directory
from bot.slack.labels import file_label, without_names
from bot.slack.quoting import Quoting
from bot.slack.reading import content
from bot.slack.reading.bounds import Bounds
from bot.slack.reading.content import Kind, Section
from bot.slack.reading.files import read
from bot.slack.reading.message import Ourselves
from bot.slack.reading.message import read as read_message


@pytest.mark.parametrize(
    "name",
    ["Dr.Smith", "Q3.projectx", "Kündigung.Müller", "notes.2024", "salaries", "salaries.", "", "a.pdf.Smith", ".acme"],
)
def test_what_is_no_type_of_a_file_is_not_taken_for_one(name: str) -> None:
    assert file_label(name) == "file"
    assert file_label(f"Salaries ({name})") == "file"


@pytest.mark.parametrize(
    ("name", "label"),
    [("Dr.Smith.PDF", "file.pdf"), ("a.tar.gz", "file.gz"), ("Salaries (1).xlsx", "file.xlsx"), ("x.py", "file.py")],
)
def test_a_file_is_named_by_its_type(name: str, label: str) -> None:
    assert file_label(name) == label
    assert file_label(f"Dr.Smith ({name})") == label, "a title of its own comes before the name"


def test_a_file_with_a_title_of_its_own_is_named_by_its_type() -> None:
    section = read({"id": "F1", "name": "salaries.xlsx", "title": "Salaries"}, Bounds())
    assert section is not None
    titled = read({"id": "F1", "name": "salaries.xlsx", "title": "Who earns what"}, Bounds())
    assert titled is not None
    assert titled.title == "Who earns what (salaries.xlsx)"
    for each in (section, titled):
        [shown] = without_names([each], str)
        assert isinstance(shown, Section)
        assert (shown.kind, shown.title) == (Kind.FILE, "file.xlsx")


SECRETS = (
    *("Alice", "Smith", "alice@", "Bob", "Jones", "bob@", "carol@", "Dan", "dan@"),
    *("ops-secret", "plan-secret", "UALICE01", "UBOB0001", "CSECRET1", "FPLAN001"),
)
LINK = "https://acme.slack.com"
MAIL: dict[str, Any] = {
    "id": "F1",
    "name": "Re__plan-secret.eml",
    "title": "Re: plan-secret",
    "subject": "Re: plan-secret for Bob",
    "filetype": "email",
    "from": [{"address": "alice@acme.com", "name": "Alice Smith", "original": "Alice Smith <Alice@acme.com>"}],
    "to": [{"original": "Bob Jones <bob@acme.com>"}, {"address": "carol@acme.com"}],
    "cc": [{"name": "Dan"}],
    "attachments": [{"filename": "plan-secret.pdf"}, {"filename": "notes of Bob"}],
    "plain_text": "kept",
}
FORWARD: dict[str, Any] = {"is_share": True, "author_id": "UBOB0001", "author_name": "Bob", "channel_id": "CSECRET1"}


def attached(**fields: object) -> dict[str, Any]:
    return {"text": "", "attachments": [fields]}


NAMING: dict[str, dict[str, Any]] = {
    "an email": {"text": "see", "files": [MAIL]},
    "an email in a forwarded message": attached(**FORWARD, text="kept", files=[MAIL]),
    "a file's title and name": {
        "text": "kept",
        "files": [{"id": "F2", "name": "plan-secret.pdf", "title": "Plan-secret of Bob"}],
    },
    "a canvas, its authors and editors": {
        "text": "kept",
        "files": [
            {"id": "F3", "title": "plan-secret", "filetype": "quip", "user": "UALICE01", "editors": ["UBOB0001"]}
        ],
    },
    "a list": {"text": "kept", "files": [{"id": "F4", "title": "ops-secret", "mode": "list", "user": "UBOB0001"}]},
    "the beginning of a contact card": {
        "text": "kept",
        "files": [{"id": "F6", "name": "card.vcf", "preview": "BEGIN:VCARD\nFN:Alice Smith"}],
    },
    "the beginning of an email that Slack has not parsed": {
        "text": "kept",
        "files": [{"id": "F7", "name": "mail.eml", "preview": "From: Bob <bob@acme.com>\n"}],
    },
    "the beginning of an appointment": {
        "text": "kept",
        "files": [{"id": "F8", "name": "meeting.ics", "preview": "ORGANIZER:mailto:dan@acme.com"}],
    },
    "a mention in a canvas": {
        "text": "see",
        "files": [{"id": "F9", "title": "Notes", "filetype": "quip", "preview": "kept @UBOB0001 and"}],
    },
    "a file block": {
        "text": "",
        "blocks": [
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "kept"}]}],
            },
            {"type": "file", "file": {"id": "F5", "name": "plan-secret.txt"}},
        ],
    },
    "a forwarded message": attached(**FORWARD, channel_name="ops-secret", text="kept", footer="Posted in #ops-secret"),
    "a forwarded message whose channel only its footer names": attached(
        **FORWARD, text="kept", footer="From a thread in #ops-secret"
    ),
    "a forwarded message of which there is only the fallback": attached(
        is_share=True, fallback="[July 9th, 2026 10:12 AM] Bob Jones: kept"
    ),
    "the preview of a page": attached(
        from_url="https://example.com/1",
        title="kept",
        author_name="Alice Smith",
        author_subname="Bob",
        footer="Added by Bob Jones",
        text="kept",
    ),
    "the preview of a file in Slack": attached(
        from_url=f"{LINK}/files/UBOB0001/FPLAN001/plan-secret.pdf", text="kept", title="kept"
    ),
    "a mention with a name": {"text": "kept <@UBOB0001|Bob Jones>, <#CSECRET1|ops-secret>"},
    "a link to a file": {"text": f"kept <{LINK}/files/UBOB0001/FPLAN001/plan-secret.txt|plan-secret.txt>"},
    "a link to a message": {
        "text": f"kept <{LINK}/archives/CSECRET1/p1700000000000100?thread_ts=1.2&amp;cid=CSECRET1>"
    },
    "a link to a channel": {"text": f"kept <{LINK}/archives/CSECRET1|ops-secret>"},
    "a link to a person": {"text": f"kept <{LINK}/team/UBOB0001|Bob Jones> <slack://user?team=T1&amp;id=UBOB0001|Bob>"},
    "a link in rich text": {
        "text": "",
        "blocks": [
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": "kept "},
                            {
                                "type": "link",
                                "url": f"{LINK}/files/UBOB0001/FPLAN001/plan-secret.txt",
                                "text": "the plan-secret",
                            },
                            {"type": "user", "user_id": "UALICE01"},
                            {"type": "channel", "channel_id": "CSECRET1"},
                        ],
                    }
                ],
            }
        ],
    },
    "an app that posts as a person": {"text": "kept", "bot_id": "B1", "username": "Bob Jones"},
    "a workflow that posts as a person": {"text": "kept", "workflow_id": "Wf1", "username": "Alice Smith"},
    "a new name of the channel": {
        "subtype": "channel_name",
        "user": "UBOB0001",
        "old_name": "ops-secret",
        "text": "<@UBOB0001> has renamed the channel from “ops-secret” to “plan-secret”",
    },
}


def sent(message: Mapping[str, Any]) -> str:
    """What the model reads of a message where names are kept from its provider."""
    return asyncio.run(_quoted(message, Privacy.PRIVATE))


async def _quoted(shown: Mapping[str, Any], level: Privacy) -> str:
    async def privacy(place: ThreadRef) -> Privacy:
        return level

    async def secret() -> bytes:
        return b"secret"

    found = read_message({"user": "UALICE01", **shown}, Ourselves("UBOT"))
    author = found.author
    unread = Unread(
        1,
        author.id or "UALICE01",
        "1700000000.000100",
        "",
        (),
        addressed=False,
        body=content.dumps(found.parts),
        author=author.kind,
        label=author.label,
    )
    quoting = Quoting(cast(Directory, NAMELESS), Ourselves("UBOT"), privacy, secret=secret)
    place = ThreadRef("T1", "C1", "1700000000.000100", "channel")
    [said] = await quoting.quote(place, [unread])
    return f"{said}\n{await quoting.surroundings(place, unread)}"


class Nameless:
    """What the directory says about people and channels."""

    async def name(self, user: str) -> str:
        return "Alice Smith"

    async def names(self, said: str, known: Mapping[str, str]) -> dict[str, str]:
        return {"CSECRET1": "ops-secret"}

    async def conversation(self, channel: str) -> None:
        return None

    async def utc_offset(self, user: str) -> int:
        return 0


NAMELESS = Nameless()


@pytest.mark.parametrize("case", NAMING)
def test_no_name_reaches_the_provider_where_names_are_kept_back(case: str) -> None:
    said = sent(NAMING[case])
    assert [each for each in SECRETS if each.lower() in said.lower()] == [], said
    assert ("kept" in said) is (case != "a new name of the channel"), said


@pytest.mark.parametrize("case", NAMING)
def test_the_same_is_read_with_names_elsewhere(case: str) -> None:
    said = asyncio.run(_quoted(NAMING[case], Privacy.FULL))
    assert any(each.lower() in said.lower() for each in SECRETS), said


def test_people_of_an_email_have_the_same_label_wherever_they_are_in_it() -> None:
    said = sent(
        {
            "text": "see",
            "files": [
                {
                    **MAIL,
                    "cc": [{"name": "A. Smith", "address": "ALICE@acme.com", "original": "A. Smith <ALICE@acme.com>"}],
                }
            ],
        }
    )
    lines = dict(re.findall(r"> (\w+): (.*)", said))
    assert re.fullmatch(r"Person [A-Z2-7]{5}", lines["From"])
    assert lines["Cc"] == lines["From"]
    assert len(set(lines["To"].split(", "))) == 2
    assert lines["Attached"] == "file.pdf, file"
