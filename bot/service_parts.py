"""Makes single parts of the service from the settings."""

from __future__ import annotations

from collections.abc import Callable

from bot.agent.operators import informed
from bot.agent.system_prompt import SystemPrompt
from bot.config.settings import Settings
from bot.core.ports.store import Store
from bot.core.thread_ref import ThreadRef
from bot.model.openrouter import OpenRouter
from bot.server_news import ServerNews
from bot.slack import app as slack
from bot.slack.gateway import SlackGateway
from bot.slack.text import speaker
from bot.tools.mcp.toolset import McpToolset

MODEL_IDLE_SECONDS = 120.0
"""Reasoning models may be silent for a minute and more before the first word."""
MODEL_TOTAL_SECONDS = 600.0


def model(settings: Settings) -> OpenRouter:
    """Return the client of the model."""
    return OpenRouter(
        api_key=settings.openrouter_api_key,
        base_url=settings.openrouter_base_url,
        models=settings.models,
        idle_seconds=MODEL_IDLE_SECONDS,
        total_seconds=MODEL_TOTAL_SECONDS,
        title="slack-mcp-agent",
        provider=settings.model_table.provider,
    )


def opening(settings: Settings, identity: slack.Identity, tools: McpToolset, gateway: SlackGateway) -> SystemPrompt:
    """Return what makes the system prompts of new threads."""
    bot, team = speaker(identity.bot_name), speaker(identity.team_name)
    return SystemPrompt(gateway, settings.prompts, tools.prefixes, settings.instructions, bot, team)


def server_news(
    settings: Settings,
    store: Store,
    identity: slack.Identity,
    tools: McpToolset,
    gateway: SlackGateway,
    *,
    wake: Callable[[int], None],
) -> ServerNews:
    """Return what tells people about tool servers; `wake` delivers the posts of a thread."""
    place = ThreadRef(identity.team, "", "", "im")
    news = ServerNews(
        *(store, gateway, tools, identity.team), lambda: informed(gateway, place, settings.operators), wake
    )
    tools.on_change = news.changed
    return news
