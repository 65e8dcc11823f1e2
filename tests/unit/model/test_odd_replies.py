"""What models and endpoints really send is read as its sender meant it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bot.core.ports.model import Reply
from bot.core.transaction import Usage
from bot.errors import ModelUnavailable
from bot.model.offered_tools import OfferedTools
from bot.model.openrouter import OpenRouter
from bot.model.stream_accumulator import Accumulator
from slack_sandbox.openrouter import ModelSandbox, call, calls, failure, text
from tests.unit.model.conftest import Connect, Pieces, asking, tool, user

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]
READ = "filesystem__read_text_file"
OFFERED = OfferedTools(json.dumps([tool(READ), tool("filesystem__list"), tool("a"), tool("b")]))
NINE = re.compile(r"[a-zA-Z0-9]{9}")


def read(*deltas: JsonObject, finish: str = "stop", used: tuple[str, ...] = ()) -> Reply:
    got = Accumulator()
    for delta in deltas:
        got.add({"choices": [{"delta": delta}]})
    got.add({"choices": [{"delta": {}, "finish_reason": finish}]})
    return got.reply(lambda id: id in used, OFFERED)


def functions(*entries: JsonObject) -> list[JsonObject]:
    """Deltas with one entry of tool_calls each."""
    return [{"tool_calls": [entry]} for entry in entries]


def made(reply: Reply) -> list[tuple[str, str]]:
    return [(call["function"]["name"], call["function"]["arguments"]) for call in reply.message.get("tool_calls", [])]


class TestAReplyWithoutFinishReason:
    async def test_words_before_done_are_the_answer(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(text("All of it.", chunks=3, finish_reason="", cost=0.5))
        reply = await client.complete(asking())
        assert (reply.message["content"], reply.finish_reason, reply.usage.cost) == ("All of it.", "stop", 0.5)
        assert len(sandbox.requests) == 1

    async def test_whole_calls_are_made(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(calls(call(READ, {"path": "a"}), finish_reason="", chunks=2))
        reply = await client.complete(asking())
        assert (made(reply), reply.finish_reason) == ([(READ, '{"path": "a"}')], "tool_calls")
        assert len(sandbox.requests) == 1

    @pytest.mark.parametrize("finish", ["", "stop"])
    async def test_a_body_that_is_not_streamed_is_whole(
        self, sandbox: ModelSandbox, client: OpenRouter, finish: str
    ) -> None:
        sandbox.script(text("All of it.", whole=True, finish_reason=finish))
        assert (await client.complete(asking())).message["content"] == "All of it."
        assert len(sandbox.requests) == 1

    async def test_a_call_that_is_cut_off_is_asked_for_again(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(calls(call(READ, '{"path": "a'), finish_reason=""), text("Here."))
        assert (await client.complete(asking())).message["content"] == "Here."
        assert len(sandbox.requests) == 2

    async def test_nothing_before_done_is_asked_for_again(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(text("", finish_reason=""), text("Here."))
        assert (await client.complete(asking())).message["content"] == "Here."


class TestContent:
    @pytest.mark.parametrize(
        "content",
        [
            [{"type": "text", "text": "Four."}],
            [{"type": "text", "text": "Fo"}, {"type": "output_text", "text": "ur."}],
            ["Fo", {"text": "ur."}, {"type": "image_url", "image_url": {"url": "x"}}, None, 3],
            {"type": "text", "text": "Four."},
        ],
    )
    async def test_it_may_be_a_list_of_parts(self, content: Any) -> None:
        assert read({"content": content}).message["content"] == "Four."
        got = Accumulator()
        assert got.add({"choices": [{"message": {"role": "assistant", "content": content}}]}) == "Four."

    async def test_parts_may_be_reasoning(self) -> None:
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
        got = Accumulator()
        assert got.add({"choices": [{"delta": {"content": [thinking]}}]}) == ""
        assert got.add({"choices": [{"delta": {"content": [{"type": "text", "text": "Four."}]}}]}) == "Four."
        assert "".join(got.reasoning) == "hm"

    async def test_it_may_be_the_text_of_an_older_interface(self) -> None:
        got = Accumulator()
        assert got.add({"choices": [{"text": "Four.", "finish_reason": "stop"}]}) == "Four."

    async def test_one_call_may_come_as_in_an_older_interface(self) -> None:
        reply = read({"function_call": {"name": "a", "arguments": ""}}, {"function_call": {"arguments": '{"n": 1}'}})
        assert made(reply) == [("a", '{"n": 1}')]


class TestReasoning:
    @pytest.mark.parametrize("key", ["reasoning", "reasoning_content", "reasoning_text", "thinking"])
    async def test_it_is_a_sign_of_life_under_every_name(
        self, sandbox: ModelSandbox, connect: Connect, key: str
    ) -> None:
        thoughts = [{key: "hm "} for _ in range(10)]
        sandbox.script(text("Four.", deltas=thoughts, delay=0.07))
        assert (await connect(idle_seconds=0.5).complete(asking())).message["content"] == "Four."
        assert len(sandbox.requests) == 1

    async def test_reasoning_content_goes_back_with_the_calls_that_it_led_to(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        thoughts = [{"reasoning_content": "I need "}, {"reasoning_content": "the file."}]
        sandbox.script(calls(call(READ, {"path": "a"}, id="c1"), deltas=thoughts), text("Four."))
        reply = await client.complete(asking())
        result = {"role": "tool", "tool_call_id": "c1", "content": "4"}
        await client.complete(asking(user(), reply.message, result))
        assert sandbox.requests[1].messages[1]["reasoning_content"] == "I need the file."
        assert sandbox.violations == []

    async def test_reasoning_content_of_an_answer_does_not_go_back(self) -> None:
        assert read({"reasoning_content": "hm"}, {"content": "Four."}).message == {
            "role": "assistant",
            "content": "Four.",
        }

    async def test_an_endpoint_that_does_not_know_the_field_gets_the_request_without_it(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        words = "messages.1.reasoning_content: Extra inputs are not permitted"
        sandbox.script(failure(400, message=words), text("Four."), text("Five."))
        made_before = calls_of("c1") | {"reasoning_content": "hm"}
        log = [user(), made_before, {"role": "tool", "tool_call_id": "c1", "content": "4"}]
        await client.complete(asking(*log))
        await client.complete(asking(*log, {"role": "assistant", "content": "Four."}, user()))
        assert [b"reasoning_content" in request.body for request in sandbox.requests] == [True, False, False]

    async def test_an_endpoint_that_misses_the_field_is_not_sent_even_less(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.script(failure(400, message="Missing `reasoning_content` field in the assistant message at index 1"))
        with pytest.raises(Exception, match="Missing"):
            await client.complete(
                asking(
                    user(),
                    calls_of("c1") | {"reasoning_content": "hm"},
                    {"role": "tool", "tool_call_id": "c1", "content": "4"},
                )
            )
        assert len(sandbox.requests) == 1

    async def test_tags_in_the_text_are_not_shown(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(text("<think>\nhm, `x`\n</think>\n\nFour.", chunks=40))
        pieces = Pieces()
        reply = await client.complete(asking(), pieces)
        assert ("".join(pieces), reply.message["content"], pieces.restarts) == ("Four.", "Four.", 0)

    async def test_a_model_that_leaves_out_the_first_tag_shows_its_reasoning_once_at_most(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        said = text("hm, let me see.\n</think>\n\nFour.", chunks=20)
        sandbox.script(said, said)
        first, second = Pieces(), Pieces()
        await client.complete(asking(), first)
        assert ("".join(first), first.restarts) == ("Four.", 1)
        await client.complete(asking(), second)
        assert ("".join(second), second.restarts) == ("Four.", 0)

    @pytest.mark.parametrize("model", ["deepseek/deepseek-r1", "qwen/qwq-32b", "qwen/qwen3-30b-a3b-thinking-2507"])
    async def test_a_model_that_is_known_to_do_so_does_not_show_it_at_all(
        self, sandbox: ModelSandbox, connect: Connect, model: str
    ) -> None:
        sandbox.script(text("hm, let me see.\n</think>\n\nFour.", chunks=20))
        pieces = Pieces()
        await connect(models=[model]).complete(asking(), pieces)
        assert ("".join(pieces), pieces.restarts) == ("Four.", 0)

    async def test_such_a_model_is_shown_as_it_writes_when_its_reasoning_comes_by_itself(self) -> None:
        got = Accumulator()
        got.add({"model": "deepseek/deepseek-r1", "choices": [{"delta": {"reasoning": "hm"}}]})
        assert got.add({"choices": [{"delta": {"content": "Four."}}]}) == "Four."


def calls_of(*ids: str) -> JsonObject:
    entries = [{"id": id, "type": "function", "function": {"name": READ, "arguments": "{}"}} for id in ids]
    return {"role": "assistant", "content": None, "tool_calls": entries}


class TestIds:
    @pytest.mark.parametrize("id", ["", "call_0", "\u00fc", "x" * 300])
    async def test_a_new_id_is_nine_letters_or_digits_and_replaces_the_old_one_everywhere(self, id: str) -> None:
        signature = {"type": "reasoning.encrypted", "id": id, "data": "xyz", "format": "google-gemini-v1", "index": 0}
        other = {"type": "reasoning.text", "id": "another", "text": "hm"}
        function = {"name": "a", "arguments": "{}"}
        reply = read(
            {"reasoning_details": [other]},
            {"reasoning_details": [signature]},
            *functions({"index": 0, "id": id, "function": function}),
            used=("call_0",),
        )
        [new] = [entry["id"] for entry in reply.message["tool_calls"]]
        assert NINE.fullmatch(new)
        assert reply.message["reasoning_details"] == [other, signature | ({"id": new} if id else {})]

    async def test_an_id_that_stays_stays_in_the_details(self) -> None:
        signature = {"type": "reasoning.encrypted", "id": "c1", "data": "xyz"}
        reply = read(
            {"reasoning_details": [signature]},
            *functions({"index": 0, "id": "c1", "function": {"name": "a", "arguments": "{}"}}),
        )
        assert reply.message["reasoning_details"] == [signature]

    async def test_two_calls_with_one_id_keep_their_own_details(self) -> None:
        details = [{"type": "reasoning.encrypted", "id": "same", "data": data} for data in "xy"]
        function = {"name": "a", "arguments": "{}"}
        reply = read(
            {"reasoning_details": details},
            *functions(*({"index": index, "id": "same", "function": function} for index in (0, 1))),
            used=("same",),
        )
        ids = [entry["id"] for entry in reply.message["tool_calls"]]
        assert [entry["id"] for entry in reply.message["reasoning_details"]] == ids
        assert len({*ids}) == 2


NAMES = {
    "as it is": [READ],
    "in pieces": ["filesystem__", "read_", "text_file"],
    "growing": ["filesystem__", READ],
    "repeated": [READ, READ, READ],
    "functions.": [f"functions.{READ}"],
    "a wrapper in pieces": ["functions", f".{READ}"],
    "Gemini's wrapper": [f"default_api.{READ}"],
    "Gemini's other wrapper": [f"default_api:{READ}"],
    "two wrappers": [f"assistant.functions.{READ}"],
    "Kimi's number": [f"functions.{READ}:0"],
    "Harmony's channel": [f"{READ}<|channel|>commentary"],
    "Harmony's format": [f"{READ} <|constrain|>json"],
    "quotation marks": [f' "{READ}"\n'],
    "parentheses": [f"{READ}()"],
    "capitals": ["Filesystem__Read_Text_File"],
    "other separators": ["filesystem.read-text-file"],
}


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    async def test_a_name_is_the_tool_that_it_stands_for(self, name: str) -> None:
        pieces = [{"index": 0, "function": {"name": piece}} for piece in NAMES[name]]
        arguments = {"index": 0, "function": {"arguments": '{"path": "a"}'}}
        assert made(read(*functions(pieces[0] | {"id": "c1"}, *pieces[1:], arguments))) == [(READ, '{"path": "a"}')]

    async def test_calls_without_arguments_are_no_pieces_of_a_name(self) -> None:
        reply = read(*functions({"index": 0, "function": {"name": "a"}}, {"index": 0, "function": {"name": "b"}}))
        assert made(reply) == [("a", "{}"), ("b", "{}")]

    @pytest.mark.parametrize("name", ["functions.unknown", "read", "", "7up", "..."])
    async def test_a_name_that_stands_for_none_is_left_to_the_model_in_a_form_that_can_be_sent(self, name: str) -> None:
        [(kept, _)] = made(read(*functions({"index": 0, "id": "c", "function": {"name": name, "arguments": "{}"}})))
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}", kept)
        assert kept not in (READ, "a", "b")

    async def test_several_calls_in_one_are_made(self) -> None:
        uses = [{"recipient_name": f"functions.{READ}", "parameters": {"path": name}} for name in ("x", "y")]
        name, arguments = "multi_tool_use.parallel", json.dumps({"tool_uses": uses})
        reply = read(*functions({"index": 0, "id": "c1", "function": {"name": name, "arguments": arguments}}))
        assert made(reply) == [(READ, '{"path": "x"}'), (READ, '{"path": "y"}')]
        assert len({entry["id"] for entry in reply.message["tool_calls"]}) == 2


class TestTheFinishReason:
    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            ("length", "length"),
            ("MAX_TOKENS", "length"),
            ("max_tokens", "length"),
            ("content_filter", "content_filter"),
            ("SAFETY", "content_filter"),
            ("refusal", "content_filter"),
            ("end_turn", "stop"),
            ("STOP", "stop"),
            ("tool_use", "tool_calls"),
        ],
    )
    async def test_it_has_the_same_name_whoever_gives_it(self, said: str, meant: str) -> None:
        assert read({"content": "Four."}, finish=said).finish_reason == meant

    @pytest.mark.parametrize("finish", ["length", "content_filter"])
    async def test_a_call_that_was_cut_off_before_its_arguments_is_not_made_without_them(self, finish: str) -> None:
        reply = read(*functions({"index": 0, "id": "c1", "function": {"name": "a", "arguments": ""}}), finish=finish)
        assert list(reply.invalid_arguments) == ["c1"]


class TestATool:
    """One bad definition refuses the whole request, in every thread."""

    async def test_it_is_left_out_and_the_request_goes_on(
        self, sandbox: ModelSandbox, client: OpenRouter, caplog: pytest.LogCaptureFixture
    ) -> None:
        tools = [tool("good"), tool("bad"), tool("other")]
        words = "tools.1.custom.input_schema: JSON schema is invalid"
        sandbox.script(failure(400, metadata={"raw": json.dumps({"error": {"message": words}})}), text("Four."))
        assert (await client.complete(asking(tools=tools))).message["content"] == "Four."
        assert [each["function"]["name"] for each in sandbox.requests[1].tools] == ["good", "other"]
        assert "refuses bad" in caplog.text
        sandbox.script(text("Five."))
        await client.complete(asking(tools=tools))
        assert len(sandbox.requests[2].tools) == 2, "it is not tried again in every request"

    async def test_it_does_not_use_up_an_attempt(self, sandbox: ModelSandbox, connect: Connect) -> None:
        sandbox.script(
            failure(400, message="Invalid schema for function 'bad'"), failure(503), failure(503), text("Four.")
        )
        reply = await connect(attempts=3).complete(asking(tools=[tool("good"), tool("bad")]))
        assert reply.message["content"] == "Four."


class TestWhatFailedAttemptsCost:
    async def test_it_is_part_of_what_the_reply_cost(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(failure("error_finish", before=text("Fo", cost=0.25)), text("Four.", cost=0.5))
        assert (await client.complete(asking())).usage.cost == 0.75

    async def test_it_is_known_when_there_is_no_reply(self, sandbox: ModelSandbox, connect: Connect) -> None:
        sandbox.respond = lambda request: failure("error_finish", before=text("Fo", cost=0.25))
        with pytest.raises(ModelUnavailable) as raised:
            await connect(attempts=2).complete(asking())
        assert raised.value.usage.cost == 0.5
        assert Usage() != raised.value.usage
