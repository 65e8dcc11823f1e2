"""Recognizes what people say besides requests: greetings, thanks, questions about the bot, stop, undo. Pure."""

from __future__ import annotations

import re
from typing import Final

HELLO, HELP, THANKS, STOP, UNDO = "hello", "help", "thanks", "stop", "undo"

_GREETING: Final = (
    r"(?:hello|hi|hiya|hey|yo|hola|hallo|bonjour|servus|guten tag|(?:good )?(?:morning|afternoon|evening|day))"
    r"(?: there| again| all| everyone)?"
)
_ADDRESS: Final = r"(?: (?:colleague|bot|team|folks))?"
_LATER: Final = r"(?: (?:for|with) (?:me|us)| here| today| now| exactly| then| in (?:here|this channel|slack|there))*"
_YOU: Final = r"(?:you|i|we|one|this|it|colleague|the bot|this bot|this thing|people)"
_ABOUT_THE_BOT: Final = (
    rf"what (?:else )?(?:can|could|do|does|would|should|will|may|must) {_YOU}"
    r" (?:do|ask|say|try|offer|know|understand|help)(?: (?:to )?(?:you|it))?(?: for| with)?(?: first)?",
    r"what (?:are|is) (?:you|this|it|colleague)(?: (?:for|able to do|good for|capable of))?",
    r"what are your (?:commands|skills|abilities|features|tools|options|capabilities)",
    r"what is (?:this bot|this thing|colleague)(?: for)?",
    r"who (?:are|is) (?:you|this|colleague)",
    r"are you (?:an? )?(?:ai|real|human|bot|person|robot|model)",
    rf"how (?:do|does|can|should|could|would) {_YOU}"
    r" (?:work|start|begin|help|use (?:you|this|it)|talk to you|function)",
    r"(?:show|tell) (?:me|us) (?:what you can do|about yourself|how (?:you|this|it) works?)",
    r"introduce yourself|commands|options|usage|man|help(?: me| us)?(?: out)?|i need (?:some )?help",
    r"(?:can|could) you help(?: me| us)?",
    r"i (?:do not|don't) know what (?:to do|to say|to ask|you can do)",
    r"(?:what|which) (?:tools|skills|commands) (?:do you have|can you use|are there)|list (?:the |your )?tools",
)
_PRAISE: Final = (
    r"(?:many |no )?thanks?(?: you| u)?|thx|thanx|ty|tysm|danke|merci|gracias|bye(?: bye)?|goodbye|see you|"
    r"ta|cheers|great|nice|ok|okay|perfect|good|cool|awesome|excellent|lovely|brilliant|"
    r"super|fine|wonderful|well done|good (?:job|work|bot)|nice (?:job|work|one)|got it|understood|i see|all good|"
    r"that(?: is|'s) (?:all|it|great|good|fine|perfect)|alright|all right|sounds good|looks good|works for me"
)
_FILLER: Final = (
    r"(?:so|very) much|a lot|a bunch|again|everyone|all|colleague|bot|and|you|indeed|really|very|,|!|\.|"
    r"for (?:that|this|it|now|(?:your|the|all the) help|everything)|that (?:helps|helped|worked|works)"
)
_POLITE: Final = r"(?:please |(?:can|could|would) you (?:please )?|i want (?:you )?to |let's |just |now )*"
_OBJECT: Final = (
    r"(?: (?:it|this|that|them|everything|all|all of it|(?:the|that|this|my|your) (?:last |latest )?"
    r"(?:change|edit|write|step|one|thing|turn|request)s?(?: (?:to|in|of) [\w./-]+)?))?"
)
_END: Final = r"(?: (?:please|now|again|for me|then))*"
_KINDS: Final = (
    (HELP, rf"(?:{'|'.join(_ABOUT_THE_BOT)}){_LATER}{_ADDRESS}{_END}"),
    (THANKS, rf"(?:{_PRAISE})(?: (?:{_PRAISE}|{_FILLER}))*"),
    (STOP, rf"{_POLITE}(?:stop|cancel|abort|halt|never ?mind|forget(?: about)?|quit|leave){_OBJECT}{_END}"),
    (
        STOP,
        r"(?:wait|hold on|hang on)(?: a (?:moment|second|minute))?(?: [,.!;-])?(?: stop)?|(?:that is |that's )?enough",
    ),
    (UNDO, rf"{_POLITE}(?:undo|revert|roll back|take back|reverse|put back){_OBJECT}{_END}"),
    (UNDO, rf"(?:no [,.] )?{_POLITE}(?:change|put|set|turn|bring|take|switch) (?:it|this|that|them) back{_END}"),
    (UNDO, rf"i want (?:it|this|that|them) (?:back|undone){_END}"),
    (
        HELLO,
        rf"{_GREETING}{_ADDRESS}|test|testing|ping|are you (?:there|awake|up|alive|online)|(?:is )?any(?:body|one)"
        r" (?:there|here|home)|how are you(?: doing)?(?: today)?|what is up|sup",
    ),
)
_PATTERNS: Final = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_OPENING: Final = re.compile(
    rf"(?:{_GREETING}{_ADDRESS}|(?:{_PRAISE})|so|well|and|but|no(?:pe)?|actually|sorry)"
    r"(?:(?: [,.!;-])+ (?:and )?| and | (?=so|now))",
    re.IGNORECASE,
)
_SIGNS: Final = re.compile(r"[^\w\s'.,!;&?-]|:[a-z_+-]+:")
MAX_CHARS: Final = 120
"""Characters of what is looked at: small talk is short."""


def recognize(text: str) -> str:
    """Return what a text is besides a request: one of the constants above; empty for anything else.

    text: one line, with a space before each mark of punctuation.
    """
    said = " ".join(_SIGNS.sub(" ", text.lower()).replace("?", " ").split()).strip(" .!,;-")
    while len(said) <= MAX_CHARS:
        kind = next((kind for kind, pattern in _PATTERNS if pattern.fullmatch(said)), "")
        # “Thanks, undo it” is no thanks, and “hi, what can you do?” no greeting.
        rest = without_opening(said)
        if kind or rest == said:
            return kind
        said = rest
    return ""


def without_opening(text: str) -> str:
    """Return a text without the greeting or the praise that it opens with, as in “great, now read plan.md”."""
    return _OPENING.sub("", text, count=1).lstrip(" .!,;-") if _OPENING.match(text) else text
