"""Keeps the results that are cut for the model, and answers its calls of `read_more`."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.core import long_results
from bot.core.calls import Call, CallOutcome
from bot.core.long_results import READ_MORE, Kept, Wanted
from bot.core.policy.rules import Tier
from bot.core.ports.attachments import KeptContents
from bot.core.ports.long_results import LongResults
from bot.core.tools import CallResult
from bot.pace import offload

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadMore:
    """Reads results that were kept; without its parts, none are."""

    store: LongResults | None = None
    contents: KeptContents | None = None

    async def keep(self, call: Call, outcome: CallResult) -> None:
        """Keep a result that was cut, before the call is recorded as finished, and tell the model how to read on."""
        if self.contents is None or not outcome.whole:
            return
        try:
            digest = await self.contents.keep(
                await offload(len(outcome.whole), outcome.whole.encode, "utf-8", "replace")
            )
        except OSError as problem:
            log.warning("a long result could not be kept: %s", problem)
            return
        call.rest = Kept(digest, len(outcome.whole)).dumps()
        call.result = f"{call.result}\n{long_results.notice(call.id, len(outcome.whole))}"

    async def answer(self, thread_id: int, call: Call) -> bool:
        """Answer a call of `read_more`. Returns False if it is a call of something else, or nothing can be kept.

        It changes nothing and asks no server, so it is answered where other calls are only evaluated.
        """
        if call.tool != READ_MORE or self.store is None or self.contents is None:
            return False
        call.tier, call.repeatable = Tier.READ.value, True
        call.outcome, call.result = CallOutcome.INVALID, long_results.USAGE
        if (wanted := long_results.wanted(call.arguments)) is None:
            return True
        kept = long_results.loads(await self.store.rest(thread_id, wanted.call))
        if kept is None:
            call.result = long_results.UNKNOWN
            return True
        content = await self.contents.find(kept.digest)
        if content is None:
            call.outcome, call.result = CallOutcome.ERROR, long_results.NOT_KEPT
            return True
        call.outcome, call.result = CallOutcome.OK, await offload(len(content), _read, content, wanted)
        return True


def _read(content: bytes, wanted: Wanted) -> str:
    text = content.decode("utf-8", "replace")
    return long_results.places(text, wanted.search) if wanted.search else long_results.part(text, wanted.start)
