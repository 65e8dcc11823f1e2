"""What an app may do by its manifest: its scopes and events, checked as far as Slack would refuse them.

Sources: docs.slack.dev/reference/app-manifest, docs.slack.dev/reference/events (required scopes) and
docs.slack.dev/ai/agent-sessions. Declaring an app an agent (`features.agent_view`) adds the scope assistant:write.
"""

from collections.abc import Mapping
from typing import Any

from slack_sandbox.methods import METHODS
from slack_sandbox.model import Json
from slack_sandbox.shortcuts import Shortcut

AGENT_SCOPE = "assistant:write"
_AGENT_EVENTS = ("app_context_changed", "agent_session_stopped", "agent_session_title_changed")
_FORMER_AGENT_EVENTS = ("assistant_thread_started", "assistant_thread_context_changed")
EVENTS: Mapping[str, str] = {
    "app_mention": "app_mentions:read",
    "app_home_opened": "",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    **dict.fromkeys(_AGENT_EVENTS, AGENT_SCOPE),
}
"""The events that the sandbox knows, with the scope that each needs."""
_LIMITS = (
    ("display_information.name", 35),
    ("display_information.description", 140),
    ("features.agent_view.agent_description", 300),
)
"""(place, characters) of texts."""
PROMPTS = 4
SHORTCUTS, SHORTCUT_NAME, SHORTCUT_ABOUT = 10, 24, 150
"""How many an app may have, and the characters of their texts."""


class ManifestError(ValueError):
    """Slack would refuse the manifest, or the app could not do what it says."""


def make_plain(scopes: set[str], events: set[str]) -> None:
    """Take away, in place, what only an app has that is declared an agent."""
    scopes.discard(AGENT_SCOPE)
    events.difference_update(_AGENT_EVENTS)


def check(manifest: Json) -> tuple[set[str], set[str]]:
    """Return the scopes and the events of a manifest. Raise ManifestError."""
    scopes: set[str] = set(_at(manifest, "oauth_config.scopes.bot") or [])
    events: set[str] = set(_at(manifest, "settings.event_subscriptions.bot_events") or [])
    known = {scope for method in METHODS.values() for scope in method.scopes} | set(EVENTS.values()) | {"commands"}
    if unknown := sorted(scopes - known):
        raise ManifestError(f"unknown scopes: {', '.join(unknown)}")
    for event in sorted(events):
        if event not in EVENTS:
            raise ManifestError(f"unknown event: {event}")
        if EVENTS[event] and EVENTS[event] not in scopes:
            raise ManifestError(f"{event} needs the scope {EVENTS[event]}")
    for place, limit in _LIMITS:
        if len(_at(manifest, place) or "") > limit:
            raise ManifestError(f"{place} has more than {limit} characters")
    _check_agent(manifest, scopes, events)
    if shortcuts(manifest) and "commands" not in scopes:
        raise ManifestError("shortcuts need the scope commands")
    return scopes, events


def shortcuts(manifest: Json) -> dict[str, Shortcut]:
    """Return the shortcuts of a manifest, by their callback ids. Raise ManifestError."""
    found: dict[str, Shortcut] = {}
    for each in _at(manifest, "features.shortcuts") or []:
        name, id_, kind, about = (_at(each, key) for key in ("name", "callback_id", "type", "description"))
        if not (name and id_ and about) or kind not in ("global", "message") or id_ in found:
            raise ManifestError("a shortcut needs a name, a type, a description and a callback_id of its own")
        for text, limit in ((name, SHORTCUT_NAME), (about, SHORTCUT_ABOUT)):
            if len(text) > limit:
                raise ManifestError(f"a text of a shortcut has more than {limit} characters")
        found[id_] = Shortcut(id_, name, kind, about)
    if len(found) > SHORTCUTS:
        raise ManifestError(f"an app has at most {SHORTCUTS} shortcuts")
    return found


def _check_agent(manifest: Json, scopes: set[str], events: set[str]) -> None:
    view = _at(manifest, "features.agent_view")
    if view is None:
        if AGENT_SCOPE in scopes or not events.isdisjoint(_AGENT_EVENTS):
            raise ManifestError(f"{AGENT_SCOPE} and {', '.join(_AGENT_EVENTS)} are for apps with agent_view")
        return
    if AGENT_SCOPE not in scopes:
        raise ManifestError(f"agent_view needs the scope {AGENT_SCOPE}")
    if not events.isdisjoint(_FORMER_AGENT_EVENTS):
        raise ManifestError(f"{', '.join(_FORMER_AGENT_EVENTS)} do not go with agent_view")
    if not _at(manifest, "features.app_home.messages_tab_enabled"):
        raise ManifestError("agent_view needs the messages tab of the app's Home")
    if not view.get("agent_description"):
        raise ManifestError("agent_view needs an agent_description")
    prompts = view.get("suggested_prompts") or []
    if len(prompts) > PROMPTS or not all(_at(each, "title") and _at(each, "message") for each in prompts):
        raise ManifestError(f"suggested_prompts are at most {PROMPTS}, each with a title and a message")


def _at(manifest: Json, place: str) -> Any:
    found: Any = manifest
    for name in place.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
