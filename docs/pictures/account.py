"""A tool server behind a sign-in, for the pictures: it says where people sign in, and nobody ever does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

ABOUT = "/.well-known/oauth-protected-resource/mcp"


@asynccontextmanager
async def account() -> AsyncGenerator[str]:
    """Serve it. Out: its origin."""
    origin = ""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path == ABOUT:
            return web.json_response({"resource": f"{origin}/mcp", "authorization_servers": [origin]})
        if request.path == "/.well-known/oauth-authorization-server":
            found = {
                "issuer": origin,
                "authorization_endpoint": f"{origin}/authorize",
                "token_endpoint": f"{origin}/token",
                "code_challenge_methods_supported": ["S256"],
            }
            return web.json_response(found)
        challenge = f'Bearer resource_metadata="{origin}{ABOUT}"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield origin
    finally:
        await runner.cleanup()
