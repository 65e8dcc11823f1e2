"""Finds what is wrong, or soon will be, with the models that are configured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bot.core.model_options import ModelOptions
from bot.core.ports.model_check import ModelCheck

SOON_SECONDS: Final = 30 * 86_400.0
"""A model that expires within this time is reported."""
SMALL_CONTEXT: Final = 16_000
"""Tokens. The tools alone may need most of a shorter context."""


@dataclass(frozen=True, slots=True)
class ModelFinding:
    """What is wrong with a model."""

    level: Literal["error", "warning"]
    model: str
    problem: str
    """Words that follow its name."""


def findings(options: ModelOptions, check: ModelCheck, now: float) -> Sequence[ModelFinding]:
    """Return what is wrong with each configured model, as far as is known. `now`: Unix seconds."""
    found: list[ModelFinding] = []
    for model in options.configured():
        if problem := check.problem(model):
            found.append(ModelFinding("error", model, f"cannot be used: {problem}"))
            continue
        info = check.find(model)
        if info is not None and info.expires is not None and info.expires - now < SOON_SECONDS:
            days = int((info.expires - now) // 86_400)
            left = f"in {days} days" if days > 1 else "within two days"
            found.append(ModelFinding("warning", model, f"will no longer be offered {left}"))
        if info is not None and info.context_length is not None and info.context_length < SMALL_CONTEXT:
            size = f"{info.context_length:,} tokens"
            found.append(ModelFinding("warning", model, f"has a context of {size}, which is small for using tools"))
    return found


def unusable(options: ModelOptions, check: ModelCheck) -> str:
    """Return why no model of OPENROUTER_MODEL can be used, in a sentence; empty if one can, as far as is known."""
    problems = {model: check.problem(model) for model in options.models}
    if not problems or not all(problems.values()):
        return ""
    return "; ".join(f"{model} cannot be used: {problem}" for model, problem in problems.items())
