"""Looks up people, user groups and channels in Slack, and caches the answers."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.untrusted import items, mapping, reference
from bot.pace import gathered
from bot.slack.delivery.errors import code_of
from bot.slack.error_kinds import needs_operator
from bot.slack.reading.message import SLACKBOT
from bot.slack.text import referred

log = logging.getLogger(__name__)

T = TypeVar("T")

KEPT_SECONDS = 3600.0
"""How long names are cached."""
FRESH_SECONDS = 60.0
"""How long answers that decide about permissions are cached."""
SHARED_SECONDS = 600.0
"""Maximum age of the answer whether a conversation is shared: it changes rarely, and every turn needs it."""
UNKNOWN_SECONDS = 60.0
"""How long a failed lookup of a name is not repeated; meanwhile the id is shown."""
ASK_SECONDS = 2.0
"""How long a caller waits for Slack."""
LOOKUP_SECONDS = 5.0
"""Time limit of a lookup, which goes on when its caller has stopped waiting: the next caller gets its answer or joins
it. While it runs no other request for the key is sent, so the limit is short."""
MAX_UTC_OFFSET = 15 * 3600
"""Seconds. Time zones differ from UTC by 14 hours at most."""
MAX_TEAMS = 100
"""Workspaces of an organisation in which a user group is looked for."""
MAX_ENTRIES = 10_000
"""Cached entries of each kind."""
PAGE, MAX_PAGES = 1_000, 5
"""Members of a channel per request, and requests per channel. Slack allows 1,000 (conversations.members)."""
MAX_NAMED = 50
"""People and channels in one text that are looked up by name. Any others keep their label or id."""

_ID = re.compile(r"[A-Z][A-Z0-9]{1,31}")


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack says about a user."""

    name: str
    team: str
    active: bool
    """False for deactivated people, bots, and people of whom Slack knows only the name (`is_stranger`)."""
    teams: frozenset[str] = frozenset()
    """Ids of their workspaces within their organisation (Enterprise Grid); empty outside of one."""
    enterprise: str = ""
    """The id of their organisation."""
    guest: bool = False
    """Whether they see only the channels that they are in."""
    utc_offset: int = 0
    """Of their time zone, in seconds."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What Slack says about a channel."""

    kind: str
    """`channel`, `group`, `mpim` or `im`."""
    shared: bool
    """Whether it is shared with another organization or workspace."""
    name: str = ""
    """Without `#`; empty for direct messages."""
    external: bool = False
    """Whether it is shared with another organization, or about to be."""


