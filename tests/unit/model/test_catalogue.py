"""The list of models: whatever an endpoint sends is read or left alone, and it outlives a restart."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.known_models import KnownModels
from bot.core.model_info import ModelInfo, Prices
from bot.core.model_options import ModelOptions
from bot.errors import SettingsError
from bot.model import catalogue as module
from bot.model.catalogue import Catalogue, UnreachableError
from bot.model.catalogue_entries import MAX_BYTES, MAX_MODELS, dump, parse, undump
from bot.model.model_check import require_usable
from tests.lag import watched

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]
NOW = datetime(2026, 11, 28, tzinfo=UTC).timestamp()
ENDPOINT = "https://example.org/v1"
LIKE_ROUTERS: JsonObject = {
    "id": "anthropic/claude-sonnet-4.5",
    "canonical_slug": "anthropic/claude-4.5-sonnet-20250929",
    "context_length": 1_000_000,
    "architecture": {"input_modalities": ["text", "image", "file"], "output_modalities": ["text"]},
    "pricing": {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003"},
    "top_provider": {"context_length": 200_000, "max_completion_tokens": 64_000},
    "supported_parameters": ["max_tokens", "reasoning", "tools", "tool_choice"],
    "expiration_date": None,
}


def entry(**changes: object) -> JsonObject:
    return {**LIKE_ROUTERS, **changes}


def read(*entries: object) -> KnownModels:
    known = parse(json.dumps({"data": entries}).encode(), lambda: NOW)
    assert known is not None
    return known


def only(**changes: object) -> ModelInfo:
    [info] = read(entry(**changes)).models.values()
    return info


def test_what_openrouter_says_of_a_model_is_read() -> None:
    assert only() == ModelInfo(
        "anthropic/claude-sonnet-4.5",
        context_length=1_000_000,
        max_completion=64_000,
        tools=True,
        reasoning=True,
        inputs=frozenset({"text", "image", "file"}),
        prices=Prices(3e-6, 1.5e-5, 3e-7),
        expires=None,
    )


def test_an_endpoint_that_lists_only_ids_says_nothing_else() -> None:
    known = read({"id": "llama3.1:8b", "object": "model", "owned_by": "library"}, {"id": "b", "max_model_len": 32_768})
    assert known.find("llama3.1:8b") == ModelInfo("llama3.1:8b")
    assert known.find("b") == ModelInfo("b", context_length=32_768)
    assert not known.complete
    assert known.problem("a/c") == ""


@pytest.mark.parametrize(
    ("price", "is_read"),
    [
        ("0", 0.0),
        (0.000003, 3e-6),
        ("3e-6", 3e-6),
        ("NaN", None),
        ("inf", None),
        (math.inf, None),
        (10**400, None),
        ("2", None),
        ("", None),
        ("free", None),
        (None, None),
        (True, None),
        ({}, None),
        ("9" * 1_000_000, None),
    ],
)
def test_a_price_that_makes_no_sense_is_none(price: object, is_read: float | None) -> None:
    body = json.dumps({"data": [entry(pricing={"prompt": price, "completion": "0.1"})]}).encode()
    known = parse(body, lambda: NOW)
    assert known is not None
    info = known.find("anthropic/claude-sonnet-4.5")
    assert info is not None
    assert info.prices.prompt == is_read


def test_nothing_is_concluded_about_a_router_whose_price_depends_on_the_model_that_answers() -> None:
    known = read(entry(id="openrouter/auto", pricing={"prompt": "-1", "completion": "-1"}, supported_parameters=["x"]))
    assert known.find("openrouter/auto") == ModelInfo("openrouter/auto")
    assert known.problem("openrouter/auto") == ""


@pytest.mark.parametrize(
    ("date", "problem"),
    [
        ("2026-11-27", "it is no longer offered"),
        ("2026-11-28", ""),
        ("2026-11-27T23:59:59Z", "it is no longer offered"),
        ("2026-11-28T00:00:01+00:00", ""),
        (1_700_000_000, "it is no longer offered"),
        ("1700000000", "it is no longer offered"),
        (1_700_000_000_000, ""),
        ("soon", ""),
        ("0001-01-01", ""),
        (-5, ""),
        ([], ""),
    ],
)
def test_a_model_can_be_used_until_its_last_day_is_over(date: object, problem: str) -> None:
    assert read(entry(expiration_date=date)).problem("anthropic/claude-sonnet-4.5") == problem


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("a/b", "a/b"),
        ("a/b:nitro", "a/b"),
        ("a/b:floor", "a/b"),
        ("a/b:exacto", "a/b"),
        ("a/b:online", "a/b"),
        ("a/b:nitro:online", "a/b"),
        ("a/b-20260101", "a/b"),
        ("c/d:free", "c/d:free"),
        ("c/d:free:online", "c/d:free"),
        ("a/b:free", ""),
        ("a/b:thinking", ""),
        ("a/b@preset/mine", ""),
        ("@preset/mine", ""),
        ("~a/b-latest", ""),
        ("b", ""),
        ("", ""),
        (":nitro", ""),
    ],
)
def test_a_model_is_found_by_the_id_that_it_is_a_variant_of(model: str, base: str) -> None:
    known = read(entry(id="a/b", canonical_slug="a/b-20260101"), entry(id="c/d:free", canonical_slug="c/d"))
    found = known.find(model)
    assert (found.id if found else "") == base


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("anthropic/claude-sonnet-4.5:nitro", ""),
        ("a/silent", ""),
        ("a/without-tools", "it cannot be given tools"),
        ("a/unknown", "the endpoint does not list it"),
        ("a/unknown:free", "the endpoint does not list it"),
        ("openrouter/auto", ""),
        ("@preset/mine", ""),
        ("a/b@preset/mine", ""),
        ("~a/latest", ""),
        ("local", ""),
    ],
)
def test_only_what_is_certain_keeps_a_model_from_being_used(model: str, problem: str) -> None:
    known = read(
        entry(),
        entry(id="a/without-tools", supported_parameters=["max_tokens"]),
        entry(id="a/silent", supported_parameters=[]),
    )
    assert known.problem(model) == problem


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"null", b'{"data": {}}', b'{"data": [1, {}]}', b"[" * 50_000])
def test_what_is_no_list_of_models_is_none(body: bytes) -> None:
    assert parse(body, lambda: NOW) is None


def test_a_list_that_is_too_long_is_cut_and_proves_nothing_about_the_rest() -> None:
    known = read(*(entry(id=f"a/{number}", canonical_slug=None) for number in range(MAX_MODELS + 1)))
    assert len(known.models) == MAX_MODELS
    assert known.problem(f"a/{MAX_MODELS}") == ""


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
fields = st.sampled_from([*LIKE_ROUTERS, "max_model_len", "context_window"])
entries = st.dictionaries(fields, values).map(lambda odd: entry(**odd)) | st.dictionaries(fields, values) | values


@settings(max_examples=40)
@given(st.lists(entries, max_size=4))
def test_no_list_is_too_odd_and_what_is_kept_of_it_is_the_same(listed: list[object]) -> None:
    known = parse(json.dumps({"data": listed}).encode(), lambda: NOW)
    if known is None:
        return
    for info in known.models.values():
        assert info.context_length is None or info.context_length > 0
        for price in (info.prices.prompt, info.prices.completion, info.prices.cached):
            assert price is None or 0 <= price <= 1
        assert isinstance(known.problem(info.id), str)
    kept = undump(dump(known, ENDPOINT, NOW).encode(), ENDPOINT, lambda: NOW)
    assert kept is not None
    again, at = kept
    assert (again.models, again.aliases, again.complete, at) == (known.models, known.aliases, known.complete, NOW)


@given(st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
def test_a_file_that_was_damaged_is_as_none(body: bytes) -> None:
    undump(body, ENDPOINT, lambda: NOW)


def test_a_list_of_another_endpoint_does_not_count() -> None:
    assert undump(dump(read(entry()), ENDPOINT, NOW).encode(), "https://other", lambda: NOW) is None


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, file: Path | None = None) -> AsyncGenerator[Catalogue]:
    """A catalogue of an endpoint that answers so."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Catalogue(session, f"http://127.0.0.1:{runner.addresses[0][1]}", "key", file, clock=lambda: NOW)
    finally:
        await runner.cleanup()


