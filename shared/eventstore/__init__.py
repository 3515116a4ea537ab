"""The event store: append with an expected version, read, tail.

    store = EventStore(database, keyring, service="feedback")
    await store.start()
    written = await store.write(Write(tenant=..., appends=[Append(...)]))
    events = await store.read(tenant, stream)

`write` shares its transaction with the other callers of the process (`groupcommit.py`);
`write_in` runs in a consumer's transaction. Both go through one SQL function (`append.sql`).
"""

from shared.eventstore.model import (
    COMMAND_DEADLINE,
    MAX_EVENT_BYTES,
    MAX_WRITE_EVENTS,
    Append,
    Claim,
    Claimed,
    DuplicateEvent,
    Head,
    IdempotencyKey,
    IdempotencyMismatch,
    NewEvent,
    OutcomeUnknown,
    StoredResponse,
    Write,
    Written,
    WrongVersion,
)
from shared.eventstore.store import EventStore

__all__ = [
    "COMMAND_DEADLINE",
    "MAX_EVENT_BYTES",
    "MAX_WRITE_EVENTS",
    "Append",
    "Claim",
    "Claimed",
    "DuplicateEvent",
    "EventStore",
    "Head",
    "IdempotencyKey",
    "IdempotencyMismatch",
    "NewEvent",
    "OutcomeUnknown",
    "StoredResponse",
    "Write",
    "Written",
    "WrongVersion",
]
