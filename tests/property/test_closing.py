"""A turn that was brought to its end says why, whatever the model makes of its last words, and after a restart too."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.agent.prompt import CLOSING, CUT_OFF, EMPTY_TWICE, GO_ON_AFTER, why_closed
from bot.core.limits import Limits
from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.core.transaction import Usage
from bot.errors import ModelError, ModelUnavailable
from tests.property.failing import Broken, Failing, Faults
from tests.property.outside import ScriptedModel
from tests.property.test_settling import FOLDER

STEPS = 2
LIMITS = {
    "steps": Limits(steps=STEPS),
    "time": Limits(turn_seconds=1e-9),
    "repetition": Limits(),
    "no progress": Limits(),
    "cycle": Limits(),
}
SAID = "This is what I have."
Made = Callable[["Closing"], Reply]


def words(content: str | None, finish: str = "stop") -> Made:
    return lambda _: Reply({"role": "assistant", "content": content}, finish, "model", "provider", Usage())


def calls(model: Closing) -> Reply:
    message = {"role": "assistant", "content": None, "tool_calls": [model.made("look", "a.txt")]}
    return Reply(message, "tool_calls", "model", "provider", Usage())


def fails(_: Closing) -> Reply:
    raise ModelUnavailable("nobody is there")


NOTHING: dict[str, Made] = {
    "no words": words(""),
    "no content": words(None),
    "white space": words(" \n\t\u200b\u2060"),
    "calls all the same": calls,
    "nothing, for it was cut off": words("", "length"),
    "white space, cut off": words(" \u200b", "length"),
    "a word that is filtered": words("", "content_filter"),
}


@dataclass
class Closing(ScriptedModel):
    """Makes the same call over and over, and says this when it may make none."""

    last: Made = field(default_factory=lambda: words(SAID))
    period: int = 1
    """It looks at so many files in turn."""
    rounds: int = 0
    raises: int = 0
    """So many of its requests without tools end with an error that nobody expects."""
    told: list[str] = field(default_factory=list[str])
    """What it was told last when it was to say this."""

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        if request.tool_choice != "none":
            self.rounds += 1
            self.wanted = [[("look", self.rounds % self.period)]]
            return await super().complete(request, on_text)
        self.told.append(str(json.loads(list(request.messages)[-1])["content"]))
        if len(self.told) <= self.raises:
            raise Broken("the request")
        return self.last(self)


class Limited(Failing):
    """A bot with other limits and another model."""

    def limit(self, limits: Limits, model: Closing) -> None:
        agent = self._agent
        self._agent = replace(agent, limits=limits, model=model, tool_steps=replace(agent.tool_steps, limits=limits))

    @property
    def texts(self) -> list[str]:
        """All that the bot has said."""
        return [str(message.payload) for message in self.slack.messages.values()]


def ended(reason: str, last: Made, raises: int = 0) -> tuple[list[str], Closing]:
    """What people read, and what the model was told, when a turn has come to its end for this reason."""

    async def told() -> tuple[list[str], Closing]:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            bot = Limited(Path(folder, "bot.db"))
            model = Closing(bot.world, last=last, raises=raises, period=2 if reason == "cycle" else 1)
            await bot.begin(Faults())
            try:
                bot.limit(LIMITS[reason], model)
                bot.files.fates = ["error"] * 9 if reason == "repetition" else []
                await bot.asked()
                assert bot.world.faults == []
                return bot.texts, model
            finally:
                await bot.stop()

    return asyncio.run(told())


def why(reason: str) -> str:
    return why_closed(reason, STEPS)


@pytest.mark.parametrize("raises", [0, 1])
@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.parametrize("reason", LIMITS)
def test_a_turn_that_was_stopped_says_why_when_the_model_then_says_nothing(reason: str, name: str, raises: int) -> None:
    texts, model = ended(reason, NOTHING[name], raises)
    assert sum(f"{why(reason)} {GO_ON_AFTER[reason]}" in text for text in texts) == 1, texts
    assert not any(EMPTY_TWICE[:30] in text for text in texts)
    assert model.told[0] == CLOSING[reason]


@pytest.mark.parametrize("reason", LIMITS)
def test_words_of_a_turn_that_was_stopped_have_the_reason_below_them(reason: str) -> None:
    texts, model = ended(reason, words(SAID))
    [said] = [text for text in texts if SAID in text]
    assert f"{why(reason)} {GO_ON_AFTER[reason]}" in said
    assert CUT_OFF not in said
    assert model.told == [CLOSING[reason]]


@pytest.mark.parametrize("reason", LIMITS)
def test_words_that_were_cut_off_say_both(reason: str) -> None:
    texts, _ = ended(reason, words(SAID, "length"))
    [said] = [text for text in texts if SAID in text]
    assert f"{why(reason)} {GO_ON_AFTER[reason]} {CUT_OFF}" in said


@pytest.mark.parametrize("reason", LIMITS)
def test_a_model_that_fails_at_the_end_does_not_hide_why_it_came(reason: str) -> None:
    texts, _ = ended(reason, fails)
    error: ModelError = ModelUnavailable("")
    assert sum(f"{why(reason)} {error.sentence}" in text for text in texts) == 1, texts
