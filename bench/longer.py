"""Adds many turns to a thread directly in the bot's database, which would take hours by talking."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from bot.core.turn_message import TURN as TURN_POST
from bot.core.turn_message import End, Step, StepState, Text, TurnMessage, dumps

TURN = 4
"""Messages in a turn: the person's message, a call, its result, the answer."""
SAID = "Bob Jones: and how does {number} compare with what we had in March – is the trend still upwards? 📈"
RESULT = "{number};north;4711.20;up\n{number};south;1380.75;down\n{number};west;992.00;level\n" * 5
ANSWER = "In row {number} the north is **up** to 4,711.20, the south is down to 1,380.75 and the west is level. " * 3


def grow(database: Path, thread_id: int, length: int) -> int:
    """Extend the log of a thread without an open turn to about `length` messages. Returns how many it then has."""
    connection = sqlite3.connect(database)
    with connection:
        (seq,) = connection.execute("SELECT count(*) FROM messages WHERE thread_id = ?", (thread_id,)).fetchone()
        while seq + TURN <= length:
            _turn(connection, thread_id, seq)
            seq += TURN
    connection.close()
    return seq


def _turn(connection: sqlite3.Connection, thread_id: int, seq: int) -> None:
    """Insert a completed turn, with all rows that it leaves behind, from this position of the log on."""
    name, at = f"grown-{thread_id}-{seq}", 1_700_000_000.0 + seq
    arguments = json.dumps({"path": f"/data/report-{seq}.csv"}, separators=(",", ":"))
    function = {"name": "filesystem__read_text_file", "arguments": arguments}
    said, result, answer = (text.format(number=seq) for text in (SAID, RESULT, ANSWER))
    turn = connection.execute(
        "INSERT INTO turns (thread_id, requester, opened_at, ended_at, outcome, steps) VALUES (?, 'U0', ?, ?,"
        " 'answered', 2)",
        (thread_id, at, at + 1),
    ).lastrowid
    messages: list[dict[str, object]] = [
        {"role": "user", "content": said},
        {"role": "assistant", "content": None, "tool_calls": [{"id": name, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": name, "content": result},
        {"role": "assistant", "content": answer},
    ]
    connection.executemany(
        "INSERT INTO messages (thread_id, seq, turn_id, role, body, at) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (thread_id, place, turn, each["role"], json.dumps(each, ensure_ascii=False, separators=(",", ":")), at)
            for place, each in enumerate(messages, start=seq)
        ],
    )
    # Slack does not have these messages: a bot that starts would report their deletion to the model.
    connection.execute(
        "INSERT INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at, seq, gone)"
        " VALUES (?, ?, ?, 'U0', ?, '[]', 1, ?, ?, 1)",
        (thread_id, name, f"{at:.6f}", said, at, seq),
    )
    connection.execute(
        "INSERT INTO calls (thread_id, turn_id, seq, position, call_id, tool, server, remote_name, arguments,"
        " tool_digest, repeatable, state, outcome, result, attempts, summarised) VALUES (?, ?, ?, 0, ?, ?,"
        " 'filesystem', 'read_text_file', ?, '', 1, 'finished', 'ok', ?, 1, 1)",
        (thread_id, turn, seq + 1, name, function["name"], arguments, result),
    )
    assert turn is not None
    step = Step(name, f"Read report-{seq}.csv", StepState.DONE)
    shown = TurnMessage(turn, person="U0", parts=(step, Text(answer)), end=End.ANSWERED)
    connection.execute(
        "INSERT INTO posts (thread_id, key, kind, payload, state, ts, created_at) VALUES (?, ?, ?, ?, 'posted', ?, ?)",
        (thread_id, shown.key, TURN_POST, dumps(shown), f"{at + 1:.6f}", at),
    )
