"""What is known about a model that can be asked. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model costs, in US dollars per token. A price that is not known is None."""

    prompt: float | None = None
    completion: float | None = None
    cached: float | None = None
    """For a prompt token that is read from the provider's cache; `prompt` if None."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model as the endpoint describes it. What the endpoint leaves out is None, and nobody may conclude anything
    from it."""

    id: str
    context_length: int | None = None
    """Tokens of the prompt and the reply together."""
    max_completion: int | None = None
    """The maximum length of a reply in tokens."""
    tools: bool | None = None
    """Whether it can be given tools."""
    reasoning: bool | None = None
    """Whether an effort of reasoning can be chosen."""
    inputs: frozenset[str] | None = None
    """What it reads: `text`, `image`, `file`, `audio`, `video`."""
    prices: Prices = Prices()
    expires: float | None = None
    """When it will no longer be offered, as Unix time in seconds."""
