"""Reads the text of PDFs and office documents, as much as there is time and room for."""

from __future__ import annotations

import contextlib
import importlib
import io
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from bot.attachments.found import Found, Unreadable
from bot.attachments.plain import TABLE_CHARS, TEXT_CHARS, shortened, table

READ_CHARS = 400_000
"""Characters that are read from a document before it is shortened."""
SENT_PAGES = 100
"""Pages of a PDF that is sent as it is (https://docs.claude.com/en/docs/build-with-claude/pdf-support)."""
SENT_BYTES = 10_000_000
SHEETS, ROWS, CELLS = 20, 100_000, 1_000_000


class OutOfTime(BaseException):  # no library may take it for one of its own
    """The time for reading is over."""


_LIBRARIES = {"pdf": "pypdf", "docx": "docx", "pptx": "pptx", "xlsx": "openpyxl"}


def load(kind: str) -> None:
    """Import everything that reading this kind needs. Some libraries import modules only when they need them, and then
    no file can be opened any more."""
    library = importlib.import_module(_LIBRARIES[kind])
    for module in pkgutil.walk_packages(library.__path__, f"{library.__name__}.", lambda name: None):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(Exception):  # it needs a library that is not installed
                importlib.import_module(module.name)


class _Text:
    """The text read so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.why = ""
        """Why the rest was not read."""
        self._room = READ_CHARS

    def add(self, line: str) -> None:
        """Add a line, or more. Raises OutOfTime when there is no more room."""
        self.lines.append(line[: self._room])
        self._room -= len(line)
        if self._room < 0:
            self.why = "it is very long"
            raise OutOfTime

    def take(self, lines: Iterator[str]) -> None:
        """Add lines until the time or the room is used up."""
        try:
            for line in lines:
                self.add(line)
        except OutOfTime:
            self.why = self.why or "reading it takes long"

    def found(self, note: str, limit: int = TEXT_CHARS) -> tuple[str, str]:
        """Return the text, shortened, and the note about it."""
        text, left = shortened("\n".join(self.lines).strip(), limit)
        more = f"only its beginning was read, because {self.why}" if self.why else ""
        return text, ", ".join(each for each in (note, left, more) if each)


def _pdf(content: bytes) -> Found:
    import pypdf  # noqa: PLC0415

    text, pages = _Text(), 0
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("it is protected with a password")
        pages = len(reader.pages)
        text.take(f"[page {number}]\n{page.extract_text()}" for number, page in enumerate(reader.pages, start=1))
    except OutOfTime:
        text.why = "reading it takes long"
    said, note = text.found(f"{pages} page{'' if pages == 1 else 's'}" if pages else "")
    is_blank = not "".join(line.partition("\n")[2] for line in text.lines).strip()
    if 0 < pages <= SENT_PAGES and len(content) <= SENT_BYTES:
        return Found("" if is_blank else said, note, kind="file", media="application/pdf", own=True)
    if is_blank:
        raise Unreadable("it has no text, and is too large to be read as pictures")
    return Found(said, note)


def nameless(found: Found, content: bytes) -> Found:
    """Return what was found in a PDF with its pages alone: without its author and title, the names of files in it, and
    of those who have commented on it. If that cannot be done, only its text is left. Raises Unreadable if it has none.
    """
    import pypdf  # noqa: PLC0415
    from pypdf.generic import DictionaryObject  # noqa: PLC0415

    try:
        writer, written = pypdf.PdfWriter(), io.BytesIO()
        for page in pypdf.PdfReader(io.BytesIO(content)).pages:
            kept = writer.add_page(page)
            for key in ("/Metadata", "/PieceInfo"):
                kept.pop(key, None)
            for each in kept.annotations or ():
                note = each.get_object()
                if isinstance(note, DictionaryObject) and note.get("/Subtype") != "/Widget":
                    note.pop("/T", None)
        writer.metadata = None
        writer.write(written)
    except (Exception, RecursionError, MemoryError, OutOfTime) as problem:  # whatever the library raises
        if not found.text:
            raise Unreadable("who has made it is kept from the model here, and cannot be left out of it") from problem
        return Found(found.text, found.note)
    return replace(found, content=written.getvalue(), own=False)


def _docx(content: bytes) -> Found:
    import docx  # noqa: PLC0415
    from docx.table import Table  # noqa: PLC0415

    def lines() -> Iterator[str]:
        for block in docx.Document(io.BytesIO(content)).iter_inner_content():
            if isinstance(block, Table):
                for row in block.rows:
                    yield "\t".join(cell.text.replace("\n", " ") for cell in row.cells)
            else:
                yield block.text

    text = _Text()
    text.take(lines())
    return Found(*text.found(""))


def _pptx(content: bytes) -> Found:
    import pptx  # noqa: PLC0415

    numbers: list[int] = []

    def lines() -> Iterator[str]:
        for number, slide in enumerate(pptx.Presentation(io.BytesIO(content)).slides, start=1):
            numbers.append(number)
            yield f"[slide {number}]"
            for shape in slide.shapes:
                if shape.has_text_frame:
                    yield shape.text_frame.text  # pyright: ignore[reportAttributeAccessIssue]
                elif shape.has_table:
                    for row in shape.table.rows:  # pyright: ignore[reportAttributeAccessIssue]
                        yield "\t".join(cell.text for cell in row.cells)
            if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
                yield f"[notes] {notes.text}"

    text = _Text()
    text.take(lines())
    return Found(*text.found(f"{len(numbers)} slide{'' if len(numbers) == 1 else 's'}"))


def _xlsx(content: bytes) -> Found:
    import openpyxl  # noqa: PLC0415

    text, cells = _Text(), 0

    def sheets() -> Iterator[str]:
        nonlocal cells
        workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for sheet in workbook.worksheets[:SHEETS]:
            rows: list[str] = []
            more = ""
            try:
                for row in sheet.iter_rows(values_only=True):
                    rows.append(_row(row))
                    cells += len(row)
                    if len(rows) >= ROWS or cells > CELLS:
                        more = "at least "
                        break
            except OutOfTime:
                text.why = "reading it takes long"
            body, note = table(rows)
            yield f"[sheet {sheet.title}: {more}{note}]\n{body}"
            if text.why:
                return

    text.take(sheets())
    return Found(*text.found(f"{len(text.lines)} sheet{'' if len(text.lines) == 1 else 's'}", 2 * TABLE_CHARS))


def _row(values: Sequence[object]) -> str:
    return "\t".join("" if value is None else str(value).replace("\n", " ") for value in values).rstrip("\t")


READERS: Mapping[str, Callable[[bytes], Found]] = {"pdf": _pdf, "docx": _docx, "pptx": _pptx, "xlsx": _xlsx}
