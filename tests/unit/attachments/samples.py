"""Files as people attach them, made as small as they can be."""

from __future__ import annotations

import io
from collections.abc import Sequence

import docx
import openpyxl
import pptx
from PIL import Image


def picture(kind: str = "PNG", width: int = 40, height: int = 30, color: str = "red") -> bytes:
    """An image of one colour."""
    made = io.BytesIO()
    Image.new("RGB", (width, height), color).save(made, kind)
    return made.getvalue()


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, words in enumerate(pages):
        stream = f"BT /F1 18 Tf 10 100 Td ({words}) Tj ET"
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents {5 + 2 * number} 0 R"
        objects += [
            f"{page}/Resources<</Font<</F1 3 0 R>>>>>>",
            f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        ]
    return assembled(objects)


def assembled(objects: Sequence[str]) -> bytes:
    """A PDF of these objects, of which the first is its root."""
    made, places = b"%PDF-1.4\n", list[int]()
    for number, each in enumerate(objects, start=1):
        places.append(len(made))
        made += f"{number} 0 obj{each}endobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Root 1 0 R/Size {size}>>\nstartxref\n{len(made)}\n%%EOF"
    )
    return made + end.encode()


def letter(*paragraphs: str) -> bytes:
    """A Word document."""
    document, made = docx.Document(), io.BytesIO()
    for each in paragraphs:
        document.add_paragraph(each)
    document.save(made)
    return made.getvalue()


def sheet(rows: Sequence[Sequence[object]]) -> bytes:
    """An Excel workbook of one sheet."""
    workbook, made = openpyxl.Workbook(write_only=True), io.BytesIO()
    first = workbook.create_sheet("Data")
    for row in rows:
        first.append(list(row))
    workbook.save(made)
    return made.getvalue()


def slides(*titles: str) -> bytes:
    """A PowerPoint presentation."""
    presentation, made = pptx.Presentation(), io.BytesIO()
    for title in titles:
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        assert slide.shapes.title is not None
        slide.shapes.title.text = title
    presentation.save(made)
    return made.getvalue()


def table(rows: int) -> bytes:
    """Comma-separated values with a heading."""
    return (
        "id,name,amount\n" + "".join(f"{number},name {number},{number * 3}\n" for number in range(1, rows))
    ).encode()
