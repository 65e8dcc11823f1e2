"""The sentences that the offline model understands, as a grammar.

Lark reads it (Earley's algorithm, which takes any grammar and needs no tricks to distinguish `write a to b and read c`
from `write "a to b and read c"`); it is pure Python, is imported in 0.04 s and parses a sentence in some milliseconds,
once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from slack_sandbox.offline import small_talk
from slack_sandbox.offline.literals import Sentence, extract

if TYPE_CHECKING:
    from lark import Lark

MAX_REQUEST_CHARS = 600
"""Characters of a sentence without its quoted texts."""

GRAMMAR: Final = r"""
start: _greeting? _polite* (_steps | bare) _bye*
     | hello
     | help | thanks | again

_steps: step (_THEN _polite* step)*
step: _operation (_AND _polite* _operation)*
_operation: list | read | search | tree | info | write | append | replace | tick | untick
          | move | copy | mkdir | delete | folders | call | help

bare:     _files (_here | _IN folder)? -> list
list:     _asking _here?
        | _asking _IN folder
        | _LIST folder
        | _LIST _THE? _CONTENTS folder
        | _AROUND
        | _OPENS _here
        | _OPENS _directory
        | _WHAT (_IS _THERE | _THERE _IS)
        | _WHAT _IS _THERE? _here
        | _WHAT _IS _THERE? _IN _directory
        | _WHAT _have _here?
        | _IS _THERE? _ANYTHING (_here | _IN folder)?
        | _WHAT _IS _THERE _IN folder
        | _SEARCH _files (_here | _IN folder)?
        | (_WHAT | _WHICH _files) _DOES _here _SAY
        | _WHICH _files _DOES folder _SAY
        | _WHAT _DOES _directory _SAY
_asking:  (_LIST | _show) _files _have?
        | _LIST
        | _WHICH (_IS | _ARE) _files
        | _WHICH _files (_ARE _THERE? | _THERE? _ARE | _have)
        | _ARE _THERE? _files
        | _have _files
        | (_LIST | _show) _ALL _have?
read:     _READ _CONTENTS? _path_and_more
        | _WHAT _IS _IN file
        | _WHAT _DOES file _SAY
_path_and_more: file (_AND file)*
search:   _SEARCH _FOR? _THE? _files? _NAMED? name (_IN folder | _here)?
        | _WHERE _IS file (_IN folder | _here)?
tree:     _SHOW? _THE? _TREE (_IN folder | _here)?
info:     (_INFO | _LIST _INFO | _READ _INFO) _ABOUT? file
        | _HOW _BIG _IS file
        | _WHEN _IS file _CHANGED
write:    _WRITE text _TO file
        | _WRITE _FOLLOWING? _TO file _WITH? literal  -> create
        | _WRITE file _WITH text                      -> create
        | _CREATE _NEW? file (_WITH text)?            -> create
        | _CREATE _NEW? file literal                  -> create
append:   _ADD text _TO _END? file
        | _ADD _LINE LITERAL _TO _END? file
        | _ADD _FOLLOWING? _TO _END? file literal     -> append_to
replace:  _REPLACE text _WITH text _IN file
        | _CHANGE text _TO text _IN file
        | _IN file _AND? (_REPLACE text _WITH text | _CHANGE text _TO text) -> replace_in
tick:     _TICK _OFF? text _OFF? _IN file
        | _MARK text _AS? _DONE _IN file
untick:   _UNTICK text _IN file
        | _MARK text _AS? _OPEN _IN file
move:     _PUT file _TO file
        | _RENAME file _TO file                    -> rename
        | _MOVE _THE? _FOLDER name _TO file
        | _MOVE file _TO _THE? _FOLDER name        -> move_into
        | _MOVE file _TO _THE? name _FOLDER              -> move_into
copy:     _COPY file _TO file
mkdir:    _CREATE _NEW? _THE? _FOLDER _NAMED? name
        | _CREATE _NEW? _THE? name _FOLDER
        | _MKDIR name
delete:   _DELETE file
        | _DELETE _THE? _FOLDER name
folders:  _WHICH (_FOLDER | _FILE) _MAY _USE
call:     _CALL _THE? name _TOOL? (_WITH? JSON)?

file:     _THE? name
        | _THE? (_FILE _NAMED? | _NAMED) name _FILE?     -> named
        | _THE? name _FILE                               -> named
