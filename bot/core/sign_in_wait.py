"""What is recorded when a call has to wait until a person has signed in. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.calls import Call
from bot.core.posts import Draft
from bot.core.questions.question import Card


@dataclass(frozen=True, slots=True)
class SignInWait:
    """A call waits until its person has signed in."""

    call: Call
    person: str
    server: str
    card: Card | None = None
    """Asks the person. It is recorded only if they are not asked to sign in to this server already."""
    state: str = ""
    """`OpenSignIn.state`."""
    sealed: bytes = field(default=b"", repr=False)
    """`OpenSignIn.sealed`."""
    notice: Sequence[Draft] = ()
    """Posted instead, if they are."""
