"""The first message of a thread's log: who the model is, where, since when, for whom, with which tools and rules.

It is written once, when a thread begins, and never changes, since each request must begin with the same bytes. What
changes (the time of a request, the tools that are offered) is elsewhere in the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bot.agent.prompt import RULES
from bot.core.inbox import Unread
from bot.core.ports.chat import ChatGateway
from bot.core.prompt_template import Prompts, Template, parse
from bot.core.thread_ref import ThreadRef


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """Writes system prompts from the operator's templates, or from `system_prompt.md` beside this file."""

    gateway: ChatGateway
    prompts: Prompts
    servers: Callable[[], Mapping[str, str]]
    """Returns the tool servers by their keys in the configuration, and how the names of the tools of each begin."""
    instructions: str
    """The operator's own, `[agent] instructions`."""
    bot_name: str
    team: str

    async def of(self, place: ThreadRef, first: Unread) -> str:
        """Return the system prompt of a thread that begins with this message."""
        found = await self.gateway.surroundings(place, first)
        servers = [f"- {key}, whose tools are named {prefix}…" for key, prefix in self.servers().items()]
        values = {
            "bot_name": self.bot_name,
            "team": self.team,
            "channel": found.channel,
            "requester": found.requester,
            "date": found.date,
            "servers": "\n".join(servers) or "none",
            "rules": RULES,
            "instructions": self.instructions,
        }
        return self.prompts.of(place.channel, packaged()).fill(values)


@cache
def packaged() -> Template:
    """Return the template of the package."""
    return parse(resources.files("bot.agent").joinpath("system_prompt.md").read_text("utf-8"))
