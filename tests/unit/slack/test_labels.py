"""What a file is called where names are kept from the model's provider."""

from __future__ import annotations

import pytest

from bot.slack.labels import file_label, without_names
from bot.slack.reading.bounds import Bounds
from bot.slack.reading.content import Kind, Section
from bot.slack.reading.files import read


@pytest.mark.parametrize(
    "name",
    ["Dr.Smith", "Q3.projectx", "Kündigung.Müller", "notes.2024", "salaries", "salaries.", "", "a.pdf.Smith", ".acme"],
)
def test_what_is_no_type_of_a_file_is_not_taken_for_one(name: str) -> None:
    assert file_label(name) == "file"
    assert file_label(f"Salaries ({name})") == "file"


@pytest.mark.parametrize(
    ("name", "label"),
    [("Dr.Smith.PDF", "file.pdf"), ("a.tar.gz", "file.gz"), ("Salaries (1).xlsx", "file.xlsx"), ("x.py", "file.py")],
)
def test_a_file_is_named_by_its_type(name: str, label: str) -> None:
    assert file_label(name) == label
    assert file_label(f"Dr.Smith ({name})") == label, "a title of its own comes before the name"


def test_a_file_with_a_title_of_its_own_is_named_by_its_type() -> None:
    section = read({"id": "F1", "name": "salaries.xlsx", "title": "Salaries"}, Bounds())
    assert section is not None
    titled = read({"id": "F1", "name": "salaries.xlsx", "title": "Who earns what"}, Bounds())
    assert titled is not None
    assert titled.title == "Who earns what (salaries.xlsx)"
    for each in (section, titled):
        [shown] = without_names([each])
        assert isinstance(shown, Section)
        assert (shown.kind, shown.title) == (Kind.FILE, "file.xlsx")
