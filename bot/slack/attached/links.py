"""Finds links to messages and files of Slack in what a person has written. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from bot.slack.reading import markup
from bot.slack.reading.content import Kind, Part, Section, Words

MAX_LINKS = 5
"""Links of one message that are read."""
_LINK = re.compile(r"<(https?://[^\s<>|]{1,3000})(?:\|[^<>]*)?>")
_ARCHIVE = re.compile(r"/archives/([CDG][A-Z0-9]{2,30})/p(\d{10})(\d{6})/?")
_FILE = re.compile(r"/files/[UW][A-Z0-9]+/(F[A-Z0-9]{2,30})(?:/[^/]*)?/?")
_THREAD = re.compile(r"\d{10}\.\d{6}")


@dataclass(frozen=True, slots=True)
class MessageLink:
    """A link to a message."""

    channel: str
    ts: str
    thread_ts: str = ""
    """The thread of which it is a reply; empty for other messages."""


@dataclass(frozen=True, slots=True)
class FileLink:
    """A link to a file."""

    id: str


Link = MessageLink | FileLink


def found(parts: Sequence[Part], host: str) -> list[Link]:
    """Return the links to messages and files of Slack in the author's own words, each once.

    host: where our workspace is (`acme.slack.com`); addresses of other hosts of Slack are taken, too. Messages that
    Slack shows for a link are left out.
    """
    links: dict[Link, None] = {}
    shown = [part.source for part in parts if isinstance(part, Section) and part.kind is Kind.FORWARD]
    for part in parts:
        if isinstance(part, Words):
            for address in _LINK.findall(markup.without_code(part.text)):
                link = parsed(address.replace("&amp;", "&"), host)
                if isinstance(link, MessageLink) and any(source.startswith(f"<#{link.channel}") for source in shown):
                    continue
                if link is not None:
                    links[link] = None
    return list(links)[:MAX_LINKS]


def parsed(address: str, host: str) -> Link | None:
    """Return what an address links to; None if it is not a message or a file of Slack."""
    try:
        url = urlsplit(address)
        query = parse_qs(url.query, max_num_fields=20)
    except ValueError:
        return None
    if not (url.hostname == host != "" or (url.hostname or "").endswith((".slack.com", ".slack-gov.com"))):
        return None
    if match := _ARCHIVE.fullmatch(url.path):
        ts, thread = f"{match[2]}.{match[3]}", query.get("thread_ts", [""])[0]
        return MessageLink(match[1], ts, thread if _THREAD.fullmatch(thread) and thread != ts else "")
    match = _FILE.fullmatch(url.path)
    return FileLink(match[1]) if match else None
