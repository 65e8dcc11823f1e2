"""The exception tree: every failure that is reported to a person or an operator.

BotError
├── SettingsError          startup fails: one sentence that names the setting and how to fix it
├── StoreError             the database refused
│   └── ChangedError       somebody has changed what was to be written
└── ModelError             no answer from the model; the sentence is shown in the thread
    ├── ModelUnavailable   overloaded, unreachable, timed out, broken stream (after retries)
    ├── ModelRateLimited
    ├── ModelUnauthorized  the key is wrong or revoked
    ├── ModelUnpaid        credits or limits are used up
    ├── WrongEndpoint      OPENROUTER_BASE_URL is not the address of a model's API
    ├── UntrustedEndpoint  its certificate is not trusted
    ├── ModelRefused       the request was rejected
    │   ├── ModelFlagged       by moderation
    │   ├── ModelUnknown       there is no such model, or nobody who may serve it
    │   └── ModelWithoutTools  the model cannot use tools
    └── ContextTooLong     the conversation no longer fits

The class docstring is the message that people see; an instance may carry a `detail` for the log.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from bot.core.transaction import Usage


class BotError(Exception):
    """Something went wrong."""

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        super().__init__(detail or self.sentence)

    @property
    def sentence(self) -> str:
        """The message for people."""
        return " ".join((type(self).__doc__ or "Something went wrong.").split())


class SettingsError(BotError):
    """A setting is wrong."""

    def __init__(self, setting: str, problem: str) -> None:
        """`problem` says what is wrong and how to fix it, in one or more sentences. A missing full stop is added, as
        some problems are described by the system or a library."""
        self.setting = setting
        super().__init__(f"{setting}: {problem if problem.endswith('.') else f'{problem}.'}")


class StoreError(BotError):
    """The database did not save this. Nothing that was saved before is lost; please try again."""


class ChangedError(StoreError):
    """Somebody has changed this at the same moment. Nothing was saved; please try again."""


class SignInError(BotError):
    """Signing in did not work. Nothing was called; please try again later."""


class NotSignedInError(SignInError):
    """The person is not signed in."""


class ModelError(BotError):
    """The model gave no answer."""

    fix = "Everything in this thread is kept: press Retry and I carry on from here."
    """What the reader can do about it."""
    retry = True
    """Whether asking once more may help: the message has a button for it."""

    def __init__(self, detail: str = "", retry_at: float | None = None, usage: Usage | None = None) -> None:
        """retry_at: when the provider accepts requests again, as Unix time; None if it does not say. usage: what the
        attempts have cost."""
        self.retry_at = retry_at
        self.usage = usage or Usage()
        super().__init__(detail)

    @property
    def advice(self) -> str:
        """What the reader can do about it, and from when on: in ISO 8601 and UTC, `2026-11-28T14:05Z`, which whoever
        shows it replaces by the reader's own time."""
        if self.retry_at is None or not self.retry:
            return self.fix
        when = "on" if self.retry_at > time.time() + 20 * 3600 else "at"
        moment = f"{datetime.fromtimestamp(self.retry_at + 59, UTC):%Y-%m-%dT%H:%MZ}"
        return f"Everything in this thread is kept: press Retry {when} {moment}, and I carry on from here."


class OutOfBudget(ModelError):
    """The budget was used up before the model could be asked once more."""


class ModelUnavailable(ModelError):
    """The model did not answer, although I asked several times."""


class ModelRateLimited(ModelError):
    """The model's provider is limiting our requests at the moment."""


class ModelUnauthorized(ModelError):
    """The model's provider does not accept the bot's key; whoever runs the bot has to set OPENROUTER_API_KEY."""

    fix = "Everything in this thread is kept: once that is done, write here and I carry on."
    retry = False


class ModelUnpaid(ModelError):
    """The credits for the model are used up; whoever runs the bot has to add some."""

    fix = "Everything in this thread is kept: once that is done, press Retry and I carry on from here."


class WrongEndpoint(ModelError):
    """There is no model at the address that I am set to use; whoever runs the bot has to correct OPENROUTER_BASE_URL,
    which usually ends in /v1."""

    fix = "Everything in this thread is kept: once that is done, write here and I carry on."
    retry = False


class UntrustedEndpoint(ModelError):
    """The certificate of the model's server is not trusted on my machine; whoever runs the bot has to install its
    authority's certificate there."""

    fix = "Everything in this thread is kept: once that is done, press Retry and I carry on from here."


class ModelRefused(ModelError):
    """The model's provider refused this request."""

    fix = (
        "Everything in this thread is kept: say it differently, or tell whoever runs the bot; "
        "the reason is in the bot's log."
    )
    retry = False


class ModelFlagged(ModelRefused):
    """The model's provider refused this because of its content rules."""

    fix = "Everything in this thread is kept: say it differently, and I carry on from here."


class ModelUnknown(ModelRefused):
    """The model that I am set to use is not available; whoever runs the bot has to choose another."""

    fix = "Everything in this thread is kept: once that is done, write here and I carry on."


class ModelWithoutTools(ModelRefused):
    """The model that I am set to use cannot work with tools; whoever runs the bot has to choose another."""

    fix = "Everything in this thread is kept: once that is done, write here and I carry on."


class ContextTooLong(ModelError):
    """This conversation has grown longer than the model can read, and making it shorter was not enough."""

    fix = "Everything in this thread is kept: press Retry, or start a new thread with what matters."
