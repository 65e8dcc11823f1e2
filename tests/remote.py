"""A stand-in for a company's tool server behind a sign-in: an authorization server and an MCP server at one address.

It does what is asked of it and keeps account of it: whose token each call carried, which tokens were given, refreshed
and revoked.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from aiohttp import web

TOOLS = [
    {
        "name": "whoami",
        "description": "Who is it?",
        "inputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": "note",
        "description": "Write a note.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
        "annotations": {"readOnlyHint": False, "destructiveHint": False},
    },
]


@dataclass
class Grant:
    """What a person has allowed."""

    account: str
    refresh: str
    resource: str
    live: bool = True
    scope: str = ""


@dataclass
class Remote:
    """The server. What is set here it does from the next request on."""

    origin: str = ""
    lasting: float = 3600.0
    """Seconds for which an access token holds."""
    refreshes: bool = True
    """Whether there are refresh tokens."""
    issuer: str = ""
    """What it calls itself; its origin by default."""
    names_itself: bool = True
    fails: bool = False
    """Whether it gives no tokens for now."""
    away: bool = False
    """Whether it does not say where to sign in."""
    refuses: bool = False
    """Whether it accepts no token."""
    scope: str = ""
    """What it says that a sign-in needs."""
    needs: dict[str, str] = field(default_factory=dict[str, str])
    """What calls need besides, by tool; and the list of tools, as `tools/list`."""
    gives: str | None = None
    """What it allows, whatever it is asked for; by default that."""
    insatiable: bool = False
    """Whether nothing that is allowed is enough for such calls."""
    open: bool = False
    """Whether everybody may connect, and only what comes after it needs a token."""
    scopes: list[str] = field(default_factory=list[str])
    """What people were asked to allow, and the bot has asked for itself."""
    explains: bool = False
    """Whether its refusals have a message of MCP in them, which repeats the token."""
    personal: bool = False
    """Whether its tools are described for each account on its own."""
    pause: float = 0.0
    """Seconds that each tool call takes."""
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    """What it says about itself besides."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    access: dict[str, Grant] = field(default_factory=dict[str, Grant])
    grants: dict[str, Grant] = field(default_factory=dict[str, Grant])
    """By refresh token."""
    calls: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    """(account, tool, arguments) of each tool call."""
    asked: list[str] = field(default_factory=list[str])
    """What was asked of the authorization server: `register`, `code`, `refresh`, `revoke`."""
    unauthorized: int = 0
    narrow: int = 0
    """How often a token did not allow enough."""
    forms: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """The requests for tokens."""
    opened: list[str] = field(default_factory=list[str])
    """The account of each connection."""
    sent: list[str] = field(default_factory=list[str])
    """The `Authorization` headers of the tool calls."""
    number: int = 0

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    def entry(self, **more: Any) -> dict[str, Any]:
        """Its entry in mcp.json."""
        return {"url": self.url, "identity": "person", "protocol": "legacy", "trusted": True, **more}

    def consent(self, link: str, account: str) -> str:
        """Be a person who follows a link and allows what is asked. Out: where the browser is sent."""
        asked = dict(parse_qsl(urlsplit(link).query))
        assert asked["code_challenge_method"] == "S256"
        self.number += 1
        self.scopes.append(asked.get("scope", ""))
        code = f"code-{self.number}-{account}-secret"
        self.codes[code] = {**asked, "account": account}
        issuer = {"iss": self.issuer or self.origin} if self.names_itself else {}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], **issuer})}"

    def revoke_all(self) -> None:
        """An administrator ends all that was allowed."""
        self.access.clear()
        self.grants.clear()

    def expire(self) -> None:
        """All access tokens have expired."""
        self.access.clear()

    def _give(self, grant: Grant) -> web.Response:
        self.number += 1
        token = f"token-{self.number}-{grant.account}-secret"
        self.access[token] = grant
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": self.lasting}
        if self.gives is not None:
            grant.scope = answer["scope"] = self.gives
        if self.refreshes:
            grant.refresh = f"refresh-{self.number}-{grant.account}-secret"
            self.grants[grant.refresh] = grant
            answer["refresh_token"] = grant.refresh
        return web.json_response(answer)

    async def about_resource(self, request: web.Request) -> web.Response:
        servers = [self.issuer or self.origin]
        return web.json_response({"resource": self.url, "authorization_servers": servers})

    async def about_issuer(self, request: web.Request) -> web.Response:
        if self.away:
            return web.Response(status=503)
        found = {
            "issuer": self.issuer or self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "registration_endpoint": f"{self.origin}/register",
            "revocation_endpoint": f"{self.origin}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": self.names_itself,
            **self.metadata,
        }
        return web.json_response(found)

    async def register(self, request: web.Request) -> web.Response:
        self.asked.append("register")
        wanted = await request.json()
        return web.json_response({**wanted, "client_id": f"client-{len(self.asked)}"}, status=201)

    async def token(self, request: web.Request) -> web.Response:
        form = {str(name): str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if self.fails:
            return web.Response(status=503)
        refused = web.json_response({"error": "invalid_grant"}, status=400)
        if form["grant_type"] == "client_credentials":
            self.asked.append("client")
            self.scopes.append(form.get("scope", ""))
            given = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
            granted = Grant("company", "", form["resource"], scope=self.scopes[-1])
            return self._give(granted) if given == "bot:hush-hush" else refused
        if form["grant_type"] == "authorization_code":
            self.asked.append("code")
            begun = self.codes.pop(form["code"], None)
            proof = hashlib.sha256(form["code_verifier"].encode()).digest()
            proven = begun and base64.urlsafe_b64encode(proof).decode().rstrip("=") == begun["code_challenge"]
            if begun is None or not proven or form["resource"] != self.url or begun["client_id"] != form["client_id"]:
                return refused
            return self._give(Grant(begun["account"], "", form["resource"], scope=begun.get("scope", "")))
        self.asked.append("refresh")
        grant = self.grants.pop(form["refresh_token"], None)
        return refused if grant is None or not grant.live else self._give(grant)

    async def revoke(self, request: web.Request) -> web.Response:
        self.asked.append("revoke")
        token = str((await request.post())["token"])
        grant = self.access.pop(token, None) or self.grants.pop(token, None)
        if grant is not None:
            self.access = {name: each for name, each in self.access.items() if each is not grant}
            self.grants = {name: each for name, each in self.grants.items() if each is not grant}
        return web.Response()

    def _refuse(self, status: int, scope: str, **more: str) -> web.Response:
        about = f"{self.origin}/.well-known/oauth-protected-resource/mcp"
        fields = {"resource_metadata": about, **({"scope": scope} if scope else {}), **more}
        said = ", ".join(f'{name}="{value}"' for name, value in fields.items())
        return web.Response(status=status, headers={"WWW-Authenticate": f"Bearer {said}"})

    def _too_little(self, message: Any, header: str, needed: str) -> web.Response:
        refusal = self._refuse(403, needed, error="insufficient_scope")
        if self.explains:
            error = {"code": -32001, "message": f"{header} does not allow {needed}"}
            refusal.content_type = "application/json"
            refusal.text = json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error})
        return refusal

    async def mcp(self, request: web.Request) -> web.Response:
        """Answer a message of MCP."""
        header = request.headers.get("Authorization", "")
        grant = self.access.get(header.removeprefix("Bearer "))
        message = await request.json()
        connects = self.open and message.get("method") in ("initialize", "notifications/initialized")
        if not connects and (grant is None or self.refuses):
            self.unauthorized += 1
            return self._refuse(401, self.scope)
        grant = grant or Grant("", "", "")
        match message.get("method"):
            case "initialize":
                self.opened.append(grant.account)
                info = {"name": "remote", "version": "1"}
                capabilities = {"tools": {}}
                result = {"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": info}
            case "tools/list":
                if (needed := self.needs.get("tools/list", "")) and needed not in grant.scope.split():
                    return self._too_little(message, header, needed)
                about = f" {grant.account}" if self.personal else ""
                result = {"tools": [{**each, "description": f"{each['description']}{about}"} for each in TOOLS]}
            case "tools/call":
                wanted = message["params"]
                needed = self.needs.get(wanted["name"], "")
                if needed and (self.insatiable or needed not in grant.scope.split()):
                    self.narrow += 1
                    return self._too_little(message, header, needed)
                self.calls.append((grant.account, wanted["name"], wanted.get("arguments") or {}))
                self.sent.append(header)
                await asyncio.sleep(self.pause)
                said = f"{grant.account}: {json.dumps(wanted.get('arguments') or {})} {header}"
                result = {"content": [{"type": "text", "text": said}]}
            case _:
                return web.Response(status=202)
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result})


def query(address: str) -> dict[str, str]:
    """The fields of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@asynccontextmanager
async def remote() -> AsyncGenerator[Remote]:
    """A stand-in that listens on this machine."""
    here = Remote()
    app = web.Application()
    app.router.add_get("/.well-known/oauth-protected-resource/mcp", here.about_resource)
    app.router.add_get("/.well-known/oauth-authorization-server", here.about_issuer)
    app.router.add_get("/.well-known/oauth-authorization-server/other", here.about_issuer)
    app.router.add_post("/register", here.register)
    app.router.add_post("/token", here.token)
    app.router.add_post("/revoke", here.revoke)
    app.router.add_post("/mcp", here.mcp)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        await runner.cleanup()