def answering(*entries: object, status: int = 200, body: bytes | None = None) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=json.dumps({"data": entries}).encode() if body is None else body)

    return handle


async def test_the_list_is_known_at_once_after_a_restart_even_if_the_endpoint_is_down(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    answers = [answering(entry()), answering(status=503)]

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await answers.pop(0)(request)

    async with serving(handle, file) as catalogue:
        assert await catalogue.refresh()
        catalogue.known, catalogue.read_at = KnownModels(), 0.0
        await catalogue.load()
        assert catalogue.find("anthropic/claude-sonnet-4.5") == only()
        assert catalogue.read_at == NOW
        with pytest.raises(UnreachableError):
            await catalogue.refresh()
        assert catalogue.find("anthropic/claude-sonnet-4.5") == only()
    assert [path.name for path in tmp_path.iterdir()] == ["models.json"]


@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (401, b"{}"), (200, b"<html>"), (200, b"["), (200, b" " * (MAX_BYTES + 1))]
)
async def test_an_endpoint_without_a_list_is_fine(status: int, body: bytes, tmp_path: Path) -> None:
    async with serving(answering(status=status, body=body), tmp_path / "models.json") as catalogue:
        assert not await catalogue.refresh()
        assert catalogue.find("a/b") is None
        assert not (tmp_path / "models.json").exists()


