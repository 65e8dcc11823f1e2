"""Runs the bot until SIGTERM or SIGINT: settings, database, tokens, and then the service (`bot/service.py`)."""

from __future__ import annotations

import asyncio
import logging
import signal
import time

from bot import signing_in
from bot.config.settings import Settings
from bot.deadline import LAST_SECONDS, STOP_SECONDS, Deadline, force_exit_after
from bot.model.catalogue import Catalogue
from bot.model.key_check import require_key
from bot.model.model_check import require_usable
from bot.model.openrouter import OpenRouter
from bot.reloading import Reloading
from bot.service import Service
from bot.sighup import SighupHandler
from bot.slack import app as slack
from bot.store.registry import models_file, open_store
from bot.supervised import run_forever
from bot.tools.mcp.toolset import McpToolset

log = logging.getLogger(__name__)

START_SECONDS = 7.0
"""Time limit for all requests to Slack before the socket is opened, from the start of the process: if Slack does not
answer, the process ends within ten seconds, even where loading and exiting take two."""
MIN_SECONDS = 4.5
"""The minimum time for these requests, however long loading took."""
WARM_SECONDS = 2.0
"""The part of it that is reserved for the last request."""


async def run(
    settings: Settings,
    tools: McpToolset,
    began: float,
    *,
    reloading: Reloading,
    sighup: SighupHandler,
    model: OpenRouter | None = None,
) -> None:
    """Run until SIGTERM or SIGINT. The caller closes `tools`; `began` is when the process started (monotonic);
    `reloading` is asked on SIGHUP; `model` replaces the one from the settings. Raises SettingsError if the startup
    cannot succeed."""
    started = time.monotonic()
    for finding in settings.findings:
        log.warning("BOT_CONFIG: %s.", finding.words())
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            force_exit_after(STOP_SECONDS + LAST_SECONDS)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    sighup.listen(reloading.ask, stop)
    async with open_store(settings.database_url, settings.redact) as store:
        # Counted from here, as migrating an older database may have taken minutes.
        asking = Deadline(max(MIN_SECONDS, began + START_SECONDS - time.monotonic()))
        web = slack.clients(settings.slack_api_url, settings.slack_bot_token, settings.slack_app_token)
        endpoint, key = settings.openrouter_base_url, settings.openrouter_api_key
        catalogue = Catalogue(web.session, endpoint, key, models_file(settings.database_url))
        try:
            first = asking.remaining(START_SECONDS, keep=WARM_SECONDS)
            (identity, url), _, _ = await asyncio.gather(
                slack.preflight(web, first),
                require_key(web.session, endpoint, key, first),
                require_usable(catalogue, settings.model_options, first),
            )
            await signing_in.load(tools)
            service = Service(settings, store, web, identity, tools, model=model, catalogue=catalogue)
            reloading.prepare = service.signing_in.serve
            starting = asyncio.create_task(service.start(url, asking.remaining(START_SECONDS)))
            stopping = asyncio.create_task(stopped.wait())
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait([starting])
            else:
                await starting
                service.background(run_forever("reading the list of models", catalogue.run))
                service.background(run_forever("reading mcp.json again", reloading.run))
                seconds = time.monotonic() - started
                log.info("ready as @%s in %s after %.1f s", identity.bot_name, identity.team_name, seconds)
            await stopping
            log.info("stopping")
            await service.stop()
            log.info("stopped")
        finally:
            await web.session.close()
