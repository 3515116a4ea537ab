"""One batch of records in one transaction: the heart of consuming.

The order of statements is what makes it exactly once in effect:

1. plain SELECTs: who is held back, versions of streams, and what the handler needs;
2. compute;
3. derived events, the first write (a reader of the store must never see a stream out of order);
4. effects, parked records;
5. versions of streams and the checkpoint, by compare-and-set on what this worker knew when it
   began.

Whoever does not find the checkpoint as it was rolls back all of it. Small batches of several
partitions share a transaction, each with a checkpoint of its own: a transaction costs much more
than a record.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from weakref import WeakKeyDictionary

import asyncpg
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.consuming.parking import ask, write_parked
from shared.consuming.parts import Part, clash, sort_by_themselves, sort_in_order
from shared.consuming.records import Handler, Incoming, Plan
from shared.consuming.sorting import HELD, Key, Reason, Sorted
from shared.consuming.state import finish
from shared.consuming.transaction import transaction
from shared.database import Database, transient_is_unavailable
from shared.eventstore import EventStore

log = logging.getLogger(__name__)

APPLIED = Counter("heroic_consumed_events", "Events applied.", ("group",))
PARKED = Counter("heroic_parked_events", "Events parked.", ("group", "reason"))


BIG = 25
"""Records; computing what more of them lead to keeps the process busy for tens of milliseconds."""

_big_ones = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()


def big_ones_in_turn(records: int) -> AbstractAsyncContextManager[object]:
    """Let one big batch of this process at a time have a transaction.

    While one has written and waits for the database, another would compute. As long as that takes
    the first stays open, and a transaction that has written holds up every relay of the server.
    Not for a group that takes each event by itself: it computes little, and must keep up.
    """
    if records < BIG:
        return nullcontext()
    return _big_ones.setdefault(asyncio.get_running_loop(), asyncio.Lock())


class HandlerFailed(Exception):
    """What a handler raised for some of `events`; the cause is chained."""

    def __init__(self, events: Sequence[Incoming]) -> None:
        super().__init__("the handler failed")
        self.events = events


class Apart(Exception):
    """Something is wrong in one of several partitions: each is to be applied by itself."""


class Batches:
    """Applies batches of one group."""

    def __init__(
        self,
        group: str,
        handler: Handler,
        database: Database,
        store: EventStore | None,
        *,
        versions: bool,
        tombstones: bool = False,
        only: Collection[str] = (),
    ) -> None:
        self.group = group
        self.service = group.partition(".")[0]
        self.database = database
        self.versions = versions
        self._tombstones = tombstones
        self._only = frozenset(only)
        self._handler = handler
        self._store = store

    async def apply(
        self,
        parts: Sequence[Part],
        condemned: Mapping[str, Reason],
        *,
        reread: bool,
    ) -> list[Sorted]:
        """Bring the position of each part as far on as its records allow, all in one transaction.

        Raises HandlerFailed, Fenced, and whatever the database raises; of several parts, Apart
        where one would not be taken whole. Nothing is written then.
        """
        records = [record for part in parts for record in part.records]
        tenants = sorted({r.envelope.tenant if r.envelope else "" for r in records})
        async with (
            big_ones_in_turn(len(records)) if self.versions else nullcontext(),
            transaction(self.database, tenants, no_purge=self._tombstones) as (connection, conn),
        ):
            results = await self._sort(conn, parts, condemned, tenants, reread=reread)
            if len(parts) > 1 and clash(results):
                raise Apart
            applicable = [event for result in results for event in result.applicable]
            plan = await self.effects(connection, applicable)
            if parked := [one for result in results for one in result.parked]:
                await write_parked(conn, self.group, parked)
            moves = [(p.position, p.moved(r)) for p, r in zip(parts, results, strict=True)]
            for (position, _), result in zip(moves, results, strict=True):
                for tenant, holder in result.healed:
                    await ask(conn, self.group, tenant, holder, position.partition)
            # Only events that were appended are told of before a crash could take them back.
            heads = {key: head for result in results for key, head in result.heads.items()}
            applied = heads if self.versions else [key_of(event) for event in applicable]
            await finish(conn, self.group, moves, applied, durable=bool(plan.writes))
        for (position, to), result in zip(moves, results, strict=True):
            position.next_offset, position.reread_until, position.failing = to
            position.remember(result.heads)
            self._count(result)
        await self.after_commit(plan)
        return results

    async def _sort(
        self,
        conn: asyncpg.Connection,
        parts: Sequence[Part],
        condemned: Mapping[str, Reason],
        tenants: Sequence[str],
        *,
        reread: bool,
    ) -> list[Sorted]:
        graves = self._tombstones
        if self.versions:
            return await sort_in_order(
                conn, parts, condemned, tenants, reread=reread, tombstones=graves
            )
        return await sort_by_themselves(
            conn, parts, condemned, tenants, tombstones=graves, only=self._only
        )

    async def effects(self, connection: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """Let the handler do its work for `events` in the transaction of `connection`."""
        if not events:
            return Plan()
        name = f"consume {self.group}"
        traceparent = events[0].envelope.traceparent
        try:
            with (
                telemetry.span(name, service=self.service, traceparent=traceparent),
                transient_is_unavailable(),
            ):
                plan = await self._handler.prepare(connection, events)
                if plan.writes:
                    await self._write(connection, plan)
                await plan.apply(connection)
        except Exception as error:
            raise HandlerFailed(events) from error
        return plan

    async def after_commit(self, plan: Plan) -> None:
        """What the handler would like to do now; that it fails changes nothing."""
        try:
            await plan.committed()
        except Exception as error:  # noqa: BLE001 - whatever it is, the events are applied
            log.warning("%s: after the commit: %s", self.group, telemetry.describe(error))

    async def _write(self, connection: AsyncConnection, plan: Plan) -> None:
        if self._store is None:
            raise TypeError(f"{self.group} has no store to write to")
        await self._store.write_in(connection, plan.writes)

    def _count(self, result: Sorted) -> None:
        APPLIED.labels(self.group).inc(len(result.applicable))
        for parked in result.parked:
            PARKED.labels(self.group, parked.reason.code).inc()
            if parked.reason.code != HELD:
                place = f"{parked.record.topic}[{parked.record.partition}]@{parked.record.offset}"
                log.error("%s: parked %s: %s: %s", self.group, place, *parked.reason[:2])


def key_of(event: Incoming) -> Key:
    """(tenant, event id)."""
    return event.envelope.tenant, event.envelope.id
