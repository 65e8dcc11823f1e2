"""What must hold whatever happens, judged by what people pressed, what the outside got and what the file says: not by
what the bot believes."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.tools import Tool
from bot.core.turn_message import loads
from bot.slack.blocks import turn_message
from bot.slack.blocks.review_set import ENDING
from bot.store.sqlite import audit, question_rows
from tests.property.outside import BOB, CAROL, DAVE, STAMPS, Files, Slack, World, unanswered

FINAL = {"denied", "expired", "edited", "stopped", "drifted", "it_ran", "skipped", "withdrawn", "retried"}
MAY_FOLLOW = {"awaiting": FINAL - {"drifted"} | {"approved", "run_again"}} | {
    each: {"drifted"} for each in ("approved", "run_again")
}
"""What may become of each decision."""
NEVER_RAN = ("denied", "expired", "stopped", "invalid", "refused", "unshown")
"""Outcomes of which the model is told that the call did not run."""
APPROVES = {"approved", "run_again", "all.approved"}


class Watch:
    """Looks at everything after each step, and at each call as it arrives at its server."""

    def __init__(self, path: Path, world: World, slack: Slack, files: Files, *, no_self: bool) -> None:
        self._path, self._world, self._slack, self._files, self._no_self = path, world, slack, files, no_self
        files.handed = self._arrives
        self._pressed: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        """(what, request): who has pressed it and might."""
        self._seen: defaultdict[str, str] = defaultdict(str)
        """What was on the card of each request when somebody approved it; decided, it becomes a line."""
        self._handed: Counter[tuple[str, str]] = Counter()
        self._decisions: dict[str, str] = {}
        self._verified: int | None = None
        """The last record when all were looked at."""

    def open(self) -> None:
        """Look at the file, which is there."""
        self._file = sqlite3.connect(self._path, isolation_level=None)

    def close(self) -> None:
        self._file.close()

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        cursor = self._file.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(query, values).fetchall()

    def heard(self, body: JsonObject) -> None:
        """Somebody is about to press something: whether that counts is judged here, apart from the bot."""
        user: str = body["user"]["id"]
        for name, request in _said(body, self._named):
            found = self.rows("SELECT * FROM questions a JOIN calls c ON c.id = a.call WHERE a.id = ?", request)
            if found and body["team"]["id"] == "T1" and self._may(user, found[0], approving=name in APPROVES):
                self._pressed[name.removeprefix("all."), request].add(user)
                if name in APPROVES:
                    self._seen[request] += self._shown(found[0]["post"])

    def _named(self, first: str, endings: str) -> list[str]:
        """The requests of a list, of which one is given, and the ends of the ids of all."""
        ends = {endings[at : at + ENDING] for at in range(0, len(endings), ENDING)}
        beside = "SELECT id FROM questions WHERE post = (SELECT post FROM questions WHERE id = ?)"
        return [row["id"] for row in self.rows(beside, first) if row["id"][-ENDING:] in ends]

    def _may(self, user: str, row: sqlite3.Row, *, approving: bool) -> bool:
        requester = row["requester"]
        if row["tier"] != "destructive":
            return user in (requester, BOB)
        if not approving and user == requester:
            return True
        if self._no_self:
            barred = [requester, *row["editors"].split()] if approving else []
            return user in (BOB, CAROL, DAVE) and user not in barred
        return user in (requester, BOB, CAROL)

    def _approved(self, row: sqlite3.Row) -> bool:
        """Whether enough people have pressed what lets a request's call run."""
        if row["kind"] == "did_it_run":
            return bool(self._pressed["run_again", row["id"]])
        needed = 2 if row["tier"] == "destructive" else 1
        return len(self._pressed["approved", row["id"]]) >= needed

    def over(self, table: str, column: str, key: str, which: str, pick: int) -> None:
        """The time of one of these rows is over."""
        if found := self.rows(which):
            self.rows(f"UPDATE {table} SET {column} = 1 WHERE {key} = ?", found[-1 - pick % len(found)][0])

    def _arrives(self, tool: Tool, arguments: JsonObject) -> None:
        """A call arrives at its server: may it?"""
        for fault in self._wrong_with(tool, arguments):
            self._world.faults.append(f"{tool.remote_name} {arguments}: {fault}")

    def _wrong_with(self, tool: Tool, arguments: JsonObject) -> Iterator[str]:
        text = canonical(arguments)
        calls = self.rows("SELECT * FROM calls WHERE tool = ? AND arguments = ?", tool.name, text)
        if not any(call["state"] == "started" for call in calls):
            yield f"is not on the disk as started: {[(call['state'], call['outcome']) for call in calls]}"
        if tool.read_only:
            return
        self._handed[tool.name, text] += 1
        started = [self.rows("SELECT 1 FROM audit WHERE kind = 'started' AND call = ?", call["id"]) for call in calls]
        if self._handed[tool.name, text] > sum(map(len, started)):
            yield "runs, and nobody took that down"
        approved = self.rows(
            "SELECT a.*, c.tier FROM questions a JOIN calls c ON c.id = a.call WHERE c.tool = ? AND a.arguments = ?"
            " AND a.decision IN ('approved', 'run_again') ORDER BY a.created_at",
            tool.name,
            text,
        )
        if self._handed[tool.name, text] > len(approved):
            yield f"runs for the {self._handed[tool.name, text]}th time with {len(approved)} approvals"
        for row in approved:
            if not self._approved(row):
                yield f"nobody, or not enough people, pressed what request {row['id']} says"
            if arguments[STAMPS[tool.remote_name]] not in self._seen[row["id"]]:
                yield "was not on the card that was approved"
        basis = self._files.basis_now(tool, arguments)
        parts = [tool.server, tool.remote_name, tool.digest, text, *([basis] if basis else [])]
        if approved and approved[-1]["digest"] != sha256(*parts):
            yield "is not as the card showed it any more"

    def _shown(self, post: int) -> str:
        [[key]] = self.rows("SELECT key FROM posts WHERE id = ?", post)
        return json.dumps(self._slack.messages[key].payload) if key in self._slack.messages else ""

    def check(self) -> None:
        """What must hold after every step."""
        assert self._world.faults == []
        self._settled_once()
        self._records_are_sound()
        self._calls_fit_their_requests()
        self._undone_once()
        self._logs_are_whole()

    def _settled_once(self) -> None:
        for row in self.rows("SELECT id, decision FROM questions WHERE call IS NOT NULL"):
            before, after = self._decisions.get(row["id"], "awaiting"), row["decision"]
            # Between two looks an approved request may have drifted.
            allowed = {before} | MAY_FOLLOW.get(before, set()) | ({"drifted"} if before == "awaiting" else set[str]())
            assert after in allowed, f"request {row['id']} was {before} and is {after}"
            self._decisions[row["id"]] = after

    def _records_are_sound(self) -> None:
        # The whole chain again when something was added; at the end it is looked at in any case.
        [[last]] = self.rows("SELECT max(seq) FROM audit")
        if last != self._verified:
            assert audit.verify(self._file).findings == []
            self._verified = last
        told: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows("SELECT approval, kind FROM audit WHERE approval <> ''"):
            told[row["approval"]][row["kind"]] += 1
        for approval, decision in self._decisions.items():
            kinds = told[approval]
            settled = kinds["decided"] + kinds["expired"] + kinds["edited"]
            assert kinds["requested"] == 1
            assert settled == (decision != "awaiting"), f"request {approval} was settled {settled} times"
            assert kinds["drifted"] == (decision == "drifted")
            assert max(kinds["undo"], kinds["undone"], kinds["reminded"]) <= 1

    def _calls_fit_their_requests(self) -> None:
        for call in self.rows("SELECT c.*, t.ended_at FROM calls c JOIN turns t ON t.id = c.turn_id"):
            found = self.rows("SELECT decision FROM questions WHERE call = ?", call["id"])
            waits = [row for row in found if row["decision"] == "awaiting"]
            assert not waits or (len(waits) == 1 and call["state"] in ("awaiting", "unknown")), "asked about needlessly"
            ran = self._handed[call["tool"], call["arguments"]]
            assert not ran or call["outcome"] not in NEVER_RAN, f"the model is told of a run: {call['outcome']}"
            assert call["ended_at"] is None or call["state"] == "finished", "the turn ended without its call"

    def _undone_once(self) -> None:
        assert all(times == 1 for times in self._files.undone.values()), "taken back twice"
        undos = self.rows("SELECT approval FROM undos WHERE state IN ('undone', 'undoing', 'refused')")
        assert len(self._files.undone) <= len(undos)
        for row in undos:
            assert self._pressed["undo", row["approval"]], "undone, and nobody asked for it"

    def _logs_are_whole(self) -> None:
        messages = [json.loads(row["body"]) for row in self.rows("SELECT body FROM messages ORDER BY seq")]
        made = [place for place, message in enumerate(messages) if message.get("tool_calls")]
        last = made[-1] if made and len(messages) == made[-1] + 1 else len(messages)
        assert unanswered(messages[:last]) == "", "only the last calls of a log may be without an answer"

    def check_end(self) -> None:
        """What must hold when every turn has come to its end."""
        self._verified = None
        self.check()
        messages = [json.loads(row["body"]) for row in self.rows("SELECT body FROM messages ORDER BY seq")]
        assert unanswered(messages) == ""
        assert self.rows("SELECT 1 FROM turns WHERE ended_at IS NULL") == []
        assert self.rows("SELECT 1 FROM inbox WHERE seq IS NULL AND addressed") == []
        assert self.rows("SELECT 1 FROM questions WHERE decision = 'awaiting'") == []
        assert self.rows("SELECT 1 FROM undos WHERE state = 'undoing'") == []
        # What an earlier card says of a call holds for its time; what was asked later is said on the later card.
        asked_once = (
            "SELECT id, key FROM posts WHERE kind = 'turn' AND state = 'posted' AND id NOT IN (SELECT post FROM"
            " questions WHERE call IN (SELECT call FROM questions GROUP BY call HAVING count(*) > 1))"
        )
        for post, key in self._file.execute(asked_once):
            [[payload]] = self._file.execute("SELECT payload FROM posts WHERE id = ?", (post,))
            wanted: Any = turn_message.render(loads(payload), question_rows.of_post(self._file, post))
            assert self._slack.messages[key].payload["blocks"] == wanted["blocks"], "a message shows what is not so"


def _said(body: JsonObject, named: Callable[[str, str], Sequence[str]]) -> Sequence[tuple[str, str]]:
    """(what, request) pairs that a button or a window is about. `named`: the requests of a set."""
    if body["type"] == "view_submission":
        window = str(body["view"]["callback_id"]).removeprefix("approval.")
        return [(window, json.loads(body["view"]["private_metadata"])["o"][0])]
    action: JsonObject = body["actions"][0]
    value: JsonObject = json.loads((action.get("selected_option") or action)["value"])
    name = str(action["action_id"]).removeprefix("approval.").rstrip("0123456789").rstrip(".")
    if "r" in value:
        return [(name, each) for each in named(value["r"], value["n"])]
    return [(value.get("k", name), each) for each in ([pair[0] for pair in value.get("all", ())] or [value["a"]])]
