"""What `doctor` says of the configured models: what is known of each, and what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.config.settings import Settings
from bot.core.known_models import KnownModels
from bot.core.model_findings import ModelFinding, findings
from bot.core.model_info import ModelInfo, Prices
from bot.model.catalogue import Catalogue, UnreachableError
from bot.store.registry import models_file

ASK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ModelsReport:
    """What is known of the configured models."""

    models: Sequence[tuple[str, ModelInfo | None]]
    findings: Sequence[ModelFinding]
    read_at: float
    """When the list was read, as Unix time in seconds; 0 if it never was."""
    trouble: str = ""
    """Why the endpoint could not be asked, in a sentence."""
    known: KnownModels = field(default_factory=KnownModels)
    """The whole list."""

    @property
    def failed(self) -> bool:
        """Return whether a model certainly cannot be used."""
        return any(finding.level == "error" for finding in self.findings)


async def look(settings: Settings, *, ask: bool) -> ModelsReport:
    """Return what the list of models says that the bot has kept; with `ask`, read it from the endpoint first."""
    trouble = ""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        file = models_file(settings.database_url)
        endpoint = settings.openrouter_base_url
        # What is only looked at is not kept: the bot may be writing the file, or have none yet.
        catalogue = Catalogue(session, endpoint, settings.openrouter_api_key, None if ask else file)
        if ask:
            try:
                if not await catalogue.refresh(ASK_SECONDS):
                    trouble = f"{endpoint}/models is no list of models."
            except UnreachableError as error:
                trouble = f"{endpoint}/models could not be read: {error}."
        else:
            await catalogue.load()
    return report(settings, catalogue.known, catalogue.read_at, trouble)


def report(settings: Settings, known: KnownModels, read_at: float, trouble: str = "") -> ModelsReport:
    """Return the report for a list."""
    options = settings.model_options
    models = [(model, known.find(model)) for model in options.configured()]
    return ModelsReport(models, findings(options, known, time.time()), read_at, trouble, known)


def as_text(report: ModelsReport) -> list[str]:
    """Return the lines for people."""
    lines = [f"{each.level.capitalize()}, {each.model} {each.problem}." for each in report.findings]
    if report.trouble:
        lines.append(report.trouble)
    if report.read_at:
        day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(report.read_at))
        lines.append(f"Models, as listed on {day}:")
        lines += [f"  {model}: {_described(info)}" for model, info in report.models]
    elif not report.trouble:
        names = ", ".join(model for model, _ in report.models)
        lines.append(f"Models: {names}. Nothing is known of them before the bot has run; --models asks the endpoint.")
    return lines


def as_json(report: ModelsReport) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "read_at": report.read_at or None,
        "trouble": report.trouble,
        "findings": [{"level": each.level, "model": each.model, "problem": each.problem} for each in report.findings],
        "configured": [
            {
                "model": model,
                "known": info is not None,
                "context_length": info.context_length if info else None,
                "tools": info.tools if info else None,
                "reasoning": info.reasoning if info else None,
                "inputs": sorted(info.inputs) if info and info.inputs is not None else None,
                "prompt_price": info.prices.prompt if info else None,
                "completion_price": info.prices.completion if info else None,
                "expires": info.expires if info else None,
            }
            for model, info in report.models
        ],
    }


def _described(info: ModelInfo | None) -> str:
    if info is None:
        return "nothing is known"
    parts = [
        f"context of {info.context_length:,} tokens" if info.context_length else "",
        _prices(info.prices),
        {True: "tools", False: "no tools", None: ""}[info.tools],
        {True: "levels of effort", False: "no levels of effort", None: ""}[info.reasoning],
        f"reads {', '.join(sorted(info.inputs))}" if info.inputs else "",
        f"offered until {time.strftime('%Y-%m-%d', time.gmtime(info.expires - 1))}" if info.expires else "",
    ]
    return "; ".join(part for part in parts if part) or "listed, without details"


def _prices(prices: Prices) -> str:
    """Return what a million tokens cost."""
    if prices.prompt is None or prices.completion is None:
        return ""
    return f"${prices.prompt * 1e6:,.2f} and ${prices.completion * 1e6:,.2f} per million tokens read and written"
