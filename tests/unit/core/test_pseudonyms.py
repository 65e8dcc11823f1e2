"""What a provider of models learns about who asks, and where: nothing, and always the same."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import product

from bot.core import pseudonyms
from bot.core.json_text import sha256
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite.schema import MIGRATIONS

PLACE = ThreadRef("T1", "C1", "1.0", "channel")
SECRET, OTHER = b"s" * 32, b"o" * 32


def test_the_same_person_and_thread_have_the_same_pseudonyms_and_others_have_others() -> None:
    people = {pseudonyms.of_person(SECRET, team, user) for team, user in product(("T1", "T2"), ("U1", "U2"))}
    places = [PLACE, replace(PLACE, channel="C2"), replace(PLACE, thread_ts="2.0"), replace(PLACE, team="T2")]
    threads = {pseudonyms.of_thread(SECRET, place) for place in places}
    labels = {pseudonyms.label(SECRET, place, user) for place, user in product(places, ("U1", "U2"))}
    assert (len(people), len(threads), len(labels)) == (4, 4, 8)
    assert pseudonyms.of_person(SECRET, "T1", "U1") in people
    assert pseudonyms.of_thread(SECRET, replace(PLACE, kind="group")) in threads, "its kind may be a guess"
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in people)
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in threads)
    assert all(re.fullmatch("Person [A-Z2-7]{5}", each) for each in labels)


def test_ids_that_are_tried_one_by_one_find_nobody_without_the_secret() -> None:
    seen = pseudonyms.of_person(SECRET, "T1", "U1")
    tried = {pseudonyms.of_person(OTHER, "T1", "U1"), pseudonyms.of_person(b"", "T1", "U1"), sha256("T1", "U1")[:32]}
    assert seen not in tried


def test_no_two_databases_have_one_secret() -> None:
    found: set[bytes] = set()
    for _ in range(3):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            for script in MIGRATIONS:
                connection.executescript(script)
            [(value,)] = connection.execute("SELECT value FROM secrets")
            found.add(value)
    assert {len(value) for value in found} == {32}
    assert len(found) == 3
