"""Builds the Home tab: what the bot is, and the reader's standing grants. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.core.json_text import JsonObject
from bot.core.questions.grant import Grant
from bot.slack.blocks import buttons
from bot.slack.blocks.elements import (
    Block,
    actions,
    code,
    confirmation,
    context,
    date,
    header,
    plain,
    remark,
    rich,
    section,
)

REVOKE = "grant.revoke"
MAX_GRANTS = 30
VALUE = 300
"""Characters of the arguments of a grant."""
ABOUT = (
    "I am a chat agent that asks first: mention me in a channel or write to me, and before anything risky I show "
    "exactly what I would do, and wait for a person."
)


def home(grants: Sequence[Grant]) -> JsonObject:
    """Return the Home tab of a person with the grants they have given."""
    blocks = [rich(section(plain(ABOUT))), header("Standing grants")]
    if not grants:
        blocks.append(remark("There are none: I ask about everything risky. To give one, press Always… on a request."))
    for grant in grants[:MAX_GRANTS]:
        blocks += _grant(grant)
    if len(grants) > MAX_GRANTS:
        blocks.append(remark(f"and {len(grants) - MAX_GRANTS} more. Revoke some of these to see them."))
    return {"type": "home", "blocks": blocks}


def opened_grant(value: str) -> int:
    """Return the id of the grant that a button is about. Raises ValueError if it is not one of ours."""
    content = buttons.parsed(value)
    match content:
        case {"g": int(number)} if len(content) == 1 and not isinstance(number, bool) and 0 < number < 2**63:
            return number
        case _:
            raise ValueError("not a value of ours")


def _grant(grant: Grant) -> list[Block]:
    tool = [code(grant.remote_name), plain(" of "), code(grant.server), *_scope(grant)]
    where = f"in a thread in <#{grant.place}>" if grant.thread_id and _is_channel(grant.place) else "in one thread"
    words = f"{where if grant.thread_id else 'everywhere, for what you ask'} · until {date(grant.expires_at)}"
    asked = confirmation("Revoke this?", "Such calls are then asked about again.", "Revoke", danger=True)
    revoke = buttons.button(REVOKE, "Revoke", json.dumps({"g": grant.id}), style="danger", confirm=asked)
    return [rich(section(*tool)), context(words), actions(f"grant-{grant.id}", [revoke])]


def _scope(grant: Grant) -> list[Block]:
    if grant.scope == "folder":
        return [plain(", only inside "), code(grant.value, VALUE)]
    if grant.scope == "same":
        return [plain(", only with exactly "), code(grant.value, VALUE)]
    return [plain(", with any arguments" if grant.scope == "any" else "")]


def _is_channel(place: str) -> bool:
    return place[:1] in ("C", "G", "D") and place.isascii() and place.isalnum()
