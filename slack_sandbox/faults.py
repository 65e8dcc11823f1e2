"""Faults that a test puts between the app and the sandbox.

kind                 what the app sees                                   was the effect done
ratelimited          429, Retry-After                                    no
server_error         500 (or another status)                             no
server_error_after   500 (or another status)                             yes
drop_before          the connection closes without an answer             no
drop_after           the connection closes without an answer             yes
hang                 no answer until the sandbox closes                  no
slow                 the answer comes `seconds` late                     yes, after the wait
error                {"ok": false, "error": code}                        no
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

FaultKind = Literal[
    "ratelimited", "server_error", "server_error_after", "drop_before", "drop_after", "hang", "slow", "error"
]


@dataclass(slots=True, eq=False)
class Fault:
    """One planned fault; `times` counts down, None never ends."""

    method: str
    kind: FaultKind
    times: int | None
    retry_after: int
    seconds: float
    code: str
    status: int
    match: Callable[[dict[str, Any]], bool] | None


class Faults:
    """The planned faults of a sandbox, tried in the order they were added."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def add(
        self,
        method: str,
        kind: FaultKind,
        *,
        times: int | None = 1,
        retry_after: int = 1,
        seconds: float = 0.0,
        code: str = "internal_error",
        status: int = 500,
        match: Callable[[dict[str, Any]], bool] | None = None,
    ) -> Fault:
        """Plan a fault for the next `times` calls of `method` ("*" means any) whose args satisfy `match`.

        Raises ValueError for an unknown kind.
        """
        if kind not in get_args(FaultKind):
            raise ValueError(f"unknown fault {kind!r}; one of {', '.join(get_args(FaultKind))}")
        fault = Fault(method, kind, times, retry_after, seconds, code, status, match)
        self._planned.append(fault)
        return fault

    @property
    def planned(self) -> list[Fault]:
        """The faults that are not used up."""
        return list(self._planned)

    def remove(self, fault: Fault) -> None:
        """Forget one planned fault; one that is used up is ignored."""
        if fault in self._planned:
            self._planned.remove(fault)

    def clear(self) -> None:
        """Forget every planned fault."""
        self._planned.clear()

    def take(self, method: str, args: dict[str, Any]) -> Fault | None:
        """The fault for this call, used up by one; None when there is none."""
        for fault in self._planned:
            if fault.method in (method, "*") and (fault.match is None or fault.match(args)):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._planned.remove(fault)
                return fault
        return None
