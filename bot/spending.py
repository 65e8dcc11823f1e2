"""Puts together what keeps the bot within its budgets."""

from __future__ import annotations

from functools import partial

import aiohttp

from bot.agent.budgets import Budgets
from bot.config.settings import Settings
from bot.core.ports.catalogue import ModelCatalogue
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Store
from bot.cut_requests import CutRequests
from bot.model.generations import look_up


def assemble(
    settings: Settings,
    store: Store,
    gateway: ChatGateway,
    session: aiohttp.ClientSession,
    catalogue: ModelCatalogue | None = None,
) -> tuple[Budgets, CutRequests]:
    """Return what checks the budgets, and what finds out the costs of requests that were cut off.

    catalogue: knows the prices of models, for replies whose cost is not reported.
    """
    cut = CutRequests(store, partial(look_up, session, settings.openrouter_base_url, settings.openrouter_api_key))
    budgets = Budgets(
        store,
        gateway,
        settings.budgets,
        settings.operators,
        settings.limits.approval_hours,
        catalogue,
        settled=cut.ready,
        cut=cut.notice,
    )
    return budgets, cut
