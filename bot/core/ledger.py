"""What a turn or a thread has changed: the numbers in a turn's message, and what is recorded of each change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from bot.core.calls import Call, CallOutcome
from bot.core.json_text import sha256
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, UndoState
from bot.core.thread_ref import ThreadRef
from bot.core.tools import UndoSnapshot
from bot.core.untrusted import one_of

CHANGED = (CallOutcome.OK, CallOutcome.ASSUMED)
"""How calls have ended that have changed something."""
DOUBTFUL = (CallOutcome.UNRESOLVED, CallOutcome.SKIPPED)
"""How calls have ended that were cut off and may have changed something."""
RECORDED = (*CHANGED, CallOutcome.DENIED, *DOUBTFUL)
"""How calls have ended that a ledger has an entry for."""
SEVERAL = 2
"""The minimum number of changes for which a turn's message ends with a ledger."""


@dataclass(frozen=True, slots=True)
class TurnLedger:
    """How much a turn has changed."""

    changes: int
    """Calls that have changed something."""
    files: int = 0
    """Different files that they have changed."""
    others: int = 0
    """Those that have changed anything else."""
    denied: int = 0
    doubtful: int = 0
    """Calls that were cut off and may have run."""
    privacy: str = Privacy.FULL
    """How much of it the conversation may see."""


@dataclass(frozen=True, slots=True)
class UndoTally:
    """How many calls of a turn can be undone, and how many were."""

    offered: int = 0
    undoing: int = 0
    undone: int = 0
    refused: int = 0
    by: tuple[str, ...] = ()
    """The ids of those who have undone calls, or are undoing them."""
    words: tuple[str, ...] = ()
    """Why some could not be undone, as sentences; the first few."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A call that has changed something, may have, or was denied, with what is recorded of its change."""

    call: Call
    turn: int
    requester: str
    approval: Approval | None = None
    """The request that let it run, or was denied."""
    before: UndoSnapshot | None = None
    """What it has changed, while that is kept and not too long."""

    @property
    def undo(self) -> UndoState | None:
        """The state of its undo; None if it never had one."""
        return self.approval.undo.state if self.approval is not None and self.approval.undo is not None else None

    @property
    def changed(self) -> bool:
        """Whether it has changed something that was not undone since."""
        return self.call.outcome in CHANGED and self.undo is not UndoState.UNDONE

    @property
    def size(self) -> int:
        """Roughly how many characters there are to show."""
        about = self.approval.size if self.approval is not None else len(self.call.arguments)
        return about + (len(self.before.content) if self.before is not None else 0)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a turn or a thread has changed."""

    thread_id: int
    place: ThreadRef
    entries: Sequence[LedgerEntry]
    """In the order of the log."""
    more: int = 0
    """How many entries are left out: later ones of a turn, earlier ones of a thread."""

    @property
    def digest(self) -> str:
        """Identifies the ledger in windows that come back; it cannot be guessed without knowing what was done."""
        if not self.entries:
            return ""
        first = self.entries[0].call
        return sha256(str(self.thread_id), str(first.id), first.call_id, first.arguments, first.result)


@dataclass(frozen=True, slots=True)
class Changed:
    """The combined changes of one file, folder or other thing."""

    at: int
    """The index of the first of these calls among those that were given."""
    title: str
    """The thing, as it is called now: `release.md`."""
    effect: str = ""
    """The size of the change, in a few words: `new file · +3`."""
    diffs: tuple[str, ...] = ()
    """Complete unified diffs without the lines that name the file: one, or those of the calls in their order where they
    cannot be put together."""
    was: str = ""
    """What it was called before, if it was moved."""
    words: str = ""
    """Remarks, as sentences."""

    @property
    def size(self) -> int:
        """Roughly how many characters there are to show."""
        return len(self.title) + len(self.words) + sum(map(len, self.diffs))


def tally(undos: Sequence[tuple[UndoState, str, str]], most: int = 3) -> UndoTally:
    """Count undos, each with who has requested it and what came of it; at most so many reasons are kept."""
    states = [state for state, _, _ in undos]
    asked = (UndoState.UNDOING, UndoState.UNDONE, UndoState.REFUSED)
    return UndoTally(
        *(states.count(state) for state in (UndoState.OFFERED, *asked)),
        by=tuple(dict.fromkeys(by for state, by, _ in undos if state in asked and by)),
        words=tuple(dict.fromkeys(words for state, _, words in undos if state is UndoState.REFUSED and words))[:most],
    )


def dumped(ledger: TurnLedger | None) -> dict[str, object] | None:
    """Return the numbers of a turn for JSON."""
    return None if ledger is None else asdict(ledger)


def loaded(kept: Mapping[str, object]) -> TurnLedger | None:
    """Return the numbers of a turn from JSON; what another version has added is left out."""
    if not kept:
        return None
    numbers = {name: value for name in _NUMBERS if isinstance(value := kept.get(name), int) and value >= 0}
    if not numbers.get("changes"):
        return None
    privacy = str(kept.get("privacy"))
    return TurnLedger(**numbers, privacy=one_of(Privacy, privacy, Privacy.PRIVATE))


_NUMBERS = ("changes", "files", "others", "denied", "doubtful")
