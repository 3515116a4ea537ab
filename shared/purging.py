"""What is left of an erased client in a service, and how it goes: group `<service>.purge`.

A purge is one transaction: the tombstone, every row of the client, what waits of them in parking,
and the word that it is done. It is alone with the tables of the organisation meanwhile: every
consumer that keeps tombstones holds the same lock, shared, from the beginning of its transaction.
So whoever writes rows of a client has committed before the purge looks, or sees the tombstone, and
nothing that is late, replayed or read again brings anything back. What does not come from a
consumer begins with `no_purge`, and asks who is `living`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, cast

import asyncpg
from faststream.kafka import KafkaBroker
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.access.handler import AccessPlan, bury
from shared.consuming import Consumer, Incoming
from shared.consuming.transaction import PURGE_LOCK
from shared.contracts import Event, Recorded
from shared.contracts.intake import ClientErased
from shared.database import Database, array_literal, driver
from shared.eventstore import Append, EventStore, NewEvent, Write
from shared.ids import derived_id
from shared.privacy import Keyring, SubjectRef, leave_sealed
from shared.topics import topic

LOCK_SHARED = PURGE_LOCK.replace("lock(", "lock_shared(")

ERASED = """
SELECT tenant, client_id FROM access_clients
WHERE tenant = ANY($1::text[]) AND client_id = ANY($2::text[]) AND erased_at IS NOT NULL
"""

# Before the rows: of two transactions about a parked event one finds it gone and writes nothing.
FORGET_PARKED = (
    "DELETE FROM parked WHERE tenant = $1 AND holder = $2",
    "DELETE FROM held WHERE tenant = $1 AND holder = $2",
    "DELETE FROM replays WHERE tenant = $1 AND holder = $2",
)

INDEX = """
CREATE INDEX access_erased ON access_clients (tenant, client_id) WHERE erased_at IS NOT NULL
"""
"""Consumers ask for tombstones in every batch: for the migration of each service."""


class Purged(Protocol):
    """A service's event that says that nothing is left."""

    type: str

    def __call__(self, *, client_id: str, request_id: str) -> Event:
        """The event."""


class Purge(NamedTuple):
    """How one service forgets a client: statements of (tenant, client id), and its word."""

    service: str
    statements: Sequence[str]
    purged: Purged

    @property
    def group(self) -> str:
        """The consumer group that does it."""
        return f"{self.service}.purge"


class PurgePlan(AccessPlan):
    """The statements of some purges, and what is said of them."""

    def __init__(self, keyring: Keyring) -> None:
        super().__init__()
        self.writes: list[Write] = []
        self._keyring = keyring
        self._gone: set[SubjectRef] = set()

    def forget(self, one: Recorded[ClientErased], statements: Sequence[str]) -> None:
        """Let nothing be left of the client whose erasure `one` tells of."""
        self._gone.add((one.tenant, one.data.client_id))
        forget(self, one.tenant, one.data, statements)

    async def committed(self) -> None:
        """Keys that were kept for a moment are worth nothing any more."""
        self._keyring.forget(self._gone)


def purge_consumer(
    purge: Purge, *, database: Database, store: EventStore, keyring: Keyring, broker: KafkaBroker
) -> Consumer:
    """The consumer that forgets erased clients. It waits for nothing: a poison event of the client
    does not keep them here."""
    return Consumer(
        group=purge.group,
        topics=[topic("intake")],
        handler=PurgeHandler(purge, store, keyring),
        database=database,
        store=store,
        broker=broker,
        versions=False,
        only=[ClientErased.type],
    )


class PurgeHandler:
    """Removes what is left of erased clients. It may be told of one any number of times."""

    def __init__(self, purge: Purge, store: EventStore, keyring: Keyring) -> None:
        self._purge = purge
        self._store = store
        self._keyring = keyring

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> PurgePlan:
        """What follows from the erasures among `events` of intake."""
        plan = PurgePlan(self._keyring)
        erased = dict(erasures(leave_sealed(one.envelope) for one in events))
        if not erased:
            return plan
        tenants = sorted({tenant for tenant, _ in erased})
        await driver(conn).execute(PURGE_LOCK, array_literal(tenants))
        for (tenant, client_id), one in sorted(erased.items()):
            stream = purge_stream(client_id)
            if not await self._store.heads_in(conn, tenant, [stream]):
                plan.writes.append(confirmation(self._purge, one))
            plan.forget(one, self._purge.statements)
        return plan


def forget(plan: AccessPlan, tenant: str, erased: ClientErased, statements: Sequence[str]) -> None:
    """Let nothing be left of a client but a tombstone."""
    for statement in FORGET_PARKED:
        plan.add(statement, tenant, erased.client_id)
    bury(plan, tenant, erased.client_id, erased.erased_at)
    for statement in statements:
        plan.add(statement, tenant, erased.client_id)


def erasures(
    events: Iterable[Recorded[Event]],
) -> Iterator[tuple[SubjectRef, Recorded[ClientErased]]]:
    """Those of `events` that say that a client is erased, each with whom it is about."""
    for one in events:
        if isinstance(one.data, ClientErased):
            yield (one.tenant, one.data.client_id), cast("Recorded[ClientErased]", one)


def purge_stream(client_id: str) -> str:
    """The stream in which a service says that it has forgotten a client."""
    return f"purge-{client_id}"


def confirmation(purge: Purge, one: Recorded[ClientErased]) -> Write:
    """The word that it is done."""
    client_id, request_id = one.data.client_id, one.data.request_id
    said = purge.purged(client_id=client_id, request_id=request_id)
    name = derived_id("purged", purge.service, request_id, client_id)
    append = Append(
        tenant=one.tenant,
        stream=purge_stream(client_id),
        expected=0,
        events=[NewEvent(id=name, data=said, causation_id=one.id)],
        subject=client_id,
        secret_of=client_id,
    )
    return Write(
        tenant=one.tenant,
        appends=[append],
        correlation_id=one.correlation_id,
        traceparent=one.traceparent,
    )


async def living(conn: asyncpg.Connection, refs: Collection[SubjectRef]) -> set[SubjectRef]:
    """Those clients (tenant, id) who are not erased; after `no_purge`, none of them will be before
    the transaction ends."""
    tenants = sorted({tenant for tenant, _ in refs})
    rows = await conn.fetch(ERASED, tenants, sorted({client_id for _, client_id in refs}))
    return set(refs) - {(row["tenant"], row["client_id"]) for row in rows}


async def no_purge(conn: asyncpg.Connection, tenants: Collection[str]) -> None:
    """Let no purge begin in these organisations before the transaction ends; returns once none is
    under way. To be called before the transaction reads or writes rows of clients."""
    await conn.execute(LOCK_SHARED, array_literal(sorted(tenants)))
