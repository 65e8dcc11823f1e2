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
    ├── ModelRefused       the request was rejected (bad request, moderation, unknown model)
    └── ContextTooLong     the conversation no longer fits

The class docstring is the message that people see; an instance may carry a `detail` for the log.
"""

from __future__ import annotations


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


class ModelError(BotError):
    """The model gave no answer."""

    fix = "Everything in this thread is kept: press Retry and I carry on from here."
    """What the reader can do about it."""
    retry = True
    """Whether asking once more may help: the message has a button for it."""


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


class ModelRefused(ModelError):
    """The model's provider refused this request."""

    fix = (
        "Everything in this thread is kept: say it differently, or tell whoever runs the bot; "
        "the reason is in the bot's log."
    )
    retry = False


class ContextTooLong(ModelError):
    """This conversation has grown longer than the model can read."""

    fix = "What was said here is kept, but to go on, start a new thread."
    retry = False
