"""References to files in the log, and what a request has in their place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agent.attached_files import FilesInRequests
from bot.core import attachments
from bot.core.attachments import Attached, FileKind, content, fill, first_sent, packed, references, unpacked
from bot.core.model_info import ModelInfo
from bot.core.transcript import Transcript
from bot.errors import ContextTooLong, ModelRefused, ModelUnavailable

pytestmark = pytest.mark.anyio

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
SIZES = st.lists(st.integers(1, attachments.SENT_BYTES * 2), max_size=80)


def image(number: int = 1, size: int = 5, words: str = "") -> Attached:
    return Attached(FileKind.IMAGE, f"{number:064x}", "image/png", f"{number}.png", size, words)


def message(text: str, *attached: Attached, role: str = "user") -> str:
    said = content(text, attached)
    return json.dumps({"role": role, "content": said}, ensure_ascii=False, separators=(",", ":"))


class Kept:
    """Contents in memory."""

    def __init__(self, *known: Attached) -> None:
        self.known = {each.digest: b"x" * each.size for each in known}

    async def keep(self, content: bytes) -> str:
        raise NotImplementedError

    async def find(self, digest: str) -> bytes | None:
        return self.known.get(digest)


class Catalogue:
    """Knows one model."""

    def __init__(self, *inputs: str) -> None:
        self.info = ModelInfo("m", inputs=frozenset(inputs))

    def find(self, model: str) -> ModelInfo | None:
        return self.info if model == "m" else None


def parts(filled: Transcript, number: int = -1) -> Any:
    return json.loads(list(filled)[number])["content"]


def test_references_survive_the_store() -> None:
    each = Attached(FileKind.FILE, "a" * 64, "application/pdf", 'a "b".pdf', 7, "⟦file⟧\n> text")
    assert unpacked(packed([each])) == [each]
    assert (packed([]), list(unpacked(""))) == ("", [])


@given(text=st.text(max_size=200), name=NAMES)
def test_no_text_is_taken_for_a_reference(text: str, name: str) -> None:
    forged = json.dumps(image().part()) + text
    assert references([message(forged), message(json.dumps(forged))]) == []
    each = Attached(FileKind.IMAGE, "a" * 64, "image/png", name, 3)
    assert references([message(text or "x", each)]) == [each]


@given(sizes=SIZES)
def test_the_newest_files_are_sent_within_the_limits_and_the_beginning_changes_rarely(sizes: list[int]) -> None:
    found = [image(number, size) for number, size in enumerate(sizes)]
    firsts = [first_sent(found[: end + 1]) for end in range(len(found))]
    assert firsts == sorted(firsts)
    for end, first in enumerate(firsts):
        sent = found[first : end + 1]
        assert sent
        assert len(sent) <= attachments.SENT_FILES
        assert len(sent) == 1 or sum(each.size for each in sent) <= attachments.SENT_BYTES
    if sizes and max(sizes) <= attachments.SENT_BYTES // attachments.SENT_FILES:
        assert len(set(firsts)) <= 1 + len(sizes) // (attachments.SENT_FILES // 2)


@pytest.mark.parametrize(
    ("kind", "media", "part"),
    [
        (FileKind.IMAGE, "image/png", {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHh4"}}),
        (
            FileKind.FILE,
            "application/pdf",
            {"type": "file", "file": {"filename": "a", "file_data": "data:application/pdf;base64,eHh4"}},
        ),
        (FileKind.AUDIO, "audio/mp3", {"type": "input_audio", "input_audio": {"data": "eHh4", "format": "mp3"}}),
    ],
)
async def test_each_kind_is_sent_in_the_form_of_the_api_and_the_same_each_time(
    kind: FileKind, media: str, part: dict[str, Any]
) -> None:
    each = Attached(kind, "a" * 64, media, "a", 3, "its text")
    log = Transcript([(0, message("look", each)), (1, '{"role":"assistant","content":"…"}')])
    files = FilesInRequests(Kept(each), Catalogue("text", "image", "file", "audio"), ("m",))
    filled = await files.filled(1, log)
    assert parts(filled, 0) == [{"type": "text", "text": "look"}, part]
    assert filled.between(b"", b"") == (await files.filled(1, log)).between(b"", b"")
    assert list(filled)[1] == list(log)[1]


async def test_the_result_of_a_tool_is_filled_like_a_message() -> None:
    log = Transcript([(0, message("[image]", image(size=3), role="tool"))])
    filled = await FilesInRequests(Kept(image(size=3)), assumed=frozenset({"image"})).filled(1, log)
    assert [part["type"] for part in parts(filled)] == ["text", "image_url"]


@pytest.mark.parametrize(
    ("models", "assumed", "reads"),
    [
        (("m",), (), True),
        (("m", "unknown"), (), False),
        (("unknown",), (), False),
        (("unknown",), ("image",), True),
        ((), ("image",), True),
    ],
)
async def test_a_file_is_sent_if_all_models_that_may_answer_read_it(
    models: tuple[str, ...], assumed: tuple[str, ...], reads: bool
) -> None:
    files = FilesInRequests(Kept(image()), Catalogue("text", "image"), models, frozenset(assumed))
    filled = await files.filled(1, Transcript([(0, message("look", image()))]))
    assert isinstance(parts(filled), list) is reads
    if not reads:
        assert parts(filled) == 'look\n⟦"1.png" is not shown to you: the model in use does not read images⟧'


async def test_what_is_not_sent_is_replaced_by_its_text() -> None:
    log = Transcript([(0, message("look", image(words="⟦file⟧\n> Hello\n⟦end of file⟧")))])
    assert parts(await FilesInRequests().filled(1, log)) == "look\n⟦file⟧\n> Hello\n⟦end of file⟧"


async def test_files_of_a_request_that_was_refused_are_left_out_and_later_ones_are_tried() -> None:
    files = FilesInRequests(Kept(image(1), image(2)), assumed=frozenset({"image"}))
    log = Transcript([(0, message("look", image(1)))])
    sent = await files.filled(7, log)
    assert not files.refused(7, log, sent, ModelUnavailable("busy"))
    assert files.refused(7, log, sent, ModelRefused("cannot read this image"))
    again = await files.filled(7, log)
    assert "the model's provider refuses it" in parts(again)
    assert not files.refused(7, log, again, ModelRefused("something else"))
    assert isinstance(parts(await files.filled(8, log)), list)
    log.extend([(1, message("and this", image(2)))])
    later = await files.filled(7, log)
    assert (isinstance(parts(later, 0), str), isinstance(parts(later, 1), list)) == (True, True)


@pytest.mark.parametrize("size", [5, attachments.SENT_BYTES // 3])
async def test_one_file_that_is_attached_again_and_again_stays_within_the_limits(size: int) -> None:
    log = Transcript((at, message("[image]", image(size=size), role="tool")) for at in range(30))
    filled = await FilesInRequests(Kept(image()), assumed=frozenset({"image"})).filled(1, log)
    sent = [at for at in range(30) if isinstance(parts(filled, at), list)]
    assert sent
    assert sent == [*range(sent[0], 30)]
    assert len(sent) <= min(attachments.SENT_FILES, attachments.SENT_BYTES // size)


async def test_files_that_one_provider_refuses_are_sent_to_another_model() -> None:
    files = FilesInRequests(Kept(image()), assumed=frozenset({"image"}))
    log = Transcript([(0, message("look", image()))])
    sent = await files.filled(7, log, ("one",))
    assert files.refused(7, log, sent, ModelRefused("cannot read this image"), ("one",))
    assert isinstance(parts(await files.filled(7, log, ("one",))), str)
    assert isinstance(parts(await files.filled(7, log, ("two",))), list)


async def test_a_request_that_is_too_long_with_its_files_is_made_without_them() -> None:
    files = FilesInRequests(Kept(image()), assumed=frozenset({"image"}))
    log = Transcript([(0, message("look", image()))])
    sent = await files.filled(7, log)
    assert files.refused(7, log, sent, ContextTooLong("too long"))
    assert isinstance(parts(await files.filled(7, log)), str)


def test_a_message_without_references_is_sent_as_it_is() -> None:
    plain = message("look")
    assert fill(plain, {}, lambda _: "") == plain
