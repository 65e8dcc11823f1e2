"""Puts the bytes of attached files into a request to the model, as far as the model reads them.

The log has references (`bot.core.attachments`). A request is filled in the same way each time, so that its beginning
stays the same byte for byte until a file is no longer kept, or newer ones take its place.
"""

from __future__ import annotations

import base64
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.attachments import (
    LEFT_OUT,
    MARK,
    NO_LONGER_KEPT,
    REFUSED,
    Attached,
    FileKind,
    fill,
    first_sent,
    not_read,
    references,
)
from bot.core.ports.attachments import KeptContents
from bot.core.ports.catalogue import ModelCatalogue
from bot.core.transcript import Transcript
from bot.errors import ContextTooLong, ModelError, ModelRefused
from bot.pace import UNKNOWN_SIZE, offload

log = logging.getLogger(__name__)

MAX_REFUSED = 1_000
"""Threads that are remembered as refused; the newest ones."""


@dataclass(frozen=True, slots=True)
class FilesInRequests:
    """Fills requests; one instance serves all threads."""

    contents: KeptContents | None = None
    catalogue: ModelCatalogue | None = None
    models: Sequence[str] = ()
    """The models that may answer, if a request does not name others."""
    assumed: frozenset[str] = frozenset()
    """What a model reads besides text about which nothing is known: names of `FileKind`."""
    _refused: OrderedDict[tuple[int, str], frozenset[str]] = field(
        default_factory=OrderedDict[tuple[int, str], frozenset[str]]
    )
    """By thread and model, the digests of the files in requests that a provider has refused."""

    async def filled(self, thread_id: int, transcript: Transcript, models: Sequence[str] = ()) -> Transcript:
        """Return the log of a thread as it is sent to these models."""
        if not transcript.has(MARK):
            return transcript
        found = await offload(transcript.size, references, transcript)
        first = first_sent(found)
        inputs = self._inputs(models or self.models)
        refused = self._refused.get((thread_id, next(iter(models), "")), frozenset[str]())
        why: dict[str, str] = {}
        encoded: dict[str, str] = {}
        for each in found:
            if each.kind.value not in inputs:
                why[each.digest] = not_read(each.kind)
            elif each.digest in refused:
                why[each.digest] = REFUSED
        for each in found[first:]:
            if each.digest in why or each.digest in encoded:
                continue
            content = await self.contents.find(each.digest) if self.contents is not None else None
            if content is None:
                why[each.digest] = NO_LONGER_KEPT
            else:
                encoded[each.digest] = await offload(len(content), _base64, content)
        return await offload(UNKNOWN_SIZE, _filled, transcript, encoded, why, first)

    def refused(
        self, thread_id: int, transcript: Transcript, sent: Transcript, error: ModelError, models: Sequence[str] = ()
    ) -> bool:
        """Note that a request to these models was refused, and return whether it may succeed without the files in it.
        transcript: the log that it was filled from.

        A provider may refuse a file for reasons that nobody knows in advance. Without this, it would refuse every later
        request of the thread, too.
        """
        if not isinstance(error, ModelRefused | ContextTooLong) or not any(sent.has(mark) for mark in _SENT):
            return False
        log.warning("thread %s: the model's provider refuses it with its files: %s", thread_id, error.detail)
        key = (thread_id, next(iter(models), ""))
        self._refused[key] = frozenset(each.digest for each in references(transcript))
        self._refused.move_to_end(key)
        if len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)
        return True

    def _inputs(self, models: Sequence[str]) -> frozenset[str]:
        """Return what all of these models read."""
        inputs = frozenset(kind.value for kind in FileKind)
        for model in models:
            known = self.catalogue.find(model) if self.catalogue is not None else None
            inputs &= self.assumed if known is None or known.inputs is None else known.inputs
        return inputs if models else self.assumed


_SENT = (b'{"type":"image_url",', b'{"type":"file",', b'{"type":"input_audio",')
"""How the parts begin that a request has in place of references."""


def _filled(transcript: Transcript, encoded: Mapping[str, str], why: Mapping[str, str], first: int) -> Transcript:
    def why_not(attached: Attached) -> str:
        return why.get(attached.digest, LEFT_OUT)

    mark, number = MARK.decode(), 0
    filled: list[tuple[int, str]] = []
    for at, text in zip(transcript.positions, transcript, strict=True):
        if mark in text:
            here = references([text])
            # The same file may be referred to again and again: each reference counts.
            shown = {each.digest for each in here[max(0, first - number) :]}
            number += len(here)
            text = fill(text, {digest: encoded[digest] for digest in shown if digest in encoded}, why_not)  # noqa: PLW2901
        filled.append((at, text))
    return Transcript(filled)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
