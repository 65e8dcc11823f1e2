"""Finds threads that an earlier version recorded under the workspace of their first author. Functions on a connection.

A thread belongs to the installation. Earlier versions took the outer `team_id` of the event, which may be another
workspace in a channel that is shared through Slack Connect or within an organisation. The id of a channel is the same
in all of them.
"""

from __future__ import annotations

import sqlite3

from bot.core.thread_ref import ThreadRef

MAX_TEAMS = 1_000
"""Workspaces that are searched for a thread."""


def find(connection: sqlite3.Connection, place: ThreadRef) -> int:
    """Return the id of the thread under another team, and move it to the team of the place; 0 if there is none.

    It costs one index lookup for each team in the database, of which there is usually one.
    """
    team = ""
    for _ in range(MAX_TEAMS):
        (team,) = connection.execute("SELECT min(team) FROM threads WHERE team > ?", (team,)).fetchone()
        if team is None:
            return 0
        if team == place.team:
            continue
        row = connection.execute(
            "SELECT id FROM threads WHERE team = ? AND channel = ? AND thread_ts = ?",
            (team, place.channel, place.thread_ts),
        ).fetchone()
        if row is not None:
            connection.execute("UPDATE threads SET team = ? WHERE id = ?", (place.team, row[0]))
            return int(row[0])
    return 0
