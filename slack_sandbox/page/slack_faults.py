"""The faults of Slack itself and of its sockets that the page can switch on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.faults import FaultKind
from slack_sandbox.page.controls import ActiveFault, FaultOffer, NumberField
from slack_sandbox.slack import SlackSandbox
from slack_sandbox.sockets import SocketHub

_CALLS = NumberField("How many calls", "calls", 5, 1, 200)
_POSTS = NumberField("How many messages", "messages", 2, 1, 50)
_SECONDS = NumberField("How long", "seconds", 5, 0.1, 120)
_ACKS = NumberField("How many acknowledgements", "acknowledgements", 2, 1, 50)

_OFFERS = (
    FaultOffer(
        "ratelimited",
        "Slack",
        "Too many requests (429)",
        "Slack answers the next calls with 429, whatever they are, and asks to wait a second.",
        number=_CALLS,
    ),
    FaultOffer(
        "ratelimited_posts",
        "Slack",
        "Too many messages (429)",
        "Slack answers the next chat.postMessage calls with 429 and asks to wait two seconds.",
        number=_POSTS,
    ),
    FaultOffer(
        "server_error",
        "Slack",
        "Slack answers 500",
        "The next calls fail on Slack's side, and nothing of what they ask is done.",
        number=_CALLS,
    ),
    FaultOffer("slow", "Slack", "Slack is slow", "Every call takes this much longer.", number=_SECONDS),
    FaultOffer(
        "lost_answers",
        "Slack",
        "Answers get lost",
        "The next messages are posted, but the connection breaks off before the app learns of it.",
        number=_POSTS,
    ),
    FaultOffer(
        "dead_streams",
        "Slack",
        "Streams die",
        "Every open stream ends, and what is added to a later one is refused (message_not_in_streaming_state).",
    ),
    FaultOffer(
        "rate_limits",
        "Slack",
        "Slack's real rate limits",
        "Slack's published limits hold: so many calls a minute for each method, a message a second in each channel.",
    ),
    FaultOffer(
        "disconnect",
        "Socket",
        "Slack asks to reconnect",
        "Each socket is warned and closes ten seconds later, as from Slack every few hours.",
        once=True,
    ),
    FaultOffer(
        "drop",
        "Socket",
        "The connection is gone",
        "Each socket is cut without a word, as when a network cable is pulled.",
        once=True,
    ),
    FaultOffer(
        "lost_acks",
        "Socket",
        "Acknowledgements get lost",
        "Slack does not get the next ones: it sends events again and shows who pressed a button a warning sign.",
        number=_ACKS,
    ),
    FaultOffer(
        "twice", "Socket", "Every event comes twice", "Slack sends each event once more, as it does when in doubt."
    ),
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a fault of the Web API does: to which method, how, and whether it is over after so many calls."""

    method: str
    kind: FaultKind
    counted: bool = True
    retry_after: int = 1
    code: str = "internal_error"


_PLANS = {
    "ratelimited": _Plan("*", "ratelimited"),
    "ratelimited_posts": _Plan("chat.postMessage", "ratelimited", retry_after=2),
    "server_error": _Plan("*", "server_error"),
    "slow": _Plan("*", "slow", counted=False),
    "lost_answers": _Plan("chat.postMessage", "drop_after"),
    "dead_streams": _Plan("chat.appendStream", "error", counted=False, code="message_not_in_streaming_state"),
}


@dataclass(slots=True)
class _ActiveFault:
    """A fault that is on: how many times it still happens (0: no more; None: until it is switched off), and how it
    ends.
    """

    id: str
    kind: str
    title: str
    left: Callable[[], int | None]
    end: Callable[[], None]


class SlackFaults:
    """A FaultSource over a SlackSandbox."""

    def __init__(self, slack: SlackSandbox) -> None:
        self._slack = slack
        self._on: list[_ActiveFault] = []
        self._count = 0

    def offers(self) -> Sequence[FaultOffer]:
        """What can be switched on."""
        closed = "" if self._slack.hub.ready else "No socket is open."
        return [_unavailable(offer, closed) if offer.once and closed else offer for offer in _OFFERS]

    def active(self) -> Sequence[ActiveFault]:
        """What is on now; what is used up is not."""
        self._on = [on for on in self._on if on.left() != 0]
        return [ActiveFault(on.id, on.kind, on.title, on.left()) for on in self._on]

    async def switch_on(self, kind: str, number: float | None) -> None:
        """Switch on a fault. Raises ImpossibleAction for an unknown kind, or when there is no socket to disturb."""
        offer = next((offer for offer in self.offers() if offer.kind == kind), None)
        if offer is None:
            raise ImpossibleAction(f"There is no fault {kind!r} here.")
        if offer.unavailable:
            raise ImpossibleAction(offer.unavailable)
        value = number if number is not None else offer.number.default if offer.number else 0.0
        if kind in _PLANS:
            self._plan(offer, _PLANS[kind], value)
        if kind == "dead_streams":
            self._slack.end_streams()
        match kind:
            case "rate_limits":
                self._slack.enforce_rate_limits(True)
                self._alone(offer, lambda: self._slack.enforce_rate_limits(False))
            case "disconnect":
                self._slack.disconnect("warning")
            case "drop":
                await self._slack.drop_sockets()
            case "lost_acks":
                self._lose_acks(self._hub.acks_to_lose + int(value))
                self._alone(offer, lambda: self._lose_acks(0), lambda: self._hub.acks_to_lose)
            case "twice":
                self._send_twice(True)
                self._alone(offer, lambda: self._send_twice(False))
            case _:
                pass
        self._slack.touch()

    def switch_off(self, fault: str | None) -> None:
        """Switch off one by its id, or all."""
        for on in self._on:
            if fault in (None, on.id):
                on.end()
        self._on = [on for on in self._on if fault not in (None, on.id)]
        self._slack.touch()

    @property
    def _hub(self) -> SocketHub:
        return self._slack.hub

    def _lose_acks(self, count: int) -> None:
        self._hub.acks_to_lose = count

    def _send_twice(self, twice: bool) -> None:
        self._hub.twice = twice

    def _plan(self, offer: FaultOffer, plan: _Plan, number: float) -> None:
        faults = self._slack.faults
        times = max(1, int(number)) if plan.counted else None
        planned = faults.add(
            plan.method, plan.kind, times=times, retry_after=plan.retry_after, seconds=number, code=plan.code
        )

        def left() -> int | None:
            return planned.times if planned in faults.planned else 0

        self._add(offer, left, lambda: faults.remove(planned))

    def _alone(self, offer: FaultOffer, end: Callable[[], None], left: Callable[[], int | None] = lambda: None) -> None:
        """Note what can be on only once."""
        if not any(on.kind == offer.kind for on in self.active()):
            self._add(offer, left, end)

    def _add(self, offer: FaultOffer, left: Callable[[], int | None], end: Callable[[], None]) -> None:
        self._count += 1
        self._on.append(_ActiveFault(f"slack-{self._count}", offer.kind, offer.title, left, end))


def _unavailable(offer: FaultOffer, why: str) -> FaultOffer:
    return FaultOffer(offer.kind, offer.group, offer.title, offer.hint, offer.once, offer.number, why)
