"""Which messages and views Slack takes, and with which words it refuses the others."""

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import jsonschema
import pytest
from jsonschema.validators import extend
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox import text as texts
from slack_sandbox.model import Channel
from slack_sandbox.slack import SlackSandbox
from tests.sandbox import slack_corpus_accepted as accepted
from tests.sandbox import slack_corpus_refused as refused
from tests.sandbox.slack_corpus import actions, button, card, container, flat, raw, section, table

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

ACCEPTED_BLOCKS, ACCEPTED_VIEWS = flat(accepted.BLOCKS), flat(accepted.VIEWS)
REFUSED_BLOCKS, REFUSED_VIEWS = flat(refused.BLOCKS), flat(refused.VIEWS)


def test_the_corpora_are_large_enough() -> None:
    assert len(ACCEPTED_BLOCKS) + len(ACCEPTED_VIEWS) >= 60
    assert len(REFUSED_BLOCKS) + len(REFUSED_VIEWS) >= 100


@pytest.mark.parametrize("page", accepted.BLOCKS)
async def test_a_valid_message_is_accepted(
    page: str, client: AsyncWebClient, general: Channel, slack: SlackSandbox
) -> None:
    for name, blocks in accepted.BLOCKS[page].items():
        posted = await client.chat_postMessage(channel=general.id, text="fallback", blocks=blocks)
        stored = slack.thread(general, str(posted["ts"]))[0]
        assert len(stored.blocks) == len(blocks), name
        assert all(block["block_id"] for block in stored.blocks), name
    assert slack.rejected == []


async def reasons(call: Any) -> tuple[str, list[str]]:
    """The code and the reasons of a refused call; the code of one that was not is empty."""
    try:
        await call
    except SlackApiError as error:
        metadata: Json = error.response.get("response_metadata") or {}
        return str(error.response["error"]), list(metadata.get("messages", []))
    return "", []


@pytest.mark.parametrize("page", refused.BLOCKS)
async def test_an_invalid_message_is_refused_with_slacks_reason(
    page: str, client: AsyncWebClient, general: Channel, slack: SlackSandbox
) -> None:
    for name, (blocks, reason) in refused.BLOCKS[page].items():
        code, messages = await reasons(client.chat_postMessage(channel=general.id, text="fallback", blocks=blocks))
        assert code == "invalid_blocks", name
        assert any(said.startswith("[ERROR] ") and reason in said for said in messages), (name, messages)
    assert general.messages == {}
    assert [call.error for call in slack.rejected] == ["invalid_blocks"] * len(refused.BLOCKS[page])


@pytest.mark.parametrize("page", accepted.VIEWS)
async def test_a_valid_view_is_accepted(page: str, client: AsyncWebClient, slack: SlackSandbox) -> None:
    bob = slack.add_person("Bob")
    for name, view in accepted.VIEWS[page].items():
        if view["type"] == "home":
            shown = await client.views_publish(user_id=bob.id, view=view)
        else:
            shown = await client.views_open(trigger_id=slack.new_trigger(bob), view=view)
        assert shown.get("view", {})["id"], name
    assert slack.rejected == []


@pytest.mark.parametrize("page", refused.VIEWS)
async def test_an_invalid_view_is_refused_with_slacks_reason(
    page: str, client: AsyncWebClient, slack: SlackSandbox
) -> None:
    bob = slack.add_person("Bob")
    for name, (view, reason) in refused.VIEWS[page].items():
        args = {"trigger_id": slack.new_trigger(bob), "view": view}
        code, messages = await reasons(client.api_call("views.open", json=args))
        assert code == "invalid_arguments", name
        assert any(reason in said for said in messages), (name, messages)


async def test_too_much_text_in_all_blocks_together_is_refused(client: AsyncWebClient, general: Channel) -> None:
    with pytest.raises(SlackApiError, match="msg_blocks_too_long"):
        await client.chat_postMessage(channel=general.id, text="x", blocks=[section("x" * 3000)] * 5)


