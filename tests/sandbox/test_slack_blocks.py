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

from bot.sandbox.model import Channel
from bot.sandbox.slack import SlackSandbox
from tests.sandbox.slack_corpus import (
    ACCEPTED_BLOCKS,
    ACCEPTED_VIEWS,
    REFUSED_BLOCKS,
    REFUSED_VIEWS,
    actions,
    button,
    section,
)

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.mark.parametrize("name", ACCEPTED_BLOCKS)
async def test_a_valid_message_is_accepted(
    name: str, client: AsyncWebClient, general: Channel, slack: SlackSandbox
) -> None:
    posted = await client.chat_postMessage(channel=general.id, text="fallback", blocks=ACCEPTED_BLOCKS[name])
    stored = slack.thread(general, str(posted["ts"]))[0]
    assert len(stored.blocks) == len(ACCEPTED_BLOCKS[name])
    assert all(block["block_id"] for block in stored.blocks)
    assert slack.rejected == []


@pytest.mark.parametrize("name", REFUSED_BLOCKS)
async def test_an_invalid_message_is_refused_with_slacks_reason(
    name: str, client: AsyncWebClient, general: Channel, slack: SlackSandbox
) -> None:
    blocks, reason = REFUSED_BLOCKS[name]
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=general.id, text="fallback", blocks=blocks)
    assert refused.value.response["error"] == "invalid_blocks"
    messages: list[str] = refused.value.response["response_metadata"]["messages"]
    assert any(message.startswith("[ERROR] ") and reason in message for message in messages), messages
    assert general.messages == {}
    assert [call.error for call in slack.rejected] == ["invalid_blocks"]


@pytest.mark.parametrize("name", ACCEPTED_VIEWS)
async def test_a_valid_view_is_accepted(name: str, client: AsyncWebClient, slack: SlackSandbox) -> None:
    trigger = slack.new_trigger(slack.add_person("Bob"))
    opened = await client.views_open(trigger_id=trigger, view=ACCEPTED_VIEWS[name])
    assert opened.get("view", {})["id"]


@pytest.mark.parametrize("name", REFUSED_VIEWS)
async def test_an_invalid_view_is_refused_with_slacks_reason(
    name: str, client: AsyncWebClient, slack: SlackSandbox
) -> None:
    view, reason = REFUSED_VIEWS[name]
    trigger = slack.new_trigger(slack.add_person("Bob"))
    with pytest.raises(SlackApiError) as refused:
        await client.api_call("views.open", json={"trigger_id": trigger, "view": view})
    assert refused.value.response["error"] == "invalid_arguments"
    messages: list[str] = refused.value.response["response_metadata"]["messages"]
    assert any(reason in message for message in messages), messages


async def test_too_much_text_in_all_blocks_together_is_refused(client: AsyncWebClient, general: Channel) -> None:
    with pytest.raises(SlackApiError, match="msg_blocks_too_long"):
        await client.chat_postMessage(channel=general.id, text="x", blocks=[section("x" * 3000)] * 5)


async def test_elements_without_an_action_id_get_one(
    client: AsyncWebClient, general: Channel, slack: SlackSandbox
) -> None:
    posted = await client.chat_postMessage(channel=general.id, text="x", blocks=[actions(button(), button("Stop"))])
    first, second = slack.thread(general, str(posted["ts"]))[0].blocks[0]["elements"]
    assert first["action_id"] != second["action_id"]


def _discriminator(checker: Any, rule: Json, value: Any, schema: Json) -> Iterator[jsonschema.ValidationError]:
    target = rule["mapping"].get(value.get("type")) if isinstance(value, dict) else None
    if target is None:
        yield jsonschema.ValidationError("unsupported type")
    else:
        yield from checker.descend(value, {"$ref": target})


ALONE = {"action_id twice in a block", "action_id twice in a message", "block_id twice", "markdown of 12001 in two"}


def test_jsonschema_judges_the_shipped_schema_alike() -> None:
    document = json.loads(resources.files("bot.sandbox").joinpath("block_kit.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    checker: Any = extend(jsonschema.Draft202012Validator, {"discriminator": _discriminator})
    messages = checker({**document, "$ref": "#/$defs/message_blocks"})
    assert [name for name, blocks in ACCEPTED_BLOCKS.items() if not messages.is_valid(blocks)] == []
    assert {name for name, (blocks, _) in REFUSED_BLOCKS.items() if messages.is_valid(blocks)} == ALONE
    views = checker({**document, "$ref": "#/$defs/view"})
    assert [name for name, view in ACCEPTED_VIEWS.items() if not views.is_valid(view)] == []
    assert {name for name, (view, _) in REFUSED_VIEWS.items() if views.is_valid(view)} == {"input without submit"}
