"""Builds the Home tab: what the bot is, what waits for the reader, their open turns and their standing grants. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath

from bot.core.cost_view import CostList
from bot.core.identity import SignedIn
from bot.core.json_text import JsonObject
from bot.core.policy.privacy import Privacy
from bot.core.questions.ask_person import ASK_PERSON
from bot.core.questions.budget import BUDGET
from bot.core.questions.elicitation import ELICITATION
from bot.core.questions.grant import Grant
from bot.core.questions.missed import MISSED
from bot.core.questions.question import Approval, Question
from bot.core.questions.retry import RETRY, RETRY_TURN
from bot.core.questions.scope import SAME
from bot.core.questions.sign_in import SIGN_IN
from bot.core.thread_ref import ThreadRef
from bot.core.untrusted import mapping
from bot.core.waiting import OpenTurn, Waiting, WaitingQuestion
from bot.slack.blocks import budget_notice, buttons, cost_list, elicitation_card, person_question, sign_in_notice
from bot.slack.blocks.call_text import generic, heading, source
from bot.slack.blocks.elements import (
    Block,
    actions,
    bold,
    code,
    confirmation,
    context,
    date,
    header,
    mention,
    mentions,
    one_line,
    plain,
    remark,
    rich,
    section,
)

REVOKE = "grant.revoke"
STOP = "home.stop"
DISCONNECT = "connection.disconnect"
MAX_BLOCKS = 100
"""Blocks of a Home tab (docs.slack.dev/surfaces/app-home)."""
MAX_WAITING = 10
"""Questions and turns that are listed."""
MAX_GRANTS = 30
MAX_CONNECTED = 10
VALUE = 300
"""Characters of the arguments of a grant."""
MAX_SERVERS = 15
SERVER = 500
"""Characters about one server."""
NAME = 80
"""Characters of the name of a tool."""
ABOUT = (
    "I am a chat agent that asks first: mention me in a channel or write to me, and before anything risky I show "
    "exactly what I would do, and wait for a person."
)
NOTHING_WAITS = "Nothing is waiting for you, and I am working on nothing for you."


_WORDS = {
    RETRY: "I stopped after several failures. Shall I try again?",
    RETRY_TURN: "I could not answer. Shall I try again?",
    MISSED: "Shall I still answer what was written while I was offline?",
}
"""Questions that are the same for all, by kind."""


def home(
    grants: Sequence[Grant],
    waiting: Waiting | None = None,
    url: str = "",
    costs: Sequence[str] = (),
    *,
    connected: Sequence[SignedIn] = (),
    servers: Sequence[str] = (),
    cost_lists: Sequence[CostList] = (),
) -> JsonObject:
    """Return the Home tab of a person.

    Args:
        grants: the grants that the person has given.
        waiting: the questions that wait for the person, and their open turns.
        url: the address of the workspace, for links to messages.
        costs: what was spent, a sentence each; at most a few.
        connected: the servers to which the person has signed in.
        servers: the states of the tool servers, a line each, for operators.
        cost_lists: what was spent by person, channel, model and day, for operators.
    """
    waiting = waiting or Waiting()
    blocks = [
        rich(section(plain(ABOUT))),
        *_waiting(waiting, url),
        *cost_list.costs(costs, cost_lists),
        *_connected(connected),
        *_servers(servers),
        header("Standing grants"),
    ]
    if not grants:
        blocks.append(remark("There are none: I ask about everything risky. To give one, press Always… on a request."))
    room = (MAX_BLOCKS - len(blocks) - 1) // 3
    shown = grants[: min(MAX_GRANTS, room)]
    for grant in shown:
        blocks += _grant(grant)
    if len(grants) > len(shown):
        blocks.append(remark(f"and {len(grants) - len(shown)} more. Revoke some of these to see them."))
    return {"type": "home", "blocks": blocks}


def _servers(lines: Sequence[str]) -> list[Block]:
    if not lines:
        return []
    more = [remark(f"and {len(lines) - MAX_SERVERS} more; doctor shows all")] if len(lines) > MAX_SERVERS else []
    return [header("Tool servers"), *(remark(one_line(line, SERVER)) for line in lines[:MAX_SERVERS]), *more]


def _connected(connected: Sequence[SignedIn]) -> list[Block]:
    blocks = [header("Connected accounts")] if connected else []
    for each in connected[:MAX_CONNECTED]:
        text = "I'll ask you to sign in again when something needs it."
        asked = confirmation("Disconnect this account?", text, "Disconnect", danger=True)
        value = json.dumps({"s": each.server})
        disconnect = buttons.button(DISCONNECT, "Disconnect", value, style="danger", confirm=asked)
        blocks += [
            rich(section(bold(one_line(each.server, NAME)))),
            context(f"since {date(each.since)}"),
            actions(f"connected-{each.id}", [disconnect]),
        ]
    if len(connected) > MAX_CONNECTED:
        blocks.append(remark("There are more. Disconnect some of these to see them."))
    return blocks


def opened_server(value: str) -> str:
    """Return the key of the server that a button is about. Raises ValueError if it is not one of ours."""
    content = mapping(buttons.parsed(value))
    server = content.get("s")
    if len(content) == 1 and isinstance(server, str) and server:
        return server
    raise ValueError("not a value of ours")


def opened_grant(value: str) -> int:
    """Return the id of the grant that a button is about. Raises ValueError if it is not one of ours."""
    return _number(value, "g")


def opened_turn(value: str) -> int:
    """Return the id of the turn that a button is about. Raises ValueError if it is not one of ours."""
    return _number(value, "t")


def _number(value: str, name: str) -> int:
    content = mapping(buttons.parsed(value))
    number = content.get(name)
    if len(content) == 1 and isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**63:
        return number
    raise ValueError("not a value of ours")


def _waiting(waiting: Waiting, url: str) -> list[Block]:
    blocks = [header("Waiting")]
    if not waiting.questions and not waiting.turns:
        return [*blocks, remark(NOTHING_WAITS)]
    for each in waiting.questions[:MAX_WAITING]:
        blocks += _question(each, url)
    if waiting.more_questions:
        blocks.append(remark("More requests wait for you. Decide some of these to see them."))
    if waiting.turns:
        blocks.append(context("*I am working on this for you:*"))
        blocks += [_turn(each, url) for each in waiting.turns[:MAX_WAITING]]
    if waiting.more_turns:
        blocks.append(remark("There is more, which is listed here once some of this has ended."))
    return blocks


_SUMMARIES = {
    BUDGET: budget_notice.summary,
    ASK_PERSON: person_question.summary,
    ELICITATION: elicitation_card.summary,
}


def _question(waits: WaitingQuestion, url: str) -> list[Block]:
    question = waits.question
    link = _link("Open", url, waits.message_channel, waits.message_ts, waits.place)
    by = f" for {mention(question.requester)}" if question.requester else ""
    until = f" · until {date(question.expires_at)}" if question.expires_at < float("inf") else ""
    where = f"{_where(waits.place)}{by} · since {date(waits.since)}{until}"
    return [rich(section(*_what(question))), context(" · ".join(filter(None, (where, link))))]


def _what(question: Question) -> list[Block]:
    if question.kind in _WORDS:
        return [plain(_WORDS[question.kind])]
    if question.kind in _SUMMARIES:
        return [plain(_SUMMARIES[question.kind](question))]
    if question.kind == SIGN_IN:
        return [plain(sign_in_notice.summary(question))]
    if not isinstance(question, Approval):
        return [plain("A question waits for your answer.")]
    if question.privacy not in (Privacy.FULL, Privacy.SUMMARY):
        return [plain("A tool call waits for a decision.")]
    what = heading(question) if question.privacy == Privacy.FULL else generic(question)
    return [bold(f"{one_line(what, NAME)}?"), plain(f" · {one_line(source(question), NAME)}")]


def _turn(turn: OpenTurn, url: str) -> Block:
    waits = turn.waits_for
    if turn.stopping:
        state = "stopped; it ends once what is running has ended"
    elif turn.parked:
        state = "I stopped after several failures; press Retry or write there"
    elif waits is not None:
        state = f"waits for {mentions(waits.people, waits.requester, last=' or ') or 'a person'}"
    else:
        state = "under way"
    link = _link("Open", url, turn.place.channel, turn.place.thread_ts, turn.place)
    words = " · ".join(filter(None, (f"{_where(turn.place)} · since {date(turn.since)} · {state}", link)))
    shown: Block = {"type": "section", "block_id": f"turn-{turn.id}", "text": {"type": "mrkdwn", "text": words}}
    if not turn.stopping:
        text = "Its open requests are closed. What was already done stays done."
        asked = confirmation("Stop this?", text, "Stop", danger=True)
        shown["accessory"] = buttons.button(STOP, "Stop", json.dumps({"t": turn.id}), style="danger", confirm=asked)
    return shown


def _where(place: ThreadRef) -> str:
    if place.kind == "im" or place.channel.startswith("D"):
        return "in a direct message"
    return f"in <#{place.channel}>" if _is_channel(place.channel) else "in a thread"


def _link(label: str, url: str, channel: str, ts: str, place: ThreadRef) -> str:
    """Return a link to a message in the form of chat.getPermalink; empty while it is not posted."""
    digits = ts.replace(".", "")
    if not (url.startswith("https://") or url.startswith("http://")) or not digits.isdecimal():
        return ""
    address = f"{url.rstrip('/')}/archives/{channel}/p{digits}"
    if channel == place.channel and ts != place.thread_ts:
        address += f"?thread_ts={place.thread_ts}&amp;cid={channel}"
    return f"<{address}|{label}>"


def _grant(grant: Grant) -> list[Block]:
    exactly = [plain(": "), code(grant.value, VALUE)] if grant.scope == SAME else []
    tool = [plain("Allowed: "), bold(one_line(grant.words, VALUE)), *exactly] if grant.words else _older(grant)
    where = f"in a thread in <#{grant.place}>" if grant.thread_id and _is_channel(grant.place) else "in one thread"
    words = f"{where if grant.thread_id else 'everywhere, for what you ask'} · until {date(grant.expires_at)}"
    asked = confirmation("Revoke this?", "I'll ask again from now on.", "Revoke", danger=True)
    revoke = buttons.button(REVOKE, "Revoke", json.dumps({"g": grant.id}), style="danger", confirm=asked)
    return [rich(section(*tool)), context(words), actions(f"grant-{grant.id}", [revoke])]


def _older(grant: Grant) -> list[Block]:
    """Return what a grant of an earlier version covers, which has no words for it."""
    tool = [code(grant.remote_name), plain(" of "), code(grant.server)]
    return [*tool, *_scope(grant)]


def _scope(grant: Grant) -> list[Block]:
    if grant.scope == "folder":
        return [plain(", only inside the folder "), code(PurePosixPath(grant.value).name or "/", VALUE)]
    if grant.scope == "same":
        return [plain(", only with exactly "), code(grant.value, VALUE)]
    return [plain(", with any arguments" if grant.scope == "any" else "")]


def _is_channel(place: str) -> bool:
    return place[:1] in ("C", "G", "D") and place.isascii() and place.isalnum()
