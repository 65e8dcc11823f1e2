"""The bot's token goes to Slack and to nobody else, and what comes back is the file or a reason."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.attached.download import Downloads, FileProblem
from bot.slack.attached.links import FileLink, Link, MessageLink, found, parsed
from bot.slack.reading.content import FileRef, Kind, Section, Words
from bot.slack.web_client import Problems

pytestmark = pytest.mark.anyio

REAL = "https://slack.com/api/"
LOCAL = "http://127.0.0.1:9999/api/"


class Answer:
    """A response."""

    def __init__(self, body: bytes = b"Hello", status: int = 200, **headers: str) -> None:
        self.status, self._body = status, body
        self.headers: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def content(self) -> Answer:
        return self

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        yield self._body


class Session:
    """Answers requests, and notes who has got the token."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncGenerator[Answer]:
        assert options["allow_redirects"] is False
        assert options["headers"] == {"Authorization": "Bearer xoxb-1"}
        self.asked.append(url)
        yield self._answers[url]


def downloads(session: Session, api: str = REAL) -> Downloads:
    return Downloads(cast(AsyncWebClient, None), session, "xoxb-1", api, 1_000, Problems(), seconds=5)


def file(url: str, media: str = "text/plain", size: int = 5) -> FileRef:
    return FileRef("F1", "a.txt", media, size, url)


GOOD = "https://files.slack.com/files-pri/T1-F1/download/a.txt"


@pytest.mark.parametrize(
    ("url", "api", "trusted"),
    [
        (GOOD, REAL, True),
        ("https://files.slack.com:443/a", REAL, True),
        ("https://files.slack-gov.com/a", REAL, True),
        ("http://files.slack.com/a", REAL, False),
        ("https://files.slack.com:8443/a", REAL, False),
        ("https://files.slack.com.evil.example/a", REAL, False),
        ("https://evil.example/files.slack.com", REAL, False),
        ("https://files.slack.com@evil.example/a", REAL, False),
        ("https://user:password@files.slack.com/a", REAL, False),
        ("https://evilfiles.slack.com/a", REAL, False),
        ("https://slack.com/api/a", REAL, False),
        ("https://acme.slack.com/files-pri/a", REAL, False),
        ("https://docs.google.com/document", REAL, False),
        ("file:///etc/passwd", REAL, False),
        ("http://[::1", REAL, False),
        ("", REAL, False),
        ("http://127.0.0.1:9999/files-pri/a", LOCAL, True),
        ("http://127.0.0.1:9998/files-pri/a", LOCAL, False),
        ("https://127.0.0.1:9999/files-pri/a", LOCAL, False),
        ("http://127.0.0.1:9999/files-pri/a", REAL, False),
    ],
)
def test_the_token_is_sent_to_slacks_own_hosts_only(url: str, api: str, trusted: bool) -> None:
    assert downloads(Session({}), api).is_slack(url) is trusted


async def test_an_address_elsewhere_is_not_asked() -> None:
    session = Session({})
    with pytest.raises(FileProblem, match="it is kept outside of Slack"):
        await downloads(session).content(file("https://evil.example/a"))
    assert session.asked == []


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https://evil.example/a", "outside of Slack"),
        ("//evil.example/a", "outside of Slack"),
        ("https://acme.slack.com/?redir=%2Ffiles-pri", "files:read"),
        (GOOD, "Slack did not deliver it"),
    ],
)
async def test_a_redirect_is_followed_to_slack_only_and_not_for_ever(location: str, why: str) -> None:
    session = Session({GOOD: Answer(status=302, Location=location)})
    with pytest.raises(FileProblem, match=why):
        await downloads(session).content(file(GOOD))
    assert set(session.asked) == {GOOD}


async def test_a_redirect_within_slack_is_followed() -> None:
    other = "https://files.slack.com/other"
    session = Session({GOOD: Answer(status=302, Location="/other"), other: Answer(Content_Type="text/plain")})
    assert await downloads(session).content(file(GOOD)) == b"Hello"


@pytest.mark.parametrize(
    ("answer", "media", "why"),
    [
        (Answer(b"<html>Sign in", Content_Type="text/html; charset=utf-8"), "text/plain", "files:read"),
        (Answer(b"<html>Sign in", Content_Type="text/html"), "text/html", "files:read"),
        (Answer(status=401), "text/plain", "files:read"),
        (Answer(status=403), "text/plain", "does not let me read it"),
        (Answer(status=404), "text/plain", "deleted"),
        (Answer(status=410), "text/plain", "deleted"),
        (Answer(b"x" * 1_001), "text/plain", "too large"),
    ],
)
async def test_what_is_not_the_file_is_a_reason(answer: Answer, media: str, why: str) -> None:
    with pytest.raises(FileProblem, match=why):
        await downloads(Session({GOOD: answer})).content(file(GOOD, media))


async def test_an_html_file_of_its_size_is_the_file() -> None:
    session = Session({GOOD: Answer(b"<p>Hi", Content_Type="text/html")})
    assert await downloads(session).content(file(GOOD, "text/html")) == b"<p>Hi"


LINKS: dict[str, Link | None] = {
    "https://acme.slack.com/archives/C12AB/p1700000000123456": MessageLink("C12AB", "1700000000.123456"),
    "https://acme.slack.com/archives/C12AB/p1700000001123456?thread_ts=1700000000.123456&cid=C12AB": MessageLink(
        "C12AB", "1700000001.123456", "1700000000.123456"
    ),
    "https://acme.enterprise.slack.com/archives/D12AB/p1700000000123456": MessageLink("D12AB", "1700000000.123456"),
    "https://acme.slack.com/files/U12AB/F12AB/plan.pdf": FileLink("F12AB"),
    "https://acme.slack.com/files/U12AB/F12AB": FileLink("F12AB"),
    "https://acme.slack.com/archives/C12AB": None,
    "https://evil.example/archives/C12AB/p1700000000123456": None,
    "https://evilslack.com/archives/C12AB/p1700000000123456": None,
    "https://acme.slack.com/archives/C12AB/p17": None,
    "https://acme.slack.com/archives/../p1700000000123456": None,
    "https://[::1/archives/C12AB/p1700000000123456": None,
}


@pytest.mark.parametrize("address", LINKS)
def test_links_of_slack_are_recognized_and_others_are_not(address: str) -> None:
    assert parsed(address, "acme.slack.com") == LINKS[address]


def test_links_count_in_the_authors_own_words_and_once() -> None:
    one = "<https://acme.slack.com/archives/C1A/p1700000000123456|that one>"
    other = "<https://acme.slack.com/archives/C2B/p1700000000123456>"
    shown = Section(Kind.FORWARD, (Words("x"),), source="<#C2B|plans>")
    said = [Words(f"see {one} and {one}, `{one.replace('C1A', 'C3C')}`, {other}"), Section(Kind.QUOTE, (Words(other),))]
    assert found([*said, shown], "") == [MessageLink("C1A", "1700000000.123456")]
    assert found(said, "")[1:] == [MessageLink("C2B", "1700000000.123456")]
