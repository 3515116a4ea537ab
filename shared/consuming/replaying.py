"""Trying parked events again: in their order, one transaction each, by the worker of the partition.

A replay is asked for by an operator, by the event that fills a gap, or by a program that has come
to know a type. Until the last event of a holder is through, its newer ones go on being parked.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

import asyncpg
import msgspec

from shared.consuming.assignment import Assignment
from shared.consuming.batch import Batches, HandlerFailed, key_of
from shared.consuming.failures import is_transient, reason_for
from shared.consuming.records import (
    KNOWN_SCHEMAS,
    UNKNOWN_TYPE,
    Broken,
    Decode,
    Incoming,
    Record,
    read,
    schema_of,
)
from shared.consuming.sorting import NEW, Head, Key, Reason
from shared.consuming.state import Fenced, load_heads, save_heads, save_seen
from shared.database import driver, worker_session
from shared.errors import Unavailable

AT_ONCE = 2_000

DUE = """
SELECT partition, tenant, holder FROM replays
WHERE group_name = $1 AND partition = ANY($2::int[])
    AND (waiting_for IS NULL OR waiting_for = ANY($3::text[]))
LIMIT 50
"""

WAITING = """
SELECT event_id, topic, partition, record_offset, status, raw FROM parked
WHERE tenant = $1 AND group_name = $2 AND holder = $3 AND status <> 'passed'
ORDER BY seq LIMIT $4
"""

REMOVE = "DELETE FROM parked WHERE tenant = $1 AND group_name = $2 AND event_id = $3"

PASSED = """
UPDATE parked SET status = 'passed' WHERE tenant = $1 AND group_name = $2 AND event_id = $3
"""

TAKEN = """
SELECT tenant, event_id FROM seen_events
WHERE group_name = $1 AND tenant = $2 AND event_id = ANY($3::text[])
"""

FAILED = """
UPDATE parked SET reason = $4, detail = $5, tries = tries + $6
WHERE tenant = $1 AND group_name = $2 AND event_id = $3
"""

# The hold ends with its last parked event. What was discarded stays for the record.
RELEASE = """
DELETE FROM held h WHERE h.tenant = $1 AND h.group_name = $2 AND h.holder = $3 AND NOT EXISTS (
    SELECT FROM parked p WHERE p.tenant = $1 AND p.group_name = $2 AND p.holder = $3
        AND p.status = 'parked')