async def test_blocks_that_were_taken_before_are_still_judged_together(
    client: AsyncWebClient, general: Channel
) -> None:
    one = {**section("once"), "block_id": "one"}
    await client.chat_postMessage(channel=general.id, text="fallback", blocks=[one])
    for blocks, reason in (([one, one], "already exists"), ([section("once")] * 51, "no more than 50 items")):
        await client.chat_postMessage(channel=general.id, text="fallback", blocks=blocks[1:2])
        code, messages = await reasons(client.chat_postMessage(channel=general.id, text="fallback", blocks=blocks))
        assert code == "invalid_blocks"
        assert reason in str(messages)


async def test_a_second_table_is_refused(client: AsyncWebClient, general: Channel) -> None:
    with pytest.raises(SlackApiError) as error:
        await client.chat_postMessage(channel=general.id, text="x", blocks=[table([raw()])] * 2)
    assert error.value.response["error"] == "invalid_attachments"
    assert error.value.response["response_metadata"]["messages"] == ["[ERROR] only_one_table_allowed"]


async def test_a_video_needs_its_scope(client: AsyncWebClient, general: Channel, slack: SlackSandbox) -> None:
    with pytest.raises(SlackApiError) as error:
        await client.chat_postMessage(channel=general.id, text="x", blocks=accepted.WITH_VIDEO)
    assert (error.value.response["error"], error.value.response["needed"]) == ("missing_scope", "links.embed:write")
    slack.scopes.add("links.embed:write")
    await client.chat_postMessage(channel=general.id, text="x", blocks=accepted.WITH_VIDEO)


async def test_elements_without_an_action_id_get_one(
    client: AsyncWebClient, general: Channel, slack: SlackSandbox
) -> None:
    posted = await client.chat_postMessage(channel=general.id, text="x", blocks=[actions(button(), button("Stop"))])
    first, second = slack.thread(general, str(posted["ts"]))[0].blocks[0]["elements"]
    assert first["action_id"] != second["action_id"]


async def test_an_element_within_a_container_belongs_to_the_block_that_it_is_in(
    client: AsyncWebClient, general: Channel, slack: SlackSandbox
) -> None:
    carousel: Json = {"type": "carousel", "elements": [card(actions=[button("On the card")])]}
    blocks = [container(actions(button(action_id="in"), block_id="inner")), carousel]
    ts = str((await client.chat_postMessage(channel=general.id, text="x", blocks=blocks))["ts"])
    stored = slack.thread(general, ts)[0].blocks
    inside, on_card = texts.elements(stored)
    assert (inside["action_id"], inside["_block_id"]) == ("in", "inner")
    assert on_card["action_id"]
    assert on_card["_block_id"] == stored[1]["elements"][0]["block_id"] != stored[1]["block_id"]


def _discriminator(checker: Any, rule: Json, value: Any, schema: Json) -> Iterator[jsonschema.ValidationError]:
    target = rule["mapping"].get(value.get("type")) if isinstance(value, dict) else None
    if target is None:
        yield jsonschema.ValidationError("unsupported type")
    else:
        yield from checker.descend(value, {"$ref": target})


def test_jsonschema_judges_the_shipped_schema_alike() -> None:
    document = json.loads(resources.files("slack_sandbox").joinpath("block_kit.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    checker: Any = extend(jsonschema.Draft202012Validator, {"discriminator": _discriminator})
    messages = checker({**document, "$ref": "#/$defs/message_blocks"})
    assert [name for name, blocks in ACCEPTED_BLOCKS.items() if not messages.is_valid(blocks)] == []
    assert {name for name, (blocks, _) in REFUSED_BLOCKS.items() if messages.is_valid(blocks)} == refused.ACROSS
    views = checker({**document, "$ref": "#/$defs/view"})
    assert [name for name, view in ACCEPTED_VIEWS.items() if not views.is_valid(view)] == []
    assert {name for name, (view, _) in REFUSED_VIEWS.items() if views.is_valid(view)} == {
        "input without submit",
        "two inputs in focus",
    }
