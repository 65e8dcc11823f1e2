"""Recognizes messages that do nothing but choose the model of their thread: “use MODEL”, “use MODEL with high effort”,
“use the default model”. Pure.

Anything that says more, or names no model that may be chosen, is an ordinary message: the model reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.core.inbox import AuthorKind, Incoming
from bot.core.known_models import KnownModels
from bot.core.model_names import is_model_id, matching
from bot.core.model_options import ChoiceMessage, ModelOptions
from bot.core.ports.model_check import ModelCheck
from bot.slack.blocks import messages

MAX_CHARS: Final = 400
"""Characters of a message that is looked at, with mentions and links in Slack's markup."""
MAX_NAMED: Final = 10
"""Models that an answer names."""
_LABEL: Final = re.compile(r"(<@[UW][A-Z0-9]+)\|[^<>]*>")
_LINK: Final = re.compile(r"<https?://[^<>|]*\|([^<>|]*)>")
"""Slack links what looks like the name of a server, such as `hf.co/model`."""
_USE: Final = re.compile(r"(?:please )?use (?:the )?(?P<what>\S.*?)(?: please)?", re.IGNORECASE)
_EFFORT: Final = re.compile(
    r"(?:(?P<model>.*?),? (?:with|at) (?:an? |the )?)?"
    r"(?P<effort>default|no|none|minimal|low|medium|high)(?: reasoning| thinking)? effort",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(r"(?:model )?(?P<name>[\w./:@~ -]+?)(?P<model> model)?", re.IGNORECASE)
_EDGES: Final = " \t.,!;:…\"'“”„«»"


@dataclass(frozen=True, slots=True)
class ModelWords:
    """Recognizes them, given what may be chosen."""

    options: ModelOptions = field(default_factory=ModelOptions)
    check: ModelCheck = field(default_factory=KnownModels)
    mention: str = ""
    """How Slack's markup mentions the bot."""

    def read(self, message: Incoming) -> Incoming:
        """Return a message, with `choice` set if it is about nothing but the model of its thread."""
        written = not message.body and not message.files and message.author is AuthorKind.PERSON
        if not written or message.stop or len(message.text) > MAX_CHARS:
            return message
        text = _LABEL.sub(r"\1>", message.text)
        choice = self._choice(text.replace(self.mention, " ") if self.mention else text, message)
        return message if choice is None else replace(message, choice=choice)

    def _choice(self, text: str, message: Incoming) -> ChoiceMessage | None:
        words = " ".join(_LINK.sub(r"\1", text).replace("`", " ").replace("*", " ").split()).strip(_EDGES)
        use = _USE.fullmatch(words)
        if use is None:
            return None
        what, effort = use["what"].strip(_EDGES), None
        if found := _EFFORT.fullmatch(what):
            what, effort = (found["model"] or "").strip(_EDGES), found["effort"].lower()
            effort = {"default": "", "no": "none"}.get(effort, effort)
        key = f"model-{message.place.channel}-{message.ts}"
        if not what:
            return self._change(None, effort, key, f"{_effort(effort)}")
        named = _MODEL.fullmatch(what)
        name = named["name"].strip(_EDGES) if named else ""
        if name.lower() == "default" and named and named["model"]:
            model = self.options.default(message.place.channel)
            return self._change("", effort or "", key, f"the default model, {model},") if model else None
        return self._named(name, effort, self.options.offered(message.place.channel), key)

    def _named(self, name: str, effort: str | None, offered: Sequence[str], key: str) -> ChoiceMessage | None:
        found = matching(name, offered)
        if len(found) > 1:
            return _refused(f"That could be {_listed(found)}. Which one do you mean?", key)
        if not found:
            is_meant = is_model_id(name) or (" " not in name and self.check.find(name) is not None)
            return _refused(f"I can't use {name} here. {_offer(offered)}", key) if is_meant and offered else None
        [model] = found
        if problem := self.check.problem(model):
            others = [each for each in offered if each != model and not self.check.problem(each)]
            return _refused(f"I can't use {model}: {problem}. {_offer(others)}", key)
        info = self.check.find(model)
        if effort and info is not None and info.reasoning is False:
            return self._change(model, "", key, model, " It has no levels of effort.")
        return self._change(model, effort or "", key, model)

    def _change(
        self, model: str | None, effort: str | None, key: str, what: str, more: str = ""
    ) -> ChoiceMessage | None:
        if not self.options.models:
            return None
        with_effort = f" with {_effort(effort)}" if model is not None and effort else ""
        words = f"I use {what}{with_effort} in this thread, from my next step on.{more}"
        return ChoiceMessage(model, effort, messages.notice(words, key)[0])


def _refused(words: str, key: str) -> ChoiceMessage:
    return ChoiceMessage(None, None, messages.notice(words.strip(), key)[0])


def _effort(effort: str | None) -> str:
    return {None: "", "": "the default effort", "none": "no reasoning effort"}.get(effort, f"{effort} effort")


def _offer(offered: Sequence[str]) -> str:
    if not offered:
        return ""
    return (
        f"You can choose {_listed(offered)}."
        if len(offered) > 1
        else f"The only model for this thread is {offered[0]}."
    )


def _listed(models: Sequence[str]) -> str:
    shown = list(models[:MAX_NAMED])
    if len(models) > MAX_NAMED:
        shown.append(f"{len(models) - MAX_NAMED} others")
    return f"{', '.join(shown[:-1])} or {shown[-1]}" if len(shown) > 1 else shown[0]


NO_MODELS: Final = ModelWords()
"""Recognizes nothing: there is nothing to choose from."""
