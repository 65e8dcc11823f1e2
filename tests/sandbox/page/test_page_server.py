"""Who gets to the page, and what is given to them."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from slack_sandbox.model import Channel, Person
from slack_sandbox.page import Page
from slack_sandbox.page import files as page_files
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.page.client import Viewer, viewer

pytestmark = pytest.mark.anyio

GUARDS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def status(http: aiohttp.ClientSession, method: str, url: str, **more: Any) -> int:
    async with http.request(method, url, allow_redirects=False, **more) as answer:
        for name, value in GUARDS.items():
            assert answer.headers[name] == value
        return answer.status


async def test_the_page_is_served_under_its_token_and_may_load_nothing_from_outside(
    page: Page, http: aiohttp.ClientSession
) -> None:
    async with http.get(page.address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert "<!doctype html>" in await answer.text()
    port = page.origin.rpartition(":")[2]
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"font-src 'self' data:; connect-src 'self' ws://127.0.0.1:{port} "
    )
    assert await status(http, "GET", page.address) == 200


async def test_without_the_token_there_is_nothing(page: Page, http: aiohttp.ClientSession) -> None:
    token = page.address.split("/")[3]
    assert len(token) >= 32
    wrong = [
        "/", "/favicon.ico", f"/{token[:-1]}/", f"/{token}x/", f"/x/{token}/", "/live", "/%C3%A9%F0%9F%98%80/",
        f"/{token[:-1]}/live", f"/{token.swapcase()}/", f"//{token}/",
    ]  # fmt: skip
    for path in wrong:
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            assert await status(http, method, page.origin + path) == 404, path
    assert await status(http, "GET", f"{page.origin}/{token}") == 308


async def test_each_start_has_another_token(slack: SlackSandbox) -> None:
    async with Page(slack) as one, Page(slack) as other:
        assert one.address.split("/")[3] != other.address.split("/")[3]


async def test_a_name_that_leads_to_this_machine_is_refused(page: Page, http: aiohttp.ClientSession) -> None:
    port = page.origin.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.evil.example:{port}"):
        assert await status(http, "GET", page.address, headers={"Host": host}) == 403
        for origin in (f"http://{host}", page.origin):
            headers = {"Host": host, "Origin": origin}
            assert await status(http, "GET", f"{page.address}live", headers=headers) == 403
    assert await status(http, "GET", page.address, headers={"Host": f"localhost:{port}"}) == 200


async def test_another_site_can_neither_open_the_socket_nor_upload(
    page: Page, alice: Person, http: aiohttp.ClientSession, slack: SlackSandbox
) -> None:
    port = page.origin.rpartition(":")[2]
    foreign = (
        "null",
        "http://evil.example",
        f"https://127.0.0.1:{port}",
        "http://127.0.0.1",
        f"http://localhost:{port}",
    )
    for headers in ({}, *({"Origin": origin} for origin in foreign)):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await http.ws_connect(f"{page.address}live", headers=headers)
        upload = f"{page.address}upload?as={alice.id}&name=a.txt"
        assert await status(http, "POST", upload, data=b"x", headers=headers) == 403
    assert slack.workspace.files == {}
    async with http.ws_connect(f"{page.address}live", origin=page.origin) as opened:
        assert not opened.closed


async def test_the_server_listens_on_loopback_only(page: Page) -> None:
    port = int(page.origin.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        pass
    with pytest.raises(OSError, match=r"refused|unreachable|assign|timed out"):
        socket.create_connection(("127.0.0.2", port), timeout=1).close()


async def test_a_taken_port_is_an_error(page: Page, slack: SlackSandbox) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await Page(slack, port=int(page.origin.rpartition(":")[2])).start()


async def test_only_what_was_built_is_served(slack: SlackSandbox, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("no")
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    async with Page(slack, static=built) as page:
        async with http.get(page.address) as answer:
            assert "make page" in await answer.text()
        (built / "index.html").write_text("<p>built")
        (built / "assets" / "page.js").write_text("1")
        async with http.get(page.address) as answer:
            assert await answer.text() == "<p>built"
        async with http.get(f"{page.address}assets/page.js") as answer:
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        for path in ("assets/", "assets", "../secret", "..%2Fsecret", "assets/..%2F..%2Fsecret", "%2Fetc%2Fpasswd"):
            assert await status(http, "GET", page.address + path) == 404
        assert await status(http, "POST", page.address, headers={"Origin": page.origin}) == 405


async def test_a_file_is_saved_and_only_an_image_may_be_shown(
    page: Page, slack: SlackSandbox, alice: Person, http: aiohttp.ClientSession
) -> None:
    async def given(name: str, kind: str, query: str = "") -> tuple[str, str, bytes]:
        file = slack.add_file(alice, name, b"<script>", kind)
        async with http.get(f"{page.address}files/{file.id}/x{query}") as answer:
            assert "sandbox" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            return answer.headers["Content-Type"], answer.headers["Content-Disposition"], await answer.read()

    assert await given("a.png", "image/png") == ("image/png", "attachment; filename*=UTF-8''a.png", b"<script>")
    assert (await given("a.png", "image/png", "?show=1"))[1].startswith("inline")
    for name, kind in (("a.svg", "image/svg+xml"), ("a.html", "text/html"), ("a.pdf", "application/pdf")):
        assert (await given(name, kind, "?show=1"))[:2] == (kind, f"attachment; filename*=UTF-8''{name}")
    odd = await given('a"\r\nX-Evil: 1/é.txt', "text/plain\r\nX-Evil: 1")
    assert odd[:2] == ("application/octet-stream", "attachment; filename*=UTF-8''a%22%0D%0AX-Evil%3A%201%2F%C3%A9.txt")
    assert await status(http, "GET", f"{page.address}files/F404/x") == 404
    assert await status(http, "GET", f"{page.address}files/") == 404


async def test_an_upload_becomes_a_file_that_can_be_sent(
    page: Page,
    slack: SlackSandbox,
    view: Viewer,
    alice: Person,
    general: Channel,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def upload(query: str, data: bytes) -> tuple[int, dict[str, str]]:
        async with http.post(f"{page.address}upload?{query}", data=data, headers={"Origin": page.origin}) as answer:
            return answer.status, await answer.json()

    await view.watch(alice, general)
    code, answer = await upload(f"as={alice.id}&name=notes.md", b"hello")
    assert code == 200
    await view.ask("say", channel=general.id, text="", files=[answer["id"]])
    file = view.messages(general)[0]["message"]["files"][0]
    assert (file["id"], file["name"], file["size"], file["user"]) == (answer["id"], "notes.md", 5, alice.id)
    assert await upload(f"as={alice.id}&name=a.txt", b"") == (400, {"error": "The file is empty."})
    assert (await upload(f"as={alice.id}&name=", b"x"))[0] == 400
    assert (await upload("as=U404&name=a.txt", b"x"))[0] == 400
    monkeypatch.setattr(page_files, "MAX_FILE_BYTES", 10)
    assert (await upload(f"as={alice.id}&name=a.txt", b"x" * 11))[0] == 413


async def test_closing_ends_the_pages_and_the_sandbox_stays(slack: SlackSandbox, alice: Person) -> None:
    async with Page(slack) as page, viewer(page) as viewing:
        await viewing.watch(alice)
        await page.close()
        await viewing.ended()
    slack.add_channel("later", [alice])
