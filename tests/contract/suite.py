"""All that every backend passes. A subclass whose name begins with `Test` is run, in a module with the fixtures
`backend` (`tests.contract.backend.Backend`, empty) and `store` (one that is open)."""

from __future__ import annotations

from tests.contract.amendments import AmendmentsContract
from tests.contract.audit import AuditContract
from tests.contract.begun_threads import BegunThreadsContract
from tests.contract.call_inputs import CallInputsContract
from tests.contract.compactions import CompactionsContract
from tests.contract.costs import CostsContract
from tests.contract.follow_ups import FollowUpsContract
from tests.contract.grants import GrantsContract
from tests.contract.held import HeldContract
from tests.contract.identities import IdentitiesContract
from tests.contract.inbox import InboxContract
from tests.contract.ledgers import LedgersContract
from tests.contract.log import LogContract
from tests.contract.models import ModelsContract
from tests.contract.outages import OutagesContract
from tests.contract.posts import PostsContract
from tests.contract.questions import QuestionsContract, UndosContract
from tests.contract.secrets import SecretsContract
from tests.contract.server_news import ServerNewsContract
from tests.contract.sessions import SessionContract
from tests.contract.stopping import StoppingContract
from tests.contract.taken_back import TakenBackContract


class StoreContract(
    InboxContract,
    OutagesContract,
    AmendmentsContract,
    TakenBackContract,
    HeldContract,
    LogContract,
    CompactionsContract,
    QuestionsContract,
    CallInputsContract,
    PostsContract,
    FollowUpsContract,
    GrantsContract,
    UndosContract,
    LedgersContract,
    ModelsContract,
    SessionContract,
    StoppingContract,
    AuditContract,
    SecretsContract,
    ServerNewsContract,
    BegunThreadsContract,
    CostsContract,
    IdentitiesContract,
):
    """The contract of `bot.core.ports.store.Store`, and of the `AuditLog` that goes with it."""
