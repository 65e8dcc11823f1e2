"""Files are read in a process that can do nothing else, whatever they contain."""

from __future__ import annotations

import asyncio
import io
import os
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace

import pypdf
import pytest
from PIL import Image
from pypdf.annotations import FreeText
from pypdf.generic import NameObject, TextStringObject

from bot.attachments import documents, plain
from bot.attachments.found import Found, Unreadable
from bot.attachments.reader import FileProcesses
from bot.core.attachments import FileKind, ReadFile
from tests.machine import is_allowed
from tests.unit.attachments import samples

pytestmark = pytest.mark.anyio


async def read(name: str, content: bytes) -> ReadFile:
    return await FileProcesses().read(name, "", content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
async def test_an_image_of_any_usual_format_is_written_anew_as_one_that_every_model_reads(kind: str) -> None:
    found = await read("a", samples.picture(kind, 300, 200))
    assert (found.kind, found.note, found.problem) == (FileKind.IMAGE, "300 × 200 pixels", "")
    assert found.media in ("image/png", "image/jpeg")
    with Image.open(io.BytesIO(found.content)) as image:
        assert image.size == (300, 200)


async def test_a_photo_is_turned_upright_and_loses_the_place_where_it_was_taken() -> None:
    exif, made = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "SECRET CAMERA"
    Image.new("RGB", (300, 200)).save(made, "JPEG", exif=exif)
    found = await read("photo.jpg", made.getvalue())
    assert b"SECRET" not in found.content
    with Image.open(io.BytesIO(found.content)) as image:
        assert image.size == (200, 300)


async def test_a_large_photo_stays_below_what_providers_accept() -> None:
    made = io.BytesIO()
    Image.frombytes("RGB", (3000, 2500), os.urandom(3000 * 2500 * 3)).save(made, "JPEG", quality=95)
    found = await read("noise.jpg", made.getvalue())
    assert found.kind is FileKind.IMAGE
    assert len(found.content) <= 3_500_000


def signed_pdf() -> bytes:
    """A PDF that says who has made it, who has commented on it, and which file is in it."""
    writer, made = pypdf.PdfWriter(clone_from=io.BytesIO(samples.pdf("The plan"))), io.BytesIO()
    writer.add_metadata({"/Author": "SECRET Author", "/Title": "SECRET title"})
    writer.xmp_metadata = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><!-- SECRET -->" + XMP + b"</x:xmpmeta>"
    writer.add_attachment("SECRET.txt", b"x")
    writer.add_outline_item(title="SECRET mark", page_number=0)
    note = FreeText(text="A remark", rect=(10, 10, 100, 40))
    note[NameObject("/T")] = TextStringObject("SECRET reviewer")
    writer.add_annotation(0, note)
    writer.write(made)
    return made.getvalue()


XMP = b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>"


async def test_a_pdf_says_nobodys_name_where_names_are_kept_back() -> None:
    content = signed_pdf()
    assert content.count(b"SECRET") >= 5
    found = await FileProcesses().read("plan.pdf", "", content)
    assert found.content == content, "elsewhere it is sent as it is"
    found = await FileProcesses().read("plan.pdf", "", content, named=False)
    assert (found.kind, found.media, found.problem) == (FileKind.FILE, "application/pdf", "")
    assert "The plan" in found.text
    assert b"SECRET" not in found.content
    [page] = pypdf.PdfReader(io.BytesIO(found.content)).pages
    assert page.extract_text() == "The plan"
    assert [each.get_object()["/Contents"] for each in page.annotations or ()] == ["A remark"]


async def test_a_pdf_whose_pages_cannot_be_taken_out_of_it_is_its_text() -> None:
    damaged = Found("The plan", "1 page", kind="file", media="application/pdf", own=True)
    assert documents.nameless(damaged, b"%PDF-") == Found("The plan", "1 page")
    with pytest.raises(Unreadable, match="kept from the model"):
        documents.nameless(replace(damaged, text=""), b"%PDF-")


def image_bomb() -> bytes:
    """A small PNG that says that it has 900 million pixels."""
    made = bytearray(samples.picture())
    made[16:24] = (30_000).to_bytes(4) * 2
    made[29:33] = zlib.crc32(made[12:29]).to_bytes(4)
    return bytes(made)


def zip_bomb(size: int = 300_000_000) -> bytes:
    """A document that unpacks to 20 MB and says that it is of another size."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * 20_000_000)
    changed = bytearray(made.getvalue())
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = changed.find(mark)
        changed[start + at : start + at + 4] = size.to_bytes(4, "little")
    return bytes(changed)


def liar() -> bytes:
    return zip_bomb(100)


def xml_bomb() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    body = f'<!DOCTYPE d [<!ENTITY e0 "boom">{entities}]><document>&e11;</document>'
    return office("word/document.xml", body)


def external() -> bytes:
    """A document that asks for a file of the machine it is read on."""
    return office("xl/workbook.xml", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>')


def office(name: str, body: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, body)
    return made.getvalue()


def endless_pages() -> bytes:
    return samples.assembled(["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R]/Count 1>>"])


def deep() -> bytes:
    return samples.assembled(["<</Type/Catalog/Pages " + "[" * 50_000 + "]" * 50_000 + ">>"])


def locked() -> bytes:
    import pypdf  # noqa: PLC0415

    writer, made = pypdf.PdfWriter(io.BytesIO(samples.pdf("secret"))), io.BytesIO()
    writer.encrypt("password", algorithm="RC4-128")
    writer.write(made)
    return made.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "an image of too many pixels": image_bomb,
    "a zip bomb": zip_bomb,
    "a zip bomb that lies about its size": liar,
    "an XML bomb": xml_bomb,
    "a reference to a file": external,
    "a PDF whose pages contain themselves": endless_pages,
    "a PDF that is nested deeply": deep,
    "a PDF with a password": locked,
    "half a PDF": lambda: samples.pdf("Hello")[:300],
    "half an image": lambda: samples.picture("PNG", 500, 500)[:200],
    "half a document": lambda: samples.letter("Hello")[:5_000],
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_costs_no_more_than_a_sentence(name: str) -> None:
    found = await read("a", HOSTILE[name]())
    assert found.problem
    assert (found.text, found.kind, found.content) == ("", None, b"")
    assert found.problem[0].islower()


async def test_a_process_that_takes_too_long_is_killed_and_the_next_file_is_read() -> None:
    reader = FileProcesses(seconds=0.001)
    assert (await reader.read("a.txt", "", b"Hello")).problem == "reading it took too long, or too much memory"
    assert (await read("a.txt", b"Hello")).text == "Hello"


async def test_a_document_that_takes_long_is_read_as_far_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import sys; sys.path[:] = sys.argv[1:]; from bot.attachments import child; "
        "child.SOFT_SECONDS = 1.5; child.main()"
    )
    monkeypatch.setattr("bot.attachments.reader._PROGRAM", program)
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"
    stream = "BT /F1 18 Tf 10 100 Td (Hello) Tj ET " * 200
    many = samples.assembled(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            f"<</Type/Pages/Kids[{'3 0 R ' * 5_000}]/Count 5000>>",
            page,
            f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
    )
    found = await read("a.pdf", many)
    assert "only its beginning was read, because reading it takes long" in found.note
    assert "Hello" in found.text


async def test_the_reading_process_has_no_secrets_and_can_open_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    tries = (
        "def attempt(work):\n    try: work(); return 'done'\n    except Exception as e: return type(e).__name__\n"
        "import os, socket, subprocess, json, sys\n"
        "sys.path[:] = sys.argv[1:]\n"
        "from bot.attachments import child, plain\nfrom bot.attachments.found import Found\n"
        "def spy(content, name):\n"
        "    tried = [attempt(lambda: open('/etc/passwd')), attempt(lambda: socket.socket()),"
        " attempt(lambda: subprocess.run(['true'])), attempt(lambda: open('/tmp/x', 'w')),"
        " str('SLACK_BOT_TOKEN' in os.environ)]\n"
        "    return Found(' '.join(tried))\n"
        "plain.read = spy\nchild.main()"
    )
    monkeypatch.setattr("bot.attachments.reader._PROGRAM", tries)
    found = await read("a.txt", b"Hello")
    assert found.text == "OSError PermissionError PermissionError OSError False"


async def test_the_loop_goes_on_while_large_files_are_read() -> None:
    reader = FileProcesses()
    reading = asyncio.gather(*(reader.read("a.csv", "", samples.table(200_000)) for _ in range(3)))
    longest, before = 0.0, time.thread_time()
    while not reading.done():
        await asyncio.sleep(0.001)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    assert all(each.note.startswith("200,000 rows") for each in await reading)
    assert is_allowed(longest, 0.05)


@pytest.mark.parametrize("length", [39_999, 40_001, 100_000])
def test_a_long_text_keeps_its_beginning_and_its_end(length: int) -> None:
    text = "\n".join(f"line {number}" for number in range(length // 10))
    said, note = plain.shortened(text)
    assert len(said) <= plain.TEXT_CHARS + 100
    assert said.startswith("line 0\n")
    assert said.endswith(text.split("\n")[-1])
    assert bool(note) is (len(text) > plain.TEXT_CHARS)


def test_one_endless_line_is_cut_off() -> None:
    said, note = plain.shortened("x" * 1_000_000)
    assert (len(said), note) == (plain.LINE_CHARS + 1, "long lines are cut off")


def test_a_record_may_span_lines_and_separators_differ() -> None:
    found = plain.read(b'a;b\n"x\ny";2\n3;4\n', "a.csv")
    assert (found.text, found.note) == ('a;b\n"x\ny";2\n3;4', "all 3 rows")
