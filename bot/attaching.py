"""Puts together what reads, keeps and sends the files that people attach and tools return."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.agent.attached_files import FilesInRequests
from bot.agent.attached_results import FilesInResults, ModelFiles
from bot.attachments.kept_files import KeptFiles, folder_of
from bot.attachments.reader import FileProcesses
from bot.config.settings import Settings
from bot.core.ports.catalogue import ModelCatalogue
from bot.core.ports.prompts import Prompts
from bot.slack.app import Clients, Identity
from bot.slack.attached.access import Access
from bot.slack.attached.download import Downloads
from bot.slack.attached.linked import LinkReader
from bot.slack.attached.prompts import PromptReader
from bot.slack.attached.reading import AttachedFiles
from bot.slack.authorization import Authorizer
from bot.slack.reading.message import Ourselves


@dataclass(frozen=True, slots=True)
class Attachments:
    """The parts, for those who use them."""

    contents: KeptFiles
    in_messages: AttachedFiles
    for_model: ModelFiles


def assemble(
    settings: Settings,
    web: Clients,
    identity: Identity,
    authorizer: Authorizer,
    ourselves: Ourselves,
    *,
    catalogue: ModelCatalogue | None,
    prompts: Prompts,
) -> Attachments:
    """Return the parts. catalogue: what is known about models; None if nothing is. prompts: those of tool servers."""
    limits = settings.attachments
    contents = KeptFiles(folder_of(settings.database_url), limits.keep_days, int(limits.keep_mb * 1e6))
    reader = FileProcesses()
    downloads = Downloads(
        web.repeatable,
        web.session,
        settings.slack_bot_token,
        settings.slack_api_url,
        int(limits.max_mb * 1e6),
        web.problems,
    )
    links = LinkReader(web.repeatable, Access(authorizer, identity.org_wide), downloads, ourselves)
    host = urlsplit(identity.url).hostname or ""
    in_messages = AttachedFiles(downloads, links, reader, contents, host)
    in_messages.prompts = PromptReader(prompts, authorizer.groups, reader, contents)
    return Attachments(
        contents,
        in_messages,
        ModelFiles(
            FilesInRequests(contents, catalogue, settings.models, frozenset(limits.inputs)),
            FilesInResults(reader, contents),
        ),
    )