"""

ANSWERED = "DELETE FROM replays WHERE tenant = $1 AND group_name = $2 AND holder = $3"
STILL_WAITING = """
UPDATE replays SET waiting_for = $4 WHERE tenant = $1 AND group_name = $2 AND holder = $3
"""


class Step(Enum):
    """What is to be done with a parked event now."""

    APPLY = auto()
    REMOVE = auto()
    PASS = auto()
    LEAVE = auto()


class Waiting(msgspec.Struct):
    """A parked event, decoded again."""

    event_id: str
    record: Record
    discarded: bool

    @property
    def key(self) -> Key | None:
        """(tenant, stream); None where it still cannot be read."""
        header = self.record.envelope
        return (header.tenant, header.stream) if header else None

    @property
    def head(self) -> Head:
        """The head of its stream once it is applied."""
        header = self.record.envelope
        return Head(header.streamversion, header.id) if header else NEW


def next_step(waiting: Sequence[Waiting], heads: Mapping[Key, Head]) -> tuple[Waiting, Step] | None:
    """Which event comes next and what becomes of it; None where the first cannot go on yet."""
    for each in waiting:
        key = each.key
        if key is None:
            return (each, Step.LEAVE) if each.discarded else None
        head = heads.get(key, NEW)
        version = each.head.version
        earlier = any(o.key == key and o.head.version < version for o in waiting)
        if version <= head.version:
            fork = version == head.version and each.head.id != head.id
            if each.discarded:
                return each, Step.LEAVE
            return None if fork else (each, Step.REMOVE)
        if earlier:
            continue
        if each.discarded:
            return each, Step.PASS
        ready = isinstance(each.record, Incoming) and version == head.version + 1
        return (each, Step.APPLY) if ready else None
    return None


def next_step_alone(waiting: Sequence[Waiting], seen: set[Key]) -> tuple[Waiting, Step] | None:
    """The same where every event stands for itself."""
    for each in waiting:
        if each.discarded or isinstance(each.record, Broken):
            return each, Step.LEAVE
        return each, Step.REMOVE if key_of(each.record) in seen else Step.APPLY
    return None


class Replays:
    """Does the replays of one group's member."""

    def __init__(self, batches: Batches, decode: Decode, assignment: Assignment) -> None:
        self._batches = batches
        self._group = batches.group
        self._database = batches.database
        self._decode = decode
        self._assignment = assignment

    async def run(self) -> None:
        """Do all that is due in the partitions of this member."""
        schemas = sorted(KNOWN_SCHEMAS)
        numbers = self._assignment.numbers
        if not numbers:
            return
        async with worker_session(self._database) as connection:
            due = await driver(connection).fetch(DUE, self._group, numbers, schemas)
        for number, tenant, holder in due:
            async with self._assignment.locks[number]:
                await self._replay(tenant, holder)

    async def _replay(self, tenant: str, holder: str) -> None:
        """Bring through what `holder` has parked, as far as it goes."""
        while True:
            waiting = await self._load(tenant, holder)
            if not await self._work_off(tenant, waiting):
                break
        blocked = waiting[0].record if waiting else None
        async with self._database.session(tenant) as connection:
            conn = driver(connection)
            await conn.execute(RELEASE, tenant, self._group, holder)
            if isinstance(blocked, Broken) and blocked.reason == UNKNOWN_TYPE and blocked.envelope:
                schema = schema_of(blocked.envelope)
                await conn.execute(STILL_WAITING, tenant, self._group, holder, schema)
            else:
                await conn.execute(ANSWERED, tenant, self._group, holder)

    async def _load(self, tenant: str, holder: str) -> list[Waiting]:
        async with self._database.session(tenant) as connection:
            rows = await driver(connection).fetch(WAITING, tenant, self._group, holder, AT_ONCE)
        return [
            Waiting(row[0], read(row[1], row[2], row[3], row[5], self._decode), row[4] != "parked")
            for row in rows
        ]

    async def _work_off(self, tenant: str, waiting: list[Waiting]) -> bool:
        """Take one step after the other, removing from `waiting` what is done; whether any was."""
        done = False
        while step := await self._next(tenant, waiting):
            event, action = step
            moved = await self._take(tenant, event, action)
            if not moved and self._batches.versions:
                break
            waiting.remove(event)
            done = done or moved
        return done

    async def _next(self, tenant: str, waiting: Sequence[Waiting]) -> tuple[Waiting, Step] | None:
        keys = {each.key for each in waiting if each.key is not None}
        async with self._database.session(tenant, *(key[0] for key in keys)) as connection:
            conn = driver(connection)
            if self._batches.versions:
                return next_step(waiting, await load_heads(conn, self._group, keys))
            ids = [each.event_id for each in waiting]
            return next_step_alone(
                waiting, set(map(tuple, await conn.fetch(TAKEN, self._group, tenant, ids)))
            )

    async def _take(self, tenant: str, event: Waiting, step: Step) -> bool:
        """Do `step` in one transaction; False where the event has to go on waiting."""
        if step is Step.LEAVE and not event.discarded:
            return False
        try:
            if step is Step.APPLY and isinstance(event.record, Incoming):
                await self._apply(tenant, event, event.record)
            else:
                await self._settle(tenant, event, step)
        except HandlerFailed as failure:
            cause = failure.__cause__
            if not isinstance(cause, Exception) or is_transient(cause):
                raise Unavailable("cannot be replayed for now") from failure
            await self._note(tenant, event, reason_for(cause, tries=1))
            return False
        return True

    async def _apply(self, tenant: str, event: Waiting, record: Incoming) -> None:
        own = record.envelope.tenant
        async with self._database.session(tenant, own) as connection:
            conn = driver(connection)
            plan = await self._batches.effects(connection, [record])
            if self._batches.versions:
                await self._advance(conn, event)
            else:
                await save_seen(conn, self._group, [key_of(record)])
            await self._only_me(conn, REMOVE, tenant, event)
        await self._batches.after_commit(plan)

    async def _settle(self, tenant: str, event: Waiting, step: Step) -> None:
        """Of an event that has been applied or is given up: nothing is left to do."""
        async with self._database.session(tenant) as connection:
            conn = driver(connection)
            if step is Step.PASS:
                await self._advance(conn, event)
            await self._only_me(conn, REMOVE if step is Step.REMOVE else PASSED, tenant, event)

    async def _advance(self, conn: asyncpg.Connection, event: Waiting) -> None:
        if event.key is None:
            raise Fenced
        self._assignment.forget(event.key)
        await save_heads(conn, self._group, {event.key: event.head})

    async def _only_me(
        self, conn: asyncpg.Connection, statement: str, tenant: str, event: Waiting
    ) -> None:
        # Another worker may be at the same replay, for a moment of a rebalance.
        done = await conn.execute(statement, tenant, self._group, event.event_id)
        if done.endswith(" 0"):
            raise Fenced

    async def _note(self, tenant: str, event: Waiting, reason: Reason) -> None:
        async with self._database.session(tenant) as connection:
            await driver(connection).execute(FAILED, tenant, self._group, event.event_id, *reason)
