"""An app is an agent or plain, as its manifest declares; of a plain one Slack takes no status, and sends it no Stop."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.manifests import ManifestError, check
from slack_sandbox.slack import SlackSandbox
from tests.pages import ROOT

pytestmark = pytest.mark.anyio

AGENT = yaml.safe_load((ROOT / "manifest.yml").read_text())
PLAIN = yaml.safe_load((ROOT / "manifest-plain.yml").read_text())


@pytest.mark.parametrize("how", ["option", "manifest"])
async def test_a_plain_app_has_no_sessions_and_no_prompts(how: str) -> None:
    async with SlackSandbox(agent=how != "option") as slack:
        if how == "manifest":
            slack.install(PLAIN)
        alice = slack.add_person("Alice")
        general = slack.add_channel("general", members=[alice])
        ts = await slack.say(general, alice, "<@BOT> hello")
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        assert "assistant:write" not in (await client.auth_test()).headers["x-oauth-scopes"]
        with pytest.raises(SlackApiError, match="not_authorized"):
            await client.agents_sessions_setStatus(channel_id=general.id, thread_ts=ts, status="processing")
        with pytest.raises(SlackApiError, match="missing_scope"):
            await client.assistant_threads_setSuggestedPrompts(
                channel_id=slack.open_dm(alice).id, prompts=[{"title": "a", "message": "b"}]
            )
        with pytest.raises(ImpossibleAction):
            await slack.press_stop(general, ts, alice)


def test_both_manifests_are_what_slack_would_take() -> None:
    scopes, events = check(AGENT)
    assert scopes - check(PLAIN)[0] == {"assistant:write"}
    assert events - check(PLAIN)[1] == {"agent_session_stopped"}


def without(manifest: dict[str, Any], *names: str | int) -> dict[str, Any]:
    """A copy that lacks what stands at this place: a key, or a value of a list."""
    changed = copy.deepcopy(manifest)
    found: Any = changed
    for name in names[:-1]:
        found = found[name]
    found.remove(names[-1]) if isinstance(found, list) else found.pop(names[-1])
    return changed


def extended(manifest: dict[str, Any], value: str, *names: str) -> dict[str, Any]:
    changed = copy.deepcopy(manifest)
    found: Any = changed
    for name in names:
        found = found[name]
    found.append(value)
    return changed


SCOPES, EVENTS = ("oauth_config", "scopes", "bot"), ("settings", "event_subscriptions", "bot_events")


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (without(AGENT, *SCOPES, "assistant:write"), "needs the scope assistant:write"),
        (without(AGENT, "features", "agent_view"), "are for apps with agent_view"),
        (without(AGENT, "features", "agent_view", "agent_description"), "needs an agent_description"),
        (without(AGENT, "features", "app_home", "messages_tab_enabled"), "needs the messages tab"),
        (without(AGENT, *SCOPES, "commands"), "shortcuts need the scope commands"),
        (without(AGENT, "features", "shortcuts", 0, "name"), "a shortcut needs a name"),
        (without(AGENT, *SCOPES, "channels:history"), "message.channels needs the scope channels:history"),
        (extended(PLAIN, "agent_session_stopped", *EVENTS), "needs the scope assistant:write"),
        (extended(PLAIN, "assistant:write", *SCOPES), "are for apps with agent_view"),
        (extended(AGENT, "admin", *SCOPES), "unknown scopes: admin"),
        (extended(AGENT, "team_join", *EVENTS), "unknown event: team_join"),
        (extended(AGENT, "x", "features", "agent_view", "suggested_prompts"), "suggested_prompts"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(manifest: dict[str, Any], problem: str) -> None:
    with pytest.raises(ManifestError, match=problem):
        check(manifest)


async def test_a_shortcut_is_offered_where_the_manifest_says() -> None:
    async with SlackSandbox() as slack:
        slack.install(AGENT)
        alice, eve = slack.add_person("Alice"), slack.add_person("Eve")
        private = slack.add_channel("private", members=[alice], kind="group")
        ts = await slack.say(private, alice, "hello")
        [message] = slack.thread(private, ts)
        for impossible in (("use_prompt", message), ("use_prompt_here", None), ("other", None)):
            with pytest.raises(ImpossibleAction):
                await slack.shortcut(alice, *impossible)
        with pytest.raises(ImpossibleAction):
            await slack.shortcut(eve, "use_prompt_here", message)
