"""What the bot says of a call in its tool message, read back: how it ended, the reason, changed arguments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

Ending = Literal[
    "ok",
    "error",
    "invalid",
    "denied",
    "replaced",
    "refused",
    "expired",
    "stopped",
    "unshown",
    "assumed",
    "skipped",
    "unresolved",
]

_CHANGED: Final = re.compile(r"\(From the app: a person changed the arguments of this call to ")
_NOTE: Final = re.compile(r"\n\n\[Note: this is call number \d+ with the same arguments and the same end\.[^\]]*\]\Z")
_DENIED: Final = re.compile(
    r"Not run: the person who was asked denied this call\. Do not make it again\."
    r"(?: The reason they gave: (?P<why>.*))?",
    re.DOTALL,
)
_REPLACED: Final = re.compile(
    r"Not run: this call was denied, because the person who asked wants something else instead\."
    r"(?: What they want is in another message\.| Do what they wrote; [^\n]*\n(?:[^:\n]{1,60}: )?(?P<said>.*))",
    re.DOTALL,
)
_BEGINNINGS: Final[tuple[tuple[str, Ending], ...]] = (
    ("Not run: a person stopped the turn", "stopped"),
    ("Broken off: ", "stopped"),
    ("Not run: nobody decided about this call in time", "expired"),
    ("Not run: the request could not be shown in Slack", "unshown"),
    ("Not run: the policy of this workspace does not allow this call", "refused"),
    ("Not run: nobody can approve it", "refused"),
    ("This call was interrupted. The person says that it did run", "assumed"),
    ("This call was interrupted and may or may not have run. The person goes on without", "skipped"),
    ("This call was interrupted and may or may not have run; nobody said which", "unresolved"),
    ("Not run: ", "invalid"),
    ("Error: ", "error"),
)
_SENT: Final = re.compile(r"\n⟦sent [^⟧\n]*⟧\Z")
_CUT: Final = re.compile(r"\n\n\[… [\d,]+ characters left out …\]\n\n")
_decoder = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Result:
    """How one call ended."""

    ending: Ending
    text: str
    """The tool's output, or what went wrong; for a denied call the person's reason, for a replaced one what the person
    wants instead, unless another one has that."""
    changed: dict[str, Any] | None = None
    """The arguments with which it was run, where a person had changed them."""

    @property
    def ok(self) -> bool:
        """It ran and gave a result."""
        return self.ending == "ok"

    @property
    def missing(self) -> bool:
        """It failed because there is no such file."""
        lowered = self.text.lower()
        return not self.ok and any(words in lowered for words in ("enoent", "no such file", "not found"))

    @property
    def cut(self) -> bool:
        """The output is not all there."""
        return _CUT.search(self.text) is not None


def read(content: str) -> Result:
    """The result in a tool message."""
    content = _NOTE.sub("", content)
    changed: dict[str, Any] | None = None
    found = _CHANGED.match(content)
    if found is not None:
        try:
            value, end = _decoder.raw_decode(content, found.end())
        except (ValueError, RecursionError):
            value, end = None, 0
        if isinstance(value, dict) and content.startswith(")\n", end):
            changed, content = value, content[end + 2 :]
    denied = _DENIED.fullmatch(content)
    if denied is not None:
        return Result("denied", (denied["why"] or "").strip(), changed)
    replaced = _REPLACED.fullmatch(content)
    if replaced is not None:
        return Result("replaced", _SENT.sub("", replaced["said"] or "").strip(), changed)
    for beginning, ending in _BEGINNINGS:
        if content.startswith(beginning):
            plain = content.removeprefix(beginning) if ending in ("error", "invalid") else content
            plain = content.removeprefix("Not run: ") if ending == "refused" else plain
            return Result(ending, plain, changed)
    return Result("ok", "" if content == "(no output)" else content, changed)