async def test_an_endpoint_that_never_finishes_is_given_up() -> None:
    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with serving(drip) as catalogue:
        with pytest.raises(UnreachableError):
            await catalogue.refresh(0.1)


async def test_it_is_read_again_soon_after_a_failure_and_each_problem_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    asked, done = 0, asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return await (answering(status=503) if asked < 4 else answering(entry()))(request)

    async with serving(handle) as catalogue:
        catalogue.changed = done.set
        reading = asyncio.create_task(catalogue.run())
        await asyncio.wait_for(done.wait(), 10)
        reading.cancel()
    assert caplog.text.count("could not be read: HTTP 503") == 1


async def test_a_large_list_does_not_block_the_loop() -> None:
    listed = [entry(id=f"a/{number}", description="x" * 900) for number in range(1_000)]
    async with serving(answering(*listed)) as catalogue:
        with watched() as lag:
            assert await catalogue.refresh()
    assert len(catalogue.known.models) == 1_000
    lag.check()


class TestTheStart:
    @pytest.mark.parametrize(
        ("models", "words"),
        [
            (("a/without-tools",), "a/without-tools cannot be used: it cannot be given tools. Name another model."),
            (("a/unknown",), "the endpoint does not list it"),
            (("a/unknown", "a/without-tools"), "; a/without-tools cannot be used"),
            (("a/unknown", "anthropic/claude-sonnet-4.5"), ""),
            (("anthropic/claude-sonnet-4.5",), ""),
        ],
    )
    async def test_a_known_list_in_which_no_model_can_be_used_ends_it(
        self, models: tuple[str, ...], words: str, tmp_path: Path
    ) -> None:
        listed = (entry(), entry(id="a/without-tools", supported_parameters=["max_tokens"]))
        async with serving(answering(*listed), tmp_path / "models.json") as catalogue:
            await require_usable(catalogue, ModelOptions(("first/start",)), 5)
            await catalogue.refresh()
            if not words:
                await require_usable(catalogue, ModelOptions(models), 5)
                return
            with pytest.raises(SettingsError, match=words):
                await require_usable(catalogue, ModelOptions(models), 5)

    async def test_a_model_that_is_newer_than_the_kept_list_is_found_in_a_new_one(self, tmp_path: Path) -> None:
        listed = [entry()]

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await answering(*listed)(request)

        async with serving(handle, tmp_path / "models.json") as catalogue:
            await catalogue.refresh()
            listed.append(entry(id="a/new"))
            await require_usable(catalogue, ModelOptions(("a/new",)), 5)

    async def test_an_endpoint_that_is_down_keeps_nobody_from_starting(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        answers = [answering(entry()), answering(status=503)]

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await answers.pop(0)(request)

        async with serving(handle, tmp_path / "models.json") as catalogue:
            await catalogue.refresh()
            await require_usable(catalogue, ModelOptions(("a/unknown",)), 1)
        assert "a/unknown cannot be used: the endpoint does not list it" in caplog.text

    async def test_what_is_wrong_is_logged_once_when_the_list_is_read(self, caplog: pytest.LogCaptureFixture) -> None:
        async with serving(answering(entry(expiration_date="2026-11-01"))) as catalogue:
            await require_usable(catalogue, ModelOptions(("anthropic/claude-sonnet-4.5",), ("a/b",)), 5)
            for _ in range(3):
                await catalogue.refresh()
        errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
        assert errors == [
            "anthropic/claude-sonnet-4.5 cannot be used: it is no longer offered",
            "a/b cannot be used: the endpoint does not list it",
        ]
