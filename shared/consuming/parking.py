"""Parked events: how they are written, and what operators may do with them.

Operators act through the role that sees every tenant. They only ask: the worker of the partition
replays, or passes over what was discarded, in its turn, so that nothing overtakes anything.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.consuming.records import UNKNOWN_TYPE, read_envelope, schema_of
from shared.consuming.sorting import HELD, Parked
from shared.contracts import RawEnvelope
from shared.database import Database, driver
from shared.errors import NotFound

PARK = """
INSERT INTO parked (tenant, group_name, event_id, holder, type, subject, stream, version,
    topic, partition, record_offset, reason, detail, tries, raw)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (tenant, group_name, event_id) DO NOTHING
"""

HOLD = """
INSERT INTO held (tenant, group_name, holder, since, reason, stream) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, group_name, holder) DO NOTHING
"""

# Asked for while it waits for a type: now wins.
ASK = """
INSERT INTO replays (tenant, group_name, holder, partition, waiting_for)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, group_name, holder) DO UPDATE SET waiting_for = EXCLUDED.waiting_for
    WHERE EXCLUDED.waiting_for IS NULL
"""

LIST = """
SELECT tenant, group_name, event_id, seq, holder, type, stream, version, topic, partition,
    record_offset, reason, detail, tries, parked_at, status
FROM parked
WHERE status = 'parked' AND ($1::text IS NULL OR group_name = $1)
    AND ($2::text IS NULL OR tenant = $2) AND seq > $3
ORDER BY seq LIMIT $4
"""

SHOW = """
SELECT tenant, group_name, event_id, seq, holder, type, stream, version, topic, partition,
    record_offset, reason, detail, tries, parked_at, status, raw
FROM parked WHERE group_name = $1 AND event_id = $2
"""

DISCARD = """
UPDATE parked SET status = 'discarded' WHERE group_name = $1 AND event_id = $2 AND tenant = $3
"""

# Somebody is looking after it: a consumer that stopped itself may go on.
FORGIVE = "UPDATE consumer_checkpoints SET failing = 0 WHERE group_name = $1"

HELD_SINCE = """
SELECT holder, min(since) FROM held WHERE tenant = $1 AND holder = ANY($2::text[]) GROUP BY holder
"""


class ParkedEvent(msgspec.Struct, frozen=True):
    """A parked event as operators see it: what, where and why, nothing that it says.

    `stream`, `version` and `type` are None where the record could not be read.
    """

    tenant: str
    group: str
    event_id: str
    seq: int
    holder: str
    type: str | None
    stream: str | None
    version: int | None
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    tries: int
    parked_at: datetime
    status: str


async def write_parked(conn: asyncpg.Connection, group: str, parked: Sequence[Parked]) -> None:
    """Store records that wait, who is held back by them, and what waits for a newer program."""
    await conn.executemany(PARK, [_row(group, each) for each in parked])
    roots = [each for each in parked if each.reason.code != HELD]
    readable = [(each, e) for each in roots if (e := read_envelope(each.record.raw)) is not None]
    if readable:
        await conn.executemany(HOLD, [_hold(group, each, env) for each, env in readable])
    for each, envelope in readable:
        if each.reason.code == UNKNOWN_TYPE:
            partition = each.record.partition
            await ask(conn, group, each.tenant, each.holder, partition, schema_of(envelope))


async def ask(
    conn: asyncpg.Connection,
    group: str,
    tenant: str,
    holder: str,
    partition: int,
    waiting_for: str | None = None,
) -> None:
    """Ask the worker of `partition` to try again what `holder` has parked: now, or once it knows
    the schema `waiting_for`."""
    await conn.execute(ASK, tenant, group, holder, partition, waiting_for)


async def held_back_since(
    conn: AsyncConnection, tenant: str, client_ids: Iterable[str]
) -> dict[str, datetime]:
    """Which of the clients have parked events in this service, and since when (UTC) data of
    theirs is missing."""
    rows = await driver(conn).fetch(HELD_SINCE, tenant, list(client_ids))
    return {row[0]: row[1] for row in rows}


async def list_parked(
    database: Database,
    *,
    group: str | None = None,
    tenant: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[ParkedEvent]:
    """Parked events in the order in which they were parked, those after `seq` = `after`."""
    async with database.session() as conn:
        rows = await driver(conn).fetch(LIST, group, tenant, after, limit)
    return [ParkedEvent(*row) for row in rows]


async def show_parked(
    database: Database, group: str, event_id: str
) -> tuple[ParkedEvent, RawEnvelope | None]:
    """One parked event and its envelope without data (None where it cannot be read)."""
    async with database.session() as conn:
        rows = await driver(conn).fetch(SHOW, group, event_id)
    if not rows:
        raise NotFound("no such parked event")
    *columns, raw = rows[0]
    envelope = read_envelope(raw)
    masked = envelope and msgspec.structs.replace(envelope, data=msgspec.Raw(b"null"))
    return ParkedEvent(*columns), masked


async def replay(database: Database, group: str, event_id: str) -> None:
    """Ask for the event, and all that waits with it, to be tried again."""
    await _act(database, group, event_id, discard=False)


async def discard(database: Database, group: str, event_id: str) -> None:
    """Give the event up: its version counts as passed, and what waited for it goes on."""
    await _act(database, group, event_id, discard=True)


async def _act(database: Database, group: str, event_id: str, *, discard: bool) -> None:
    async with database.session() as connection:
        conn = driver(connection)
        rows = await conn.fetch(SHOW, group, event_id)
        if not rows:
            raise NotFound("no such parked event")
        for row in rows:
            event = ParkedEvent(*row[:-1])
            if discard:
                await conn.execute(DISCARD, group, event_id, event.tenant)
            await ask(conn, group, event.tenant, event.holder, event.partition)
        await conn.execute(FORGIVE, group)


def _row(group: str, parked: Parked) -> tuple[object, ...]:
    record, reason = parked.record, parked.reason
    envelope = read_envelope(record.raw) if parked.tenant else None
    return (
        parked.tenant,
        group,
        parked.event_id,
        parked.holder,
        envelope.type if envelope else None,
        envelope.subject if envelope else None,
        envelope.stream if envelope else None,
        envelope.streamversion if envelope else None,
        record.topic,
        record.partition,
        record.offset,
        reason.code,
        reason.detail,
        reason.tries,
        record.raw,
    )


def _hold(group: str, parked: Parked, envelope: RawEnvelope) -> tuple[object, ...]:
    since = min(envelope.time, datetime.now(UTC))
    return (parked.tenant, group, parked.holder, since, parked.reason.code, envelope.stream)
