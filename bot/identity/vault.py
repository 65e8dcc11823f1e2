"""Encrypts what is kept of sign-ins, so that a copy of the database reveals nothing: AES-256-GCM, bound to what it is
for."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import importlib.util
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import SettingsError

SETTING = "BOT_SECRET_KEY"
MIN_CHARS = 32
NONCE_BYTES = 12
_FORM = b"1"
_KEYRING = ("slack-mcp-agent", "secret-key")
_SHORT = f"each key must have at least {MIN_CHARS} characters"
_FIX = (
    "Make one, for example with `openssl rand -hex 32`, and put it into .env or into the environment; keep it, since "
    "without it people have to sign in again"
)


class UnsealError(Exception):
    """It was not encrypted with one of these keys, or for something else."""


class Vault:
    """Seals and unseals bytes with keys that are not kept beside them."""

    def __init__(self, keys: Sequence[str]) -> None:
        """In: the keys; the first one seals, and all of them unseal."""
        derived = [hashlib.scrypt(key.encode(), salt=b"slack-mcp-agent", n=2**12, r=8, p=1, dklen=64) for key in keys]
        self._ciphers = [AESGCM(key[:32]) for key in derived]
        self._mac = derived[0][32:]

    def seal(self, plain: bytes, *purpose: str) -> bytes:
        """Encrypt bytes. In: what they are for, without which they cannot be decrypted."""
        nonce = os.urandom(NONCE_BYTES)
        return _FORM + nonce + self._ciphers[0].encrypt(nonce, plain, _bound(purpose))

    def unseal(self, sealed: bytes, *purpose: str) -> bytes:
        """Decrypt bytes. Raises UnsealError."""
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if sealed[:1] == _FORM and len(nonce) == NONCE_BYTES:
            for cipher in self._ciphers:
                with suppress(InvalidTag):
                    return cipher.decrypt(nonce, body, _bound(purpose))
        raise UnsealError

    def mac(self, *parts: str) -> str:
        """Return what only the holder of the key can make of these texts."""
        return hmac.digest(self._mac, _bound(parts), "sha256").hex()


def _bound(purpose: Sequence[str]) -> bytes:
    return "\0".join(purpose).encode()


def vault_of(environ: Mapping[str, str]) -> Vault:
    """Return the vault with the key of the environment, or else of the system's keyring, in which one is made.

    Raises SettingsError if there is no key, or one that is too short.
    """
    keys = _keys(environ)
    if any(len(key) < MIN_CHARS for key in keys):
        raise SettingsError(SETTING, f"{_SHORT}. {_FIX}.")
    if not keys and not (keys := _of_keyring()):
        problem = "it is not set, and a server of mcp.json needs it to keep the sign-ins of people"
        raise SettingsError(SETTING, f"{problem}. {_FIX}.")
    return Vault(keys)


def problem(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return what is wrong with the key, and what to do; None if nothing is. A key of the keyring is not made or
    read."""
    keys = _keys(environ)
    if any(len(key) < MIN_CHARS for key in keys):
        return _SHORT, _FIX
    if not keys and importlib.util.find_spec("keyring") is None:
        return "it is not set", _FIX
    return None


def _keys(environ: Mapping[str, str]) -> list[str]:
    return [each.strip() for each in environ.get(SETTING, "").split(",") if each.strip()]


def _of_keyring() -> list[str]:
    """Return the key of the system's keyring, if the package `keyring` is there and works."""
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        return []
    try:
        found = keyring.get_password(*_KEYRING)
        if not found:
            keyring.set_password(*_KEYRING, secrets.token_urlsafe(48))
            found = keyring.get_password(*_KEYRING)
    except Exception:  # noqa: BLE001 - what a keyring raises depends on the system; without one, the error above says it
        return []
    return [found] if isinstance(found, str) and len(found) >= MIN_CHARS else []
