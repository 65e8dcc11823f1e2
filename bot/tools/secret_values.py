"""Recognizes the credentials in the configuration of a server, by the names of the settings and by their looks. Pure.

What is recognized is left out of everything that the server says, so it must not be a word that answers need: a log
level, a region, a path. What is merely not shown in errors may be taken more widely (`ServerConfig.secrets`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from bot.core.untrusted import items, mapping, parsed

SHORTEST = 6
"""Characters. What is shorter is no secret worth the name, and hiding it would garble what a server says."""
DEEPEST, MOST_PAIRS = 5, 50
_WORDS = frozenset({"key", "pass", "pat", "pwd", "auth", "authorization", "bearer", "cookie", "dsn", "jwt", "sig"})
_ENDINGS = ("token", "secret", "password", "passwd", "passphrase", "apikey", "credential", "credentials", "signature")
_PLACES = "url uri host name user username email id file path dir folder port sock region endpoint issuer audience"
_KINDS = "type mode method scheme header scope scopes ttl timeout"
_ABOUT = frozenset(f"{_PLACES} {_KINDS}".split())
"""Last words of names whose values say where or how, even if the name has to do with a secret: `TOKEN_URL`."""
_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_KNOWN = re.compile(
    r"(?:sk-|[srp]k_live_|gh[opsur]_|github_pat_|glpat-|xox[a-z]-|xapp-|ya29\.|eyJ[\w-]{10,}\.|AIza|SG\.|shpat_|npm_"
    r"|pypi-|hf_|lin_api_|ntn_|ATATT|figd_|sbp_)[\w.~+/=-]{8,}"
)
"""How widely used services begin their tokens."""
_RANDOM = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9_+=~-]{24,}")
_WORD = re.compile(r"[A-Za-z]{1,11}|[0-9]{1,7}")
_PATH = re.compile(r"(?:~|\.{0,2})/[\w. -]+(?:/[\w. -]*)*|[A-Za-z]:\\.*")
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60}):\s*(\S.*)")
_SCHEME = re.compile(r"(?:bearer|basic|token|digest|apikey)\s+(.+)", re.IGNORECASE)


def of_settings(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the credentials among environment variables, headers or parameters of an address."""
    for name, value in settings.items():
        yield from _of(name, value)


def of_arguments(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the credentials among the arguments of a command: `--token=…`, `--token …`, `--header "X-Api-Key: …"`."""
    before = ""
    for each in arguments:
        name, separator, value = each.partition("=")
        header = _HEADER.fullmatch(each)
        if header is not None and "://" not in header[0][: len(header[1]) + 3]:
            yield from _of(header[1], header[2])
        elif separator and re.fullmatch(r"-*[\w.-]+", name):
            yield from _of(name, value)
        elif not each.startswith("-"):
            yield from _of(before, each)
        before = each if each.startswith("-") and not separator else ""


def of_address(url: str) -> Iterator[str]:
    """Yield the credentials in an address: its password, and parameters."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    if password:
        yield from _worth([unquote(password), password])
    for name, value in parse_qsl(parts.query):
        yield from _of(name, value)


def forms(value: str) -> Iterator[str]:
    """Yield how a credential may be written: as it is, in an address, in a text of JSON."""
    yield value
    quoted, in_json = quote(value, safe=""), value.replace("\\", "\\\\").replace('"', '\\"')
    yield from (each for each in (quoted, in_json, value.replace("/", "\\/")) if each != value)


def _of(name: str, value: str) -> Iterator[str]:
    """Yield the credentials in the value of one setting."""
    value = value.strip()
    if value[:1] in ("{", "["):
        yield from _in_json(name, parsed(value), DEEPEST)
    if ";" in value:  # a connection string, or cookies
        yield from _pairs(value)
    if "://" in value:
        yield from of_address(value)
        return
    yield from _of_text(name, value)


def _in_json(name: str, value: object, left: int) -> Iterator[str]:
    """Yield the credentials in a JSON value: some servers take their headers so."""
    if isinstance(value, str):
        yield from _of_text(name, value)
    for key, each in mapping(value).items() if left else ():
        yield from _in_json(key, each, left - 1)
    for each in items(value) if left else ():
        yield from _in_json(name, each, left - 1)


def _pairs(value: str) -> Iterator[str]:
    for each in value.split(";")[:MOST_PAIRS]:
        name, _, part = each.partition("=")
        yield from _of_text(name.strip(), part.strip())


def _of_text(name: str, value: str) -> Iterator[str]:
    scheme = _SCHEME.fullmatch(value)
    bare = scheme[1].strip() if scheme is not None else value
    words = [each.lower() for each in _NAME.findall(name)]
    about = bool(words) and words[-1] in _ABOUT
    sent = scheme is not None and scheme[0][:6].lower() in ("bearer", "basic ", "apikey") and " " not in bare
    named = sent or (not about and any(each in _WORDS or each.endswith(_ENDINGS) for each in words))
    looks = _KNOWN.fullmatch(bare) or (not about and _RANDOM.fullmatch(bare))
    if not looks and (not named or _PATH.fullmatch(bare)):
        return
    yield from _worth([bare, *_basic(bare)])
    if "cookie" in words:
        yield from _worth(each.partition("=")[2].strip() for each in bare.split(";"))


def _basic(value: str) -> Iterator[str]:
    """Yield the password in the credentials of HTTP Basic."""
    try:
        user, separator, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return
    if separator and user.isprintable() and password.isprintable():
        yield password


def _worth(values: Iterable[str]) -> Iterator[str]:
    """Yield what can be left out of a text without garbling it: no plain word and no small number."""
    for each in values:
        if len(each) >= SHORTEST and not _WORD.fullmatch(each):
            yield each
