"""What passed over the wire, for the inspector: calls, envelopes and requests to the model in one numbered list."""

import time
from collections import deque
from dataclasses import dataclass

from slack_sandbox.journal import ApiCall, Envelope
from slack_sandbox.model import Json
from slack_sandbox.page import summaries
from slack_sandbox.page.controls import Controls, ModelCall
from slack_sandbox.page.texts import text_of
from slack_sandbox.slack import SlackSandbox

SHOWN = 300
"""How many entries the inspector shows."""


Passed = ApiCall | Envelope | ModelCall

_FORGOTTEN = ModelCall(0.0, "", 0, 0, {})
"""Stands for a request to the model that its own journal keeps no longer."""


@dataclass(slots=True)
class Line:
    """One entry."""

    number: int
    what: Passed
    answered: float | None = None
    """When a call was seen to be answered."""
    text: str = ""
    """The JSON text of the entry, once nothing in it can change."""


class Traffic:
    """Numbers what passes in the order of its coming; forgets the oldest, never what the sandbox itself keeps."""

    def __init__(self, slack: SlackSandbox, controls: Controls | None) -> None:
        self.refused = 0
        """How many calls Slack's own rules refused since the list was cleared."""
        self._slack = slack
        self._controls = controls
        self._lines: deque[Line] = deque(maxlen=SHOWN)
        self._open_calls: list[Line] = []
        self._number = 0
        self._models: dict[int, Line] = {}
        """By the identity of the request's body, which a newer entry for the same request has too."""
        self._seen_calls = self._seen_envelopes = self._seen_rejected = 0
        self._wall = time.time() - time.monotonic()

    def look(self) -> None:
        """Take note of what is new. To be called after each change: the time of an answer is when it is seen here."""
        now = time.monotonic()
        fresh: list[tuple[float, Passed]] = []
        calls, envelopes, rejected = self._slack.calls, self._slack.envelopes, self._slack.rejected
        if len(calls) > self._seen_calls:
            fresh.extend((call.at, call) for call in calls[self._seen_calls :])
            self._seen_calls = len(calls)
        if len(envelopes) > self._seen_envelopes:
            fresh.extend((sent.created_at, sent) for sent in envelopes[self._seen_envelopes :])
            self._seen_envelopes = len(envelopes)
        if len(rejected) > self._seen_rejected:
            fresh.extend((c.at, c) for c in rejected[self._seen_rejected :] if c.method.endswith("acknowledgement"))
            self._seen_rejected = len(rejected)
        fresh.extend((call.at - self._wall, call) for call in self._new_requests())
        for _, what in sorted(fresh, key=lambda pair: pair[0]):
            self._number += 1
            line = Line(self._number, what)
            self._lines.append(line)
            if isinstance(what, ApiCall):
                self._open_calls.append(line)
            elif isinstance(what, ModelCall):
                self._models[id(what.request)] = line
        if self._open_calls:
            self._open_calls = [line for line in self._open_calls if not self._answered(line, now)]

    def _new_requests(self) -> list[ModelCall]:
        """The requests to the model that have no line yet; lines of those that were answered get their newer entry."""
        kept = {id(call.request): call for call in (self._controls.model_calls() if self._controls else ())}
        for key in [key for key in self._models if key not in kept]:
            line = self._models.pop(key)
            line.text = self.line(line.number)
            line.what = _FORGOTTEN
        for key, line in self._models.items():
            line.what = kept[key]
        return [call for key, call in kept.items() if key not in self._models]

    def _answered(self, line: Line, now: float) -> bool:
        call = line.what
        if not isinstance(call, ApiCall) or not (call.status or call.fault == "drop_before"):
            return False
        line.answered = now
        self.refused += summaries.refused(call)
        return True

    def numbers(self) -> list[int]:
        """The numbers of the entries that are shown, newest last."""
        return [line.number for line in self._lines]

    def line(self, number: int) -> str:
        """The JSON text of a shown entry."""
        line = self._find(number)
        if line is None:
            return "null"
        if line.text:
            return line.text
        entry: Json = {"number": number, **self._entry(line)}
        text = summaries.without_secrets(text_of(entry), self._slack)
        if entry["outcome"] != "open" and not isinstance(line.what, ModelCall):
            line.text = text
        return text

    def whole(self, number: int) -> str | None:
        """The JSON text of all that passed; None for an entry that is not shown any more."""
        line = self._find(number)
        if line is None or line.what is _FORGOTTEN:
            return None
        what = line.what
        if isinstance(what, ApiCall):
            body: Json = {"request": what.args, "response": what.response or None}
        elif isinstance(what, Envelope):
            frame = {"envelope_id": what.envelope_id, "type": what.type, "payload": what.payload}
            body = {"envelope": frame, "ack": what.ack_payload}
        else:
            body = {"request": what.request, "response": what.response}
        return summaries.without_secrets(text_of(body), self._slack)

    def clear(self) -> None:
        """Forget what is shown; the sandbox's own lists stay."""
        self.look()
        self._lines.clear()
        self.refused = 0

    def _find(self, number: int) -> Line | None:
        index = number - self._lines[0].number if self._lines else -1
        return self._lines[index] if 0 <= index < len(self._lines) else None

    def _entry(self, line: Line) -> Json:
        what = line.what
        if isinstance(what, ApiCall):
            return summaries.of_call(self._slack, what, self._wall, line.answered)
        if isinstance(what, Envelope):
            return summaries.of_envelope(self._slack, what, self._wall)
        return summaries.of_model(what)
