"""What is known of calls that list or read resources."""

from __future__ import annotations

from bot.core.json_text import JsonObject
from bot.core.ports.change_guard import ChangeGuard
from bot.core.questions.scope import Offers
from bot.core.tools import Tool


class ResourceGuard(ChangeGuard):
    """The guard of the bot's own tools for resources, which are the same for all servers."""

    async def offers(self, tool: Tool, arguments: JsonObject) -> Offers:
        """Return that a grant covers exactly one call: with anything, it would be about other servers, too."""
        return Offers(exact=True)
