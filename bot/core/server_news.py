"""What people and operators are told about tool servers: that one is unavailable or back, and that tools have changed.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.core.json_text import sha256
from bot.core.tools import Audience

PAUSE_SECONDS: Final = 3600.0
"""Operators are told about the tools of one server at most this often; what changes meanwhile is told then."""
MAX_NAMES: Final = 15
"""Names of tools in one sentence."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A tool server that cannot be used now."""

    key: str
    audience: Audience = field(default_factory=Audience)
    known: bool = False
    """Whether its tools are known and still offered, because it ran before."""


@dataclass(frozen=True, slots=True)
class SeenTools:
    """The tools of a server as they were last seen."""

    server: str
    origin: str
    """A digest of how the configuration reaches the server. Where it differs, its tools are those of another server."""
    digests: Mapping[str, str] = field(default_factory=dict[str, str])
    """The digests of the tools' definitions, by name. A tool that is not offered any more stays, so that it is not new
    when it comes back."""
    told_at: float = 0.0
    """When operators were last told about a change, as Unix time; 0 if they never were."""


@dataclass(frozen=True, slots=True)
class ToolNews:
    """What is different about the tools of a server."""

    server: str
    new: Sequence[str] = ()
    changed: Sequence[str] = ()

    def words(self) -> str:
        """Return it in sentences for operators."""
        said = [f"The server `{self.server}` offers {_counted('new', self.new)}."] if self.new else []
        if self.changed:
            begin = "It also has" if said else f"The server `{self.server}` has"
            said.append(
                f"{begin} {_counted('changed', self.changed)}. Standing permissions for what has changed no longer "
                "apply: I ask again."
            )
        return " ".join([*said, "`python -m bot doctor` shows which rule applies to each."])

    def key(self, digests: Mapping[str, str]) -> str:
        """Return the same text for the same news, by which they are told once."""
        return sha256(self.server, *(f"{name} {digests[name]}" for name in sorted((*self.new, *self.changed))))[:24]


def news_of(before: SeenTools | None, now: SeenTools) -> ToolNews | None:
    """Return what operators do not know yet; None if there is nothing. A server that was just configured, or is
    configured differently, is no news: they have done that themselves."""
    if before is None or before.origin != now.origin:
        return None
    new = [name for name in now.digests if name not in before.digests]
    changed = [name for name, digest in now.digests.items() if before.digests.get(name, digest) != digest]
    return ToolNews(now.server, new, changed) if new or changed else None


def unavailable(server: str) -> str:
    """Return what people in a thread read that needs a server which does not run."""
    return f"The tools of `{server}` are unavailable right now. I'll say so here when they're back."


def back(server: str) -> str:
    """Return what they read once it runs again."""
    return f"The tools of `{server}` are back."


def _counted(what: str, names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:MAX_NAMES])
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{len(names)} {what} {'tool' if len(names) == 1 else 'tools'}: {shown}{more}"
