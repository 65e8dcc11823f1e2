"""Slack's sandbox, in which a person waits for what is to be pressed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.interactions import Values
from slack_sandbox.model import Json, Message, Person, View
from slack_sandbox.slack import SlackSandbox

LOOK_SECONDS = 0.01
"""Between two looks at whether an element is there."""


class PatientSlack(SlackSandbox):
    """The sandbox, whose clicks wait until the element is there.

    A test finds a message by its words, and a later update of the same message may bring the button that it presses.
    """

    patience: float = 10.0
    """Seconds that a click waits; 0 where it may be impossible by design."""

    async def click(
        self,
        target: Message | View,
        action: str,
        *,
        by: Person,
        option: Any = None,
        values: Values | None = None,
        block: str | None = None,
    ) -> Json | None:
        """Use an element as soon as it is there. Raise ImpossibleAction if it is not within `patience`."""
        until = time.monotonic() + self.patience
        while True:
            try:
                return await super().click(target, action, by=by, option=option, values=values, block=block)
            except ImpossibleAction:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(LOOK_SECONDS)
