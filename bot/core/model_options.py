"""Which model answers in a thread: what the operator allows, what a person has chosen, and what follows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.core import model_names
from bot.core.ports.model_check import ModelCheck
from bot.core.posts import Draft

EFFORTS: Final = ("none", "minimal", "low", "medium", "high")
"""Efforts of reasoning that OpenRouter's `reasoning.effort` takes from every provider."""
MAX_MODELS: Final = 3
"""The limit of OpenRouter's `models`: https://openrouter.ai/docs/guides/routing/model-fallbacks."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model and an effort of reasoning; empty for the default."""

    model: str = ""
    effort: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceMessage:
    """What a message that chooses a model asks for. It is no request to the model."""

    model: str | None
    """None leaves the model as it is, and empty is the default; likewise the effort."""
    effort: str | None
    reply: Draft
    """What the bot answers."""


@dataclass(frozen=True, slots=True)
class ThreadModel:
    """What is recorded of a thread's model."""

    choice: Choice = Choice()
    asked: str = ""
    """The model that the last request was made to; empty if there was none."""
    since: int = -1
    """The last position of the log that was written before requests went to that model."""


@dataclass(frozen=True, slots=True)
class AskedModel:
    """The model that a request was made to, as it is recorded with the reply."""

    model: str
    since: int
    """See `ThreadModel.since`."""
    fallback: str = ""
    """The model that answered in its place; empty if none did."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The models for the next request of a thread."""

    models: tuple[str, ...]
    """The model, then its fallbacks; at most `MAX_MODELS`, none of them twice."""
    effort: str
    """One of `EFFORTS`; empty for the model's own."""
    dropped: str = ""
    """The model that was chosen and cannot be used any more, so that the default takes its place."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What the operator has configured."""

    models: tuple[str, ...] = ()
    """The default model and its fallbacks."""
    allowed: tuple[str, ...] = ()
    """What people may choose besides the default."""
    effort: str = ""
    channels: Mapping[str, Choice] = field(default_factory=dict[str, Choice])
    """Defaults of channels, by id."""

    def default(self, channel: str) -> str:
        """Return the model of a channel in which nobody has chosen one; empty if none is configured."""
        own = self.channels.get(channel, Choice()).model
        return own or (self.models[0] if self.models else "")

    def offered(self, channel: str) -> tuple[str, ...]:
        """Return the models that may be chosen in a channel, the default first."""
        models = (self.default(channel), *self.models[:1], *self.allowed)
        return tuple(dict.fromkeys(model for model in models if model))

    def configured(self) -> tuple[str, ...]:
        """Return every model that is configured anywhere, each once."""
        channels = (choice.model for choice in self.channels.values() if choice.model)
        return tuple(dict.fromkeys((*self.models, *self.allowed, *channels)))

    def select(self, channel: str, choice: Choice, check: ModelCheck) -> Selection:
        """Return the models for a request in a channel, given the choice of a thread.

        Models that certainly cannot be used are left out, unless no other is left: the endpoint then says why.
        """
        default = self.default(channel)
        dropped = choice.model and (choice.model not in self.offered(channel) or bool(check.problem(choice.model)))
        first = default if dropped or not choice.model else choice.model
        wanted = dict.fromkeys((first, *(self.models[:1] if check.problem(first) else ()), *self.models[1:]))
        usable = [model for model in wanted if not check.problem(model)] or list(wanted)
        effort = choice.effort or self.channels.get(channel, Choice()).effort or self.effort
        info = check.find(usable[0])
        is_known = effort in EFFORTS and (info is None or info.reasoning is not False)
        models = tuple(model for model in usable if model)[:MAX_MODELS]
        return Selection(models, effort if is_known else "", choice.model if dropped else "")

    def fallback(self, asked: tuple[str, ...], answered: str, check: ModelCheck) -> str:
        """Return the fallback that has answered in place of the model that was asked; empty if none certainly did.

        Replies may carry another name of a model than the one that was asked for, such as a dated one.
        """
        if not asked or not answered or _same(asked[0], answered, check):
            return ""
        return next((model for model in asked[1:] if _same(model, answered, check)), "")


def _same(one: str, other: str, check: ModelCheck) -> bool:
    """Return whether two names certainly mean the same model, whatever its variant."""
    first, second = check.find(one), check.find(other)
    return model_names.alike(one, other) or (first is not None and first == second)