class Directory:
    """Looks up people (scope users:read), user groups (usergroups:read) and channels (channels:read, groups:read)."""

    def __init__(self, client: AsyncWebClient, *, org_wide: bool = False) -> None:
        """Create a directory. `org_wide`: whether the app is installed in an organisation, where each user group
        belongs to one workspace."""
        self._workspaces = _Kept(lambda _: self._teams(client)) if org_wide else None
        self._people = _Kept(lambda user: self._person(client, user))
        self._groups = _Kept(lambda group: self._members(client, group))
        self._channels = _Kept(lambda channel: self._channel(client, channel))
        self._handles = _Kept(lambda _: self._listed_groups(client))
        self._inside = _Kept(lambda channel: self._people_in(client, channel))

    def forget(self) -> None:
        """Forget what was looked up, so that it is looked up again."""
        for kept in (self._people, self._groups, self._channels, self._handles, self._inside):
            kept.forget()

    @property
    def blocked(self) -> bool:
        """Whether an operator has to act before Slack says who people are, or who is in a user group."""
        return self._people.blocked or self._groups.blocked

    async def workspaces(self) -> tuple[str | None, ...]:
        """Return the workspaces to name in requests, one after the other.

        These are the workspaces of the organisation (at most MAX_TEAMS) if the app is installed in one. Otherwise it is
        only None, since the token determines the workspace. Raises LookupError if Slack does not answer.
        """
        if self._workspaces is None:
            return (None,)
        found = await self._workspaces.get("", KEPT_SECONDS)
        if not found:
            raise LookupError("no workspace of the organisation is known")
        return found

    async def name(self, user: str) -> str:
        """Return a person's display name; the id if Slack does not answer."""
        person = await self._people.get(user, KEPT_SECONDS)
        return (person.name if person is not None else "") or user

    async def utc_offset(self, user: str) -> int:
        """Return the offset of a person's time zone from UTC in seconds, at most an hour old; 0 if Slack does not
        answer."""
        person = await self._people.get(user, KEPT_SECONDS)
        return person.utc_offset if person is not None else 0

    async def conversation(self, channel: str) -> Conversation | None:
        """Return what Slack says about a conversation, for its name; None if Slack does not answer."""
        return await self._channels.get(channel, KEPT_SECONDS)

    async def person(self, user: str) -> Person | None:
        """Return a person, at most a minute old; None if Slack does not answer."""
        return await self._people.get(user, FRESH_SECONDS)

    async def members(self, group: str) -> frozenset[str] | None:
        """Return the members of a user group, at most a minute old; None if Slack does not answer."""
        return await self._groups.get(group, FRESH_SECONDS)

    async def inside(self, channel: str) -> frozenset[str] | None:
        """Return the people in a channel, at most a minute old; None if Slack does not answer. Incomplete for very
        large channels."""
        return await self._inside.get(channel, FRESH_SECONDS)

    async def is_open(self, channel: str) -> bool:
        """Return whether a channel is public or shared with another organization; True if Slack does not answer."""
        found = await self._channels.get(channel, FRESH_SECONDS)
        return found is None or found.shared or found.kind == "channel"

    async def is_external(self, channel: str) -> bool:
        """Return whether a conversation is shared with another organization, or about to be; True if Slack does not
        answer. The answer may be ten minutes old."""
        found = await self._channels.get(channel, SHARED_SECONDS)
        return found is None or found.external

    async def kind(self, channel: str) -> str:
        """Return the kind of a conversation, as in Slack's events; empty if Slack does not answer."""
        found = await self._channels.get(channel, FRESH_SECONDS)
        return found.kind if found is not None else ""

    async def names(self, text: str, known: Mapping[str, str]) -> dict[str, str]:
        """Return the names of the people, channels and user groups that a text mentions, by id, for `readable`.

        text: as Slack delivers it. known: names that need no lookup; they are returned too. Names that Slack does not
        return within `ASK_SECONDS` are left out.
        """
        asked = [each for each in referred(text) if each not in known]
        found = await gathered(map(self._named, asked[:MAX_NAMED]))
        return {**known, **{each: name for each, name in zip(asked, found, strict=False) if name}}

    def known(self, text: str) -> dict[str, str]:
        """Return the cached names of the people and user groups that a text mentions, by id."""
        handles = self._handles.peek("") or {}
        people = {each: self._people.peek(each) for each in referred(text)}
        return {each: name for each, one in people.items() if (name := one.name if one else handles.get(each))}

    async def _named(self, of: str) -> str:
        if of[0] in "UW":
            person = await self._people.get(of, KEPT_SECONDS)
            return person.name if person is not None else ""
        if of[0] == "S":
            return (await self._handles.get("", KEPT_SECONDS) or {}).get(of, "")
        channel = await self._channels.get(of, KEPT_SECONDS)
        return channel.name if channel is not None else ""

    async def _listed_groups(self, client: AsyncWebClient) -> dict[str, str]:
        groups: list[dict[str, Any]] = []
        for team in await self.workspaces():
            response = await client.usergroups_list(include_disabled=True, team_id=team)
            groups += response.get("usergroups") or []
            if len(groups) >= MAX_ENTRIES:
                break
        return {
            str(group.get("id")): str(group.get("handle") or group.get("name") or "") for group in groups[:MAX_ENTRIES]
        }

    async def _person(self, client: AsyncWebClient, user: str) -> Person:
        try:
            response = await client.users_info(user=user)
        except SlackApiError as error:
            if code_of(error) != "user_not_found":
                raise
            return Person("", "", active=False)
        person: dict[str, Any] = response.get("user") or {}
        profile: dict[str, Any] = person.get("profile") or {}
        name = profile.get("display_name") or profile.get("real_name") or person.get("real_name") or person.get("name")
        # Of Slackbot, users.info says that it is no bot.
        away = user == SLACKBOT or person.get("deleted") or person.get("is_bot") or person.get("is_stranger")
        # docs.slack.dev/reference/objects/user-object: enterprise_user is there for people of an organisation.
        organisation = mapping(person.get("enterprise_user"))
        teams = [*items(person.get("teams")), *items(organisation.get("teams"))]
        return Person(
            str(name or user),
            reference(person.get("team_id")),
            active=not away,
            teams=frozenset(filter(None, map(reference, teams))),
            enterprise=reference(organisation.get("enterprise_id") or person.get("enterprise_id")),
            guest=bool(person.get("is_restricted") or person.get("is_ultra_restricted")),
            utc_offset=_offset(person.get("tz_offset")),
        )

    async def _members(self, client: AsyncWebClient, group: str) -> frozenset[str]:
        problem: SlackApiError | None = None
        # An organisation's token has to name the workspace (docs.slack.dev/reference/methods/usergroups.users.list).
        for team in await self.workspaces():
            try:
                response = await client.usergroups_users_list(usergroup=group, team_id=team)
            except SlackApiError as error:
                if code_of(error) not in ("no_such_subteam", "team_access_not_granted"):
                    raise
                if team is None:
                    return frozenset()
                problem = error
            else:
                return frozenset(str(user) for user in response.get("users") or [])
        raise problem or LookupError("no workspace is known")

    async def _teams(self, client: AsyncWebClient) -> tuple[str, ...]:
        """Return the workspaces of the organisation in which the app is installed; at most one page of them."""
        response = await client.auth_teams_list(limit=MAX_TEAMS)
        return tuple(filter(None, (reference(mapping(team).get("id")) for team in items(response.get("teams")))))

    async def _people_in(self, client: AsyncWebClient, channel: str) -> frozenset[str]:
        found: set[str] = set()
        cursor = ""
        for _ in range(MAX_PAGES):
            response = await client.conversations_members(channel=channel, limit=PAGE, cursor=cursor or None)
            found.update(str(user) for user in response.get("members") or [])
            cursor = str((response.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return frozenset(found)

    async def _channel(self, client: AsyncWebClient, channel: str) -> Conversation:
        response = await client.conversations_info(channel=channel)
        found: dict[str, Any] = response.get("channel") or {}
        shared = found.get("is_ext_shared") or found.get("is_shared") or found.get("is_org_shared")
        marks = (("is_im", "im"), ("is_mpim", "mpim"), ("is_private", "group"))
        kind = next((kind for mark, kind in marks if found.get(mark)), "channel")
        external = found.get("is_ext_shared") or found.get("is_pending_ext_shared") or found.get("pending_shared")
        name = str(found.get("name") or "") if kind in ("channel", "group") else ""
        return Conversation(kind, bool(shared), name, bool(external))


def _offset(value: object) -> int:
    """Return the offset of a time zone in whole minutes, as seconds; 0 for what is none."""
    valid = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_UTC_OFFSET
    return int(str(value)) // 60 * 60 if valid else 0


class _Kept(Generic[T]):
    """A cache of lookups by key. Concurrent lookups of one key share one request."""

    def __init__(self, ask: Callable[[str], Awaitable[T]]) -> None:
        self._ask = ask
        self._known: dict[str, tuple[float, T]] = {}
        self._failed: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[T | None]] = {}
        self.blocked = False
        """Whether the last lookup failed for a reason that an operator has to fix."""

    def forget(self) -> None:
        """Forget all answers."""
        self._known.clear()
        self._failed.clear()

    def peek(self, key: str) -> T | None:
        """Return the last answer, however old; None if there is none."""
        known = self._known.get(key)
        return known[1] if known is not None else None

    async def get(self, key: str, seconds: float) -> T | None:
        """Return the answer, at most this many seconds old; None if there is none. Keys that are not ids are not looked
        up, since a text may mention anything."""
        if key and not _ID.fullmatch(key):  # a list has no key
            return None
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic() - seconds:
            return known[1]
        # After a failure an old name is good enough for a while; answers that decide about permissions are always
        # looked up again.
        if self._failed.get(key, 0.0) > time.monotonic() - min(seconds, UNKNOWN_SECONDS) and seconds > FRESH_SECONDS:
            return known[1] if known is not None else None
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._answer(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        done, _ = await asyncio.wait({task}, timeout=ASK_SECONDS)
        if done:
            return task.result()
        self._remember(self._failed, key, time.monotonic())
        return known[1] if known is not None and seconds > FRESH_SECONDS else None

    async def _answer(self, key: str) -> T | None:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answer = await self._ask(key)
        except Exception as error:  # noqa: BLE001  # any failure means that the answer is unknown
            # What an operator has to fix was reported by the client, once.
            self.blocked = needs_operator(code_of(error))
            level = logging.DEBUG if self.blocked else logging.WARNING
            log.log(level, "Slack did not answer about %s: %s", key, code_of(error))
            self._remember(self._failed, key, time.monotonic())
            return None
        self.blocked = False
        self._remember(self._known, key, (time.monotonic(), answer))
        return answer

    def _remember(self, kept: dict[str, Any], key: str, value: object) -> None:
        kept.pop(key, None)
        if len(kept) >= MAX_ENTRIES:
            del kept[next(iter(kept))]  # the oldest
        kept[key] = value
