"""A model server on loopback that speaks OpenRouter's API, for `try` and for tests: as strict, and as unreliable.

    async with ModelSandbox() as model:
        model.script(calls(call("filesystem__list_directory", {"path": "."})), text("Two files."))
        ...                                     # point the bot at model.base_url with model.api_key
        assert model.violations == []

It serves `POST /chat/completions` (streamed and whole), `GET /models`, `GET /key` and `GET /generation` in the running
loop.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aiohttp import web

from slack_sandbox.http_limits import MAX_BODY_BYTES, requests_up_to
from slack_sandbox.openrouter import responses, rules, wire
from slack_sandbox.openrouter.generations import Generations
from slack_sandbox.openrouter.request import ChatRequest, PrefixBreak, chat_request, grows, parse
from slack_sandbox.openrouter.responses import as_error, as_it_is, as_json
from slack_sandbox.openrouter.script import Answer, Completion, Failure, text

if TYPE_CHECKING:
    from slack_sandbox.openrouter.faults import ModelFaults
    from slack_sandbox.openrouter.journal import ModelJournal
    from slack_sandbox.openrouter.servers import Server


JsonObject = dict[str, Any]
T = TypeVar("T")

Respond = Callable[[ChatRequest], Answer | Awaitable[Answer]]
PATHS = (("POST", "/api/v1/chat/completions"), ("GET", "/api/v1/key"), ("GET", "/api/v1/generation"))
"""What needs the key."""
Hook = Callable[[ChatRequest], Awaitable[object] | object]


class ModelSandbox:
    """The server. Everything is open to the test: what to answer, what came, what was wrong with it."""

    def __init__(
        self,
        *,
        api_key: str = "sk-or-v1-sandbox",
        models: tuple[str, ...] = ("sandbox/model",),
        journal: ModelJournal | None = None,
        faults: ModelFaults | None = None,
        keep: int | None = None,
        server: Server | None = None,
    ) -> None:
        """keep: how many of the last `requests` are kept; all of them when None. server: which one it is, if not
        OpenRouter."""
        self.api_key = api_key
        """The only key that is accepted."""
        self.models = models
        self.journal = journal
        self.faults = faults
        """What a person has switched on; asked before the script and `respond`."""
        self.base_url = ""
        self.respond: Respond = lambda request: text("…")
        """Decides the answer when the script is empty; may be a coroutine function."""
        self.requests: list[ChatRequest] = []
        """Every chat completion that came with the right key, the refused ones too."""
        self.violations: list[str] = []
        """What a provider would have refused; each such request was answered with a 400."""
        self.prefix_breaks: list[PrefixBreak] = []
        self.unauthorized = 0
        """Requests with a wrong key."""
        self.aborted = 0
        """Answers that the client broke off."""
        self.refused = 0
        """Requests that the server refused for what only OpenRouter takes."""
        self._server = server
        self.generations = Generations()
        """What was charged."""
        self._keep = keep
        self._count = 0
        self._script: deque[Answer] = deque()
        self._before: list[Hook] = []
        self._after: list[Hook] = []
        self._reasoning: dict[str, list[JsonObject]] = {}
        self._sessions: dict[str, tuple[str, str, str]] = {}
        self._good_tools: set[str] = set()
        self._closing = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        large = requests_up_to(MAX_BODY_BYTES)
        server = web.Server(self._handle, handler_cancellation=True, access_log=None, request_factory=large)  # type: ignore[arg-type]
        runner = self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def script(self, *answers: Answer) -> None:
        """Add replies that are given next, in this order, to whoever asks."""
        self._script.extend(answers)

    @property
    def unused(self) -> int:
        """How many scripted answers nobody has asked for."""
        return len(self._script)

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        server = self._runner.server if self._runner is not None else None
        return len(server.connections) if server is not None else 0

    def reset(self) -> None:
        """Forget what was asked, scripted and hooked, but not the conversations: for the next test of the same bot."""
        self._script.clear()
        self._before.clear()
        self._after.clear()
        self.requests.clear()
        self.violations.clear()
        self.prefix_breaks.clear()
        self.respond = lambda request: text("…")

    def on_request(self, *, before: Hook | None = None, after: Hook | None = None) -> None:
        """Add hooks that run before a request is answered, and after its answer was written completely."""
        if before is not None:
            self._before.append(before)
        if after is not None:
            self._after.append(after)

    async def until(self, condition: Callable[[], object], timeout: float = 10, what: str = "") -> None:
        """Wait until the condition holds. Raises TimeoutError, saying what was waited for, after so many seconds."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"waited {timeout:g} s for {what or 'a condition'}; {len(self.requests)} requests came"
                )
            await asyncio.sleep(0.002)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._route(request)
        except asyncio.CancelledError:
            if not self._closing.is_set():
                self.aborted += 1
            raise

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        other = self._server
        if other is not None and (request.method, path) != ("POST", "/api/v1/chat/completions"):
            return as_it_is(other.no_path.status, other.no_path.raw)
        if request.method == "GET" and path == "/api/v1/models":
            wanted = request.query.get("supported_parameters")
            return as_json(200, wire.models(self.models if wanted in (None, "tools") else ()))
        if (request.method, path) not in PATHS:
            return as_error(404, {"code": 404, "message": f"Not found: {request.method} {path}"})
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            self.unauthorized += 1
            return as_error(401, {"code": 401, "message": "User not found."})
        return await self._complete(request) if request.method == "POST" else self._about(path, request.query)

    def _about(self, path: str, query: Mapping[str, str]) -> web.Response:
        """Answer what is asked about the key or a reply."""
        if path.endswith("/key"):
            limits: JsonObject = {"limit": None, "limit_remaining": None, "usage": 0, "is_free_tier": False}
            return as_json(200, wire.dumps({"data": {"label": "sk-or-v1-san...box", **limits}}))
        found = self.generations.by_id.get(query.get("id", ""))
        missing = {"code": 404, "message": f"Generation {query.get('id')} not found"}
        return as_error(404, missing) if found is None else as_json(200, wire.dumps({"data": found}))

    async def _complete(self, request: web.BaseRequest) -> web.StreamResponse:
        async def write(chat: ChatRequest, answer: Answer) -> web.StreamResponse:
            return await responses.write(request, chat, answer, self._closing)

        return await self.complete(await request.read(), request.headers, write)

    async def complete(
        self, body: bytes, headers: Mapping[str, str], write: Callable[[ChatRequest, Answer], Awaitable[T]]
    ) -> T:
        """Judge a chat completion that came with the right key, and have the answer to it written."""
        try:
            payload, texts = parse(body.decode())
        except ValueError as error:
            self.violations.append(f"the body is not a JSON object: {error}")
            return await write(chat_request(self._count, body, {}, headers), _refusal("Invalid JSON"))
        chat = chat_request(self._count, body, payload, headers)
        self._count += 1
        self.requests.append(chat)
        if self._keep is not None:
            del self.requests[: -self._keep]
        await _run(self._before, chat)
        self._compare(chat, texts)
        entry = self.journal.begin(payload, len(body)) if self.journal is not None else 0
        other = self._server.refusal(payload) if self._server is not None else None
        if other is not None:
            self.refused += 1
            return await write(chat, other)
        faults = self._faults(chat, texts)
        if faults:
            self.violations.extend(faults)
            refusal = _refusal("; ".join(faults), metadata={"error_type": "invalid_request"})
            self._note(entry, refusal, chat)
            return await write(chat, refusal)
        injected = self.faults.inject() if self.faults is not None else None
        try:
            answer = (
                injected.answer if injected is not None and injected.answer is not None else await self._decide(chat)
            )
            if injected is not None:
                answer = injected.apply_to(answer)
            if self._server is not None:
                answer = self._server.answered(payload, answer)
            self._remember(answer, chat)
            answer = self.generations.named(answer)
            response = await self._charged(chat, answer, write)
        except BaseException:
            if self.journal is not None:
                self.journal.end(entry, status=499, error="broken off", fault=injected.kind if injected else "")
            raise
        self._note(entry, answer, chat, injected.kind if injected is not None else "")
        await _run(self._after, chat)
        return response

    async def _charged(
        self, chat: ChatRequest, answer: Answer, write: Callable[[ChatRequest, Answer], Awaitable[T]]
    ) -> T:
        """Have an answer written, and charge for it once its reply has begun: the client may break it off."""
        reply = answer if isinstance(answer, Completion) else answer.before
        starts, whole = time.monotonic() + reply.first_token, False
        try:
            written = await write(chat, answer)
            whole = True
            return written
        finally:
            if time.monotonic() >= starts:
                self.generations.add(answer, chat, cancelled=not whole)

    async def _decide(self, chat: ChatRequest) -> Answer:
        if self._script:
            return self._script.popleft()
        decided = self.respond(chat)
        return await decided if inspect.isawaitable(decided) else decided

    def _note(self, entry: int, answer: Answer, chat: ChatRequest, fault: str = "") -> None:
        if self.journal is None:
            return
        if isinstance(answer, Completion):
            whole = json.loads(wire.body(answer, chat.model, len(chat.body)))
            self.journal.end(entry, status=200, response=whole, fault=fault)
        else:
            said = str(answer.error.get("message", "")) if answer.kind.startswith(("status", "error")) else answer.kind
            self.journal.end(entry, status=answer.status, response={"error": answer.error}, error=said, fault=fault)

    def _faults(self, chat: ChatRequest, texts: Mapping[str, str]) -> list[str]:
        faults = list(rules.request_faults(chat.payload))
        tools = texts.get("tools")
        if tools is not None and tools not in self._good_tools:
            wrong = list(rules.tool_faults(chat.payload["tools"]))
            faults.extend(wrong)
            if not wrong:
                self._good_tools.add(tools)
        faults.extend(rules.message_faults(chat.payload.get("messages"), bool(chat.tools), self._reasoning))
        return faults

    def _compare(self, chat: ChatRequest, texts: Mapping[str, str]) -> None:
        if not chat.session_id:
            return
        now = (texts.get("messages", "[]"), texts.get("tools", ""), chat.model)
        before = self._sessions.get(chat.session_id)
        self._sessions[chat.session_id] = now
        if before is None:
            return
        if before[2] != now[2]:
            # Another model has cached nothing of it, and accepts no reasoning but its own.
            self._forget_reasoning(chat)
            return
        if not grows(before[0], now[0]):
            self.prefix_breaks.append(PrefixBreak(chat.session_id, chat.number, "messages"))
        if before[1] != now[1]:
            self.prefix_breaks.append(PrefixBreak(chat.session_id, chat.number, "tools"))

    def _remember(self, answer: Answer, chat: ChatRequest) -> None:
        if isinstance(answer, Completion):
            if answer.reasoning_details and answer.with_index:
                details = [dict(entry) for entry in answer.reasoning_details]
                self._reasoning.update({call.id: details for call in answer.calls if call.id})
            if answer.model not in (None, chat.model) and not answer.calls:
                # A fallback has answered. From here on the model that was asked reads a conversation without its
                # reasoning, which has to be left out up to here.
                self._forget_reasoning(chat)
                self._sessions.pop(chat.session_id, None)
        elif answer.status == 400:
            # After a 400 the client may send the conversation without reasoning: no longer hold it to what it got.
            self._forget_reasoning(chat)

    def _forget_reasoning(self, chat: ChatRequest) -> None:
        for message in chat.messages:
            for made in message.get("tool_calls") or ():
                self._reasoning.pop(made.get("id"), None)


def _refusal(message: str, **more: JsonObject) -> Failure:
    return Failure("status", 400, {"code": 400, "message": message, **more}, None, Completion(), 0)


async def _run(hooks: list[Hook], chat: ChatRequest) -> None:
    for hook in hooks:
        done = hook(chat)
        if inspect.isawaitable(done):
            await done
