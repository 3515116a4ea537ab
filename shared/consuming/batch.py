"""One batch of records of one partition in one transaction: the heart of consuming.

The order of statements is what makes it exactly once in effect:

1. plain SELECTs: who is held back, versions of streams, and what the handler needs;
2. compute;
3. derived events, the first write (a reader of the store must never see a stream out of order);
4. effects, parked records;
5. versions of streams and the checkpoint, by compare-and-set on what this worker knew when it
   began.

Whoever does not find the checkpoint as it was rolls back all of it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from weakref import WeakKeyDictionary

import asyncpg
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.consuming.parking import ask, write_parked
from shared.consuming.records import Handler, Incoming, Plan, Record
from shared.consuming.sorting import FORK, HELD, Key, Reason, Sorted, Sorter, sort_alone
from shared.consuming.state import (
    Moved,
    Position,
    finish,
    load_heads,
    load_holds,
    load_passed,
    load_seen,
)
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
    ) -> None:
        self.group = group
        self.service = group.partition(".")[0]
        self.database = database
        self.versions = versions
        self._handler = handler
        self._store = store

    async def apply(
        self,
        position: Position,
        records: Sequence[Record],
        condemned: Mapping[str, Reason],
        *,
        reread: bool,
    ) -> Sorted:
        """Bring `position` as far on as `records` allow, all in one transaction.

        Raises HandlerFailed, Fenced, and whatever the database raises; nothing is written then.
        """
        tenants = sorted({r.envelope.tenant if r.envelope else "" for r in records})
        async with (
            big_ones_in_turn(len(records)),
            transaction(self.database, tenants) as (connection, conn),
        ):
            result = await self._sort(conn, position, records, condemned, tenants, reread=reread)
            plan = await self.effects(connection, result.applicable)
            if result.parked:
                await write_parked(conn, self.group, result.parked)
            for tenant, holder in result.healed:
                await ask(conn, self.group, tenant, holder, position.partition)
            moved = self._moved(position, records, result)
            applied = result.heads if self.versions else [key_of(e) for e in result.applicable]
            # Only events that were appended are told of before a crash could take them back.
            await finish(conn, position, moved, applied, durable=bool(plan.writes))
        position.next_offset, position.reread_until, position.failing = moved
        position.remember(result.heads)
        self._count(result)
        await self.after_commit(plan)
        return result

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

    async def _sort(
        self,
        conn: asyncpg.Connection,
        position: Position,
        records: Sequence[Record],
        condemned: Mapping[str, Reason],
        tenants: Sequence[str],
        *,
        reread: bool,
    ) -> Sorted:
        if not self.versions:
            ids = [r.envelope.id for r in records if r.envelope]
            seen = await load_seen(conn, self.group, tenants, ids)
            return sort_alone(records, seen, condemned, failing=position.failing)
        held = await load_holds(conn, self.group, tenants)
        streams = {(r.envelope.tenant, r.envelope.stream) for r in records if r.envelope}
        heads = {key: head for key in streams if (head := position.heads.get(key))}
        if unknown := streams - heads.keys():
            heads |= await load_heads(conn, self.group, unknown)
            position.remember(heads)
        until = position.reread_until if reread else None

        def sort(passed: set[str]) -> Sorted:
            sorter = Sorter(
                heads, held, condemned, reread_until=until, failing=position.failing, passed=passed
            )
            return sorter.sort(records)

        result = sort(set())
        forks = [p.event_id for p in result.parked if p.reason.code == FORK]
        if forks and (passed := await load_passed(conn, self.group, tenants, forks)):
            result = sort(passed)
        return result

    def _moved(self, position: Position, records: Sequence[Record], result: Sorted) -> Moved:
        """The checkpoint after this batch."""
        if result.gap is not None:
            return Moved(0, result.gap.offset + 1, result.failing)
        last = records[result.taken - 1].offset + 1 if result.taken else position.next_offset
        return Moved(last, position.reread_until, result.failing)

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