_directory: placed | located
placed:   _THE? name _FOLDER                             -> folder
located:  _THE? _FOLDER _NAMED? name                     -> named
folder:   _THE? name _FOLDER?
        | _THE? (_FOLDER _NAMED? | _NAMED) name _FOLDER? -> named
name:     NAME+ | LITERAL
text:     WORD+ | LITERAL
literal:  LITERAL

hello:    _HELLO _THERE? name? (_bye | _FOLKS)*
help:     _HELP | _WHAT _CAN_DO | _WHO
thanks:   _THANKS (_AND _THANKS)*
again:    _AGAIN
_files:   _ALL? _THE? (_FILE | _FOLDER | _CONTENTS) (_AND (_FILE | _FOLDER))?
_show:    _SHOW | _SEE
_have:    _HAVE | _BE
_here:    _IN? _HERE
        | _IN? _THE? _FOLDER
_greeting: _HELLO _THERE? (NAME? (_AND | _THEN))?
_polite:  _POLITE | _TELL | _AND
_bye:     _PLEASE | _THANKS | _AND | _THEN | _NOW

_LIST:     /((give|show|get)( me)? )?((a|the) )?list of|list( me)?|ls|dir/i
_SHOW:     /show( (me|us))?|display|print|list|give me|(get|fetch)( (me|us))?/i
_SEE:      /((let me|i want to|i would like to|i'd like to) )?see/i
_OPENS:    /open( up)?|((have|take) a )?look (at|in|into|inside|around)|view|browse|explore|show( (me|us))?/i
_AROUND:   /((have|take) a )?look around/i
_READ:     /read( me)?( out)?|show( me)?|open|cat|display|print|view|((have|take) a )?look (at|in|into|inside)/i
_WRITE:    /write|save|put/i
_CREATE:   /create|make|touch/i
_ADD:      /add|append/i
_LINE:     /(a|an|the|another)( new)? (line|item|point|word)s?/i
_REPLACE:  /replace|substitute/i
_CHANGE:   /change|edit/i
_TICK:     /tick|check/i
_UNTICK:   /untick|uncheck/i
_MARK:     /mark/i
_MOVE:     /move|rename|mv/i
_PUT:      /move/i
_RENAME:   /rename|mv/i
_COPY:     /copy|cp|duplicate/i
_DELETE:   /delete|remove|rm|erase/i
_MKDIR:    /mkdir/i
_CALL:     /call|run/i
_SEARCH:   /search|find|look(?= (for|up) )|locate/i
_INFO:     /info(rmation)?|details|stat/i
_TREE:     /(folder |directory )?tree/i
_HELP:     /help( me)?|commands/i
_WHO:      /(who|what) are you|are you (an? )?(ai|real|human|bot|model)/i
_CAN_DO:   /can (you|i|one) (do|ask|say|say to you)( here)?|do you (do|know|understand)/i
_HELLO:    /hello|hi|hey|good (morning|afternoon|evening|day)/i
_THANKS:   /thanks?( you)?( (so|very) much| a lot)?|cheers|great|nice|ok(ay)?|perfect/i
_AGAIN:    /(please )?(try|do it|once) (again|more)|again|go on|continue|retry|carry on/i
_POLITE:   /please|(can|could|would|will) you|i (want|need|would like|'d like) you to|let's|kindly|now|first|just/i
_TELL:     /(tell|show)( (me|us))?(?= (what|which|where|how|when))/i
_PLEASE:   /please|for me/i
_NOW:      /now|again|instead/i
_FOLKS:    /there|everyone|all/i
_WHICH:    /which|what/i
_WHAT:     /what/i
_WHERE:    /where/i
_WHEN:     /when/i
_IS:       /is|are|was/i
_ARE:      /are|exist/i
_HAVE:     /(that )?((do )?(i|you|we) (have|see|got)|have (i|you|we)( got)?|(can )?(i|you|we)( can)? see)/i
_BE:       /(there|that) (are|is)/i
_MAY:      /(may|can|could) you|are you allowed to/i
_USE:      /use|see|work in|work with|touch|access/i
_DOES:     /does/i
_SAY:      /say|contain|hold|have( in it)?/i
_ANYTHING: /anything|something/i
_HOW:      /how/i
_BIG:      /big|large|long/i
_CHANGED:  /(last )?(changed|modified|edited|written)/i
_THERE:    /there|again/i
_HERE:     /here|there|it|inside/i
_ALL:      /all( of)?|every|any/i
_THE:      /the|a|an|my|our|your|this|that|to the/i
_NEW:      /(a )?new|an? (empty|new)/i
_FILE:     /files?|documents?|(file|folder|directory) list(ing)?|notes?(?= (called|named))/i
_FOLDER:   /folders?|director(y|ies)/i
_CONTENTS: /(the )?(contents?|text)( of)?|everything/i
_NAMED:    /called|named|(that |which )?match(es|ing)?/i
_ABOUT:    /about|on|for|of/i
_FOR:      /for|up/i
_END:      /the end of|the bottom of/i
_AS:       /as/i
_DONE:     /done|finished|complete(d)?|ticked|checked/i
_OPEN:     /open|undone|not done|to do|unticked/i
_OFF:      /off/i
_IN:       /in|inside|of|from|on|under|within|at/i
_TO:       /to|into|in|as|onto|under/i
_WITH:     /with( the)?( text| words| content| contents| line)?|by|saying|containing|that says/i
_TOOL:     /tool/i
_AND:      /,( and)?|and( also)?|&|plus/i
_FOLLOWING: /the following( text| line)?|this/i
_THEN:     /([;.,!?] )?(and )?(then|after that|afterwards)|[;.!?]/i

NAME.1:    /(?!%KEYWORD%)[^\s,;\ue000]+/i
WORD:      /(?!(then|;|,)(?!\S))(?!(and|,)( please| also)? (%VERB%)(?!\S))[^\s,;\ue000]+/i
         | /,(?! (and )?(then|%VERB%)(?!\S))/i
LITERAL:   /\ue000\d+\ue001/
JSON:      /\ue000\d+\ue001/
%ignore / /
"""

_CHANGING: Final = (
    "write|save|put|create|make|touch|add|append|replace|change|edit|tick|check|untick|uncheck|mark|move|rename|mv|"
    "copy|cp|delete|remove|rm|mkdir|call"
)
_VERB: Final = rf"list|ls|show|display|print|read|open|cat|view|{_CHANGING}|search|find|what|which|where|info|tree"
_KEYWORD: Final = (
    rf"({_VERB}|then|and|the|a|an|my|our|your|this|that|in|inside|of|from|to|into|onto|with|containing|called|named|saying|file|"
    r"files|folder|folders|directory|is|are|was|does|please|say|contain|contents|content|everything|all|every|any|off|as|done|"
    r"again|now|instead|last|about|for|new|it|here|there|anything|something|[.!?;&,])(?!\S)"
)
_HOME: Final = frozenset(
    ("workspace", "root", "current", "present", "whole", "entire", "top", "level", "top-level", "working")
)
"""Words for the folder that everything is in, unless there is one of that name."""
_WHOSE: Final = frozenset(("shared", "common", "own", "team", "main", "project", "complete", "full", "same"))
"""What may be said of a workspace besides."""
_FILLS: Final = ("write", "create", "append", "append_to", "copy", "replace", "replace_in", "tick", "untick")
"""What needs a file."""
_WRITES: Final = ("write", "create", "append", "append_to")
_SOURCE: Final = re.compile(r"(?i)\S+\.\w{1,5}$|(from|(the )?(contents?|text)( of| from)?) |.* to \S+\.\w{1,5} and ")
_CHANGES: Final = re.compile(rf"(?i)\b({_CHANGING})\b")
_HERE: Final = re.compile(r"(?<=\b(?:in|of|at) )\./?(?=\s|$)")
_ABOVE: Final = re.compile(r"(^|\s)\.\.(\s|$)")
_WHOLE_WORDS: Final = re.compile(r"^(_[A-Z_]+: +)/(.+)/i$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that is to be done."""

    verb: str
    """The name of its rule."""
    words: tuple[Any, ...] = ()
    """Paths and texts in the order of the rule; a dict for JSON."""


Steps = tuple[tuple[Operation, ...], ...]
"""What is done one after the other; within a step, side by side."""


class NotUnderstood(ValueError):
    """No sentence of the grammar."""


class TooLong(NotUnderstood):
    """More than a sentence."""


def understand(said: str) -> Steps:
    """What somebody wants, from what they wrote. Raises NotUnderstood."""
    sentence = extract(said)
    text = _tidy(sentence.text)
    if len(text) > MAX_REQUEST_CHARS:
        raise TooLong
    if not text or _ABOVE.search(sentence.text):
        raise NotUnderstood
    if kind := small_talk.recognize(text):
        return ((Operation(kind),),)
    tree = _parsed(text) or _parsed(small_talk.without_opening(text))
    if tree is None:
        raise NotUnderstood
    steps: list[Any] = [child for child in tree.children if getattr(child, "data", "") == "step"] or [tree]
    return tuple(tuple(op for node in step.children for op in _ops(node, sentence)) for step in steps)


def _tidy(text: str) -> str:
    """One line, with each mark of punctuation that ends a word by itself."""
    text = re.sub(r"\s+(?=\ue000)", " ", re.sub(r"(?i)\b(what|where|who)['’]s\b", r"\1 is", text))
    lines = [line.strip().lstrip("-*•>").strip() for line in text.split("\n")]
    joined = " ; ".join(line for line in lines if line)
    if not _CHANGES.search(joined):
        joined = _HERE.sub("here", joined)
    spaced = re.sub(r"(?<=\S)([.,;!?]+)(?=\s|$)", lambda found: f" {found[1][0]} ", joined)
    return re.sub(r"\s+", " ", spaced).strip(" .;!?,…")


def _ops(node: Any, sentence: Sentence) -> list[Operation]:
    words = tuple(_word(child, sentence) for child in node.children)
    verb = str(node.data)
    if verb in _WRITES and any(_is_no_text(child, word) for child, word in zip(node.children, words, strict=True)):
        raise NotUnderstood
    homely = [_is_home(child, word) for child, word in zip(node.children, words, strict=True)]
    if verb == "read":
        return [Operation("home" if home else verb, (word,)) for word, home in zip(words, homely, strict=True)]
    if verb == "list" and any(homely):
        return [Operation("home", words)]
    if verb in ("search", "tree") and any(homely[0 if verb == "tree" else 1 :]):
        return [Operation(verb, words[:-1])]
    if verb == "info" and any(homely):
        return [Operation("info", (".",))]
    if verb == "move" and homely[1]:
        return [Operation("move_into", (words[0], "."))]
    if verb in _FILLS and any(homely):
        raise NotUnderstood
    return [Operation(verb, words)]


def _is_home(node: Any, word: Any) -> bool:
    """Whether words stand for the folder that everything is in: `the workspace`, `my current folder`."""
    if getattr(node, "data", "") not in ("file", "folder"):
        return False
    tokens = [token for part in node.children for token in part.children]
    said = frozenset(str(word).lower().split())
    return all(token.type == "NAME" for token in tokens) and said <= (_HOME | _WHOSE if "workspace" in said else _HOME)


def _is_no_text(node: Any, word: Any) -> bool:
    """Whether words without quotes that are to be written look like a file, or like where a text is to come from."""
    if getattr(node, "data", "") != "text" or any(part.type == "LITERAL" for part in node.children):
        return False
    return bool(_SOURCE.match(str(word)))


def _word(node: Any, sentence: Sentence) -> Any:
    """A path or text as it was written."""
    parts: list[Any] = []
    for part in [node] if not hasattr(node, "children") else list(node.children):
        if hasattr(part, "children"):
            return _word(part, sentence)
        marked = part.type in ("LITERAL", "JSON")
        parts.append(sentence.value(part, json=part.type == "JSON") if marked else str(part))
    if len(parts) == 1:
        return parts[0]
    return re.sub(r" ([.,!?])(?=\s|$)", r"\1", " ".join(str(part) for part in parts))


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """Return the tree of a sentence, None for what is none. The model is sent a conversation again after each call."""
    from lark.exceptions import LarkError  # noqa: PLC0415 - loaded with the first sentence: the bot starts first

    try:
        return _parser().parse(text)
    except LarkError:
        return None


@lru_cache(maxsize=1)
def _parser() -> Lark:
    from lark import Lark  # noqa: PLC0415

    grammar = _WHOLE_WORDS.sub(lambda found: f"{found[1]}/({found[2]})(?!\\S)/i", GRAMMAR)
    grammar = grammar.replace("%KEYWORD%", _KEYWORD).replace("%VERB%", _VERB)
    return Lark(grammar, parser="earley", lexer="dynamic", ambiguity="resolve", maybe_placeholders=False)
