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
    cache_write: float | None = None
    """For a prompt token that is written to the cache."""


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

    @property
    def caches_what_is_marked(self) -> bool:
        """Whether only those parts of a request are cached that it marks.

        So it is with Alibaba's Qwen models (https://openrouter.ai/docs/guides/best-practices/prompt-caching). Others
        cache by themselves, or with a field of the request; and a Qwen model without a price for writing has no cache.
        """
        return self.id.startswith("qwen/") and self.prices.cache_write is not None
