"""What is written to an event store and what comes back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from shared.contracts.events import Event
from shared.errors import Conflict, Invalid, Unavailable
from shared.security.looked import Looked

COMMAND_DEADLINE = timedelta(seconds=5)
"""A command's ids are made at most this long before its transaction begins."""

MAX_EVENT_BYTES = 900_000
"""An event larger than this would not fit into a Kafka record with its envelope."""

MAX_WRITE_EVENTS = 1_000
"""Events of one commit at most: a longer one would hold up every reader of the cluster."""

CLAIM = "claim-"
"""How the streams of claims begin: heads without events."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that wants to be written."""

    id: str
    data: Event
    causation_id: str | None = None


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """Events for one stream whose version is `expected` now (0: the stream is new).

    `subject` is the Kafka key; `secret_of` is the subject whose key seals the private parts.
    """

    tenant: str
    stream: str
    expected: int
    events: Sequence[NewEvent]
    subject: str
    secret_of: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The wish to own an outside identifier: succeeds where nobody holds `stream` yet.

    `ref` is what the claim points to, such as a client id.
    """

    tenant: str
    stream: str
    ref: str
    subject: str


class IdempotencyKey(msgspec.Struct, frozen=True, kw_only=True):
    """One caller's name for one request; the hash tells a repeated request from another one."""

    principal: str
    key: str
    request_hash: bytes


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One caller's wish: all of it is written, or nothing.

    `release` names claims to give up. With an idempotency key, `response` is kept, sealed under
    the key of the subject `secret_of`, and given back to whoever repeats the request.

    `looked` is what is written down of it: whose data was used, and by whom.
    """

    tenant: str
    appends: Sequence[Append]
    claims: Sequence[Claim] = ()
    release: Sequence[str] = ()
    idempotency: IdempotencyKey | None = None
    response: bytes = b""
    response_status: int = 201
    secret_of: str = ""
    correlation_id: str = ""
    traceparent: str | None = None
    looked: Sequence[Looked] = ()


class StoredResponse(msgspec.Struct, frozen=True):
    """The answer to an earlier request with the same idempotency key."""

    status: int
    body: bytes


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The events are durable: their positions in order, and when they were recorded.

    With `replayed` nothing was written now: it is the answer to the same request of before.
    """

    positions: list[int]
    recorded_at: datetime
    replayed: StoredResponse | None = None


class Head(NamedTuple):
    """Where a stream stands: the version of its last event (0 for a claim)."""

    version: int
    ref: str | None
    subject: str


class WrongVersion(Conflict):
    """The stream is not at the version that the caller expected; `actual` 0: not there."""

    code, title = "wrong_version", "Changed in the meantime"

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"version {expected} was expected and {actual} found")
        self.stream, self.expected, self.actual = stream, expected, actual


class Claimed(Conflict):
    """Somebody holds the claim already; `ref` is what theirs points to."""

    code, title = "claimed", "Identifier in use"

    def __init__(self, stream: str, ref: str | None) -> None:
        super().__init__("the identifier is in use")
        self.stream, self.ref = stream, ref


class DuplicateEvent(Conflict):
    """An event with this id has been written before."""

    code, title = "duplicate_event", "Written before"


class IdempotencyMismatch(Invalid):
    """The idempotency key was used for another request."""

    code, title = "idempotency_mismatch", "Idempotency key used for another request"


class OutcomeUnknown(Unavailable):
    """The connection broke while the database worked: written or not, nobody knows.

    Whoever repeats the command with the same idempotency key learns the truth.
    """

    code, title = "outcome_unknown", "Outcome unknown"
