"""What a group knows of its partitions and streams, read and written in SQL.

All of these run on the connection of the caller's transaction. Rows of streams are found by
scalar look-ups, one an item of an array: under the policy of tenants a plain join would read
every row of them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import asyncpg
import msgspec

from shared.consuming.sorting import ERASED, NEW, Head, Hold, Key
from shared.contracts.envelope import Header
from shared.database import array_literal
from shared.errors import HeroicError

REMEMBERED_HEADS = 5_000
"""How many heads are kept in memory, a partition (about 2 MB)."""


class Fenced(HeroicError):
    """Another worker has moved on in this partition: what was computed here must not be written."""

    code, title = "fenced", "Another worker has this partition"


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Position(msgspec.Struct):
    """Where a group stands in a partition: its checkpoint as this worker knows it."""

    group: str
    topic: str
    partition: int
    topic_id: str
    next_offset: int
    reread_until: int
    failing: int
    heads: dict[Key, Head] = {}
    """Heads as last read or written here; true as long as the checkpoint is."""

    def remember(self, heads: Mapping[Key, Head]) -> None:
        """Keep what was read or written, the most recent of it."""
        for key, head in heads.items():
            self.heads.pop(key, None)
            self.heads[key] = head
        for key in list(islice(self.heads, max(0, len(self.heads) - REMEMBERED_HEADS))):
            del self.heads[key]


ENSURE = """
INSERT INTO consumer_checkpoints (group_name, topic, partition, topic_id, next_offset)
SELECT $1, i.topic, i.partition, i.topic_id, 0
FROM unnest($2::text[], $3::int[], $4::text[]) AS i(topic, partition, topic_id)
ON CONFLICT (group_name, topic, partition) DO UPDATE
    SET topic_id = EXCLUDED.topic_id, next_offset = 0, reread_until = 0, through = NULL
    WHERE consumer_checkpoints.topic_id <> EXCLUDED.topic_id
"""

POSITIONS = """
SELECT c.topic, c.partition, c.topic_id, c.next_offset, c.reread_until, c.failing
FROM consumer_checkpoints c
WHERE c.group_name = $1 AND c.topic = ANY($2::text[]) AND c.partition = ANY($3::int[])
"""

HEADS = """
SELECT i.ord, c.version, c.last_id
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS i(tenant, stream, ord)
CROSS JOIN LATERAL (
    SELECT version, last_id FROM consumed
    WHERE tenant = i.tenant AND group_name = $1 AND stream = i.stream
    LIMIT 1
) c
"""

HOLDS = """
SELECT tenant, holder, reason, stream FROM held WHERE group_name = $1 AND tenant = ANY($2::text[])
"""

# Who is erased is among them, whatever else holds them back.
HOLDS_AND_ERASED = f"""
{HOLDS}
UNION ALL
SELECT tenant, client_id, '{ERASED}', '' FROM access_clients
WHERE tenant = ANY($2::text[]) AND client_id = ANY($3::text::text[]) AND erased_at IS NOT NULL
"""  # noqa: S608 - made of what stands above

# Never backwards: where two workers overlap for a moment, the later one finds a row that is not as
# it was. An insert finds its rows by the key, whatever the planner thinks of an unanalysed table.
SAVE_HEADS = """
INSERT INTO consumed AS c (tenant, group_name, stream, version, last_id)
SELECT i.tenant, $1, i.stream, i.version, i.last_id
FROM unnest($2::text[], $3::text[], $4::int[], $5::text[])
    AS i(tenant, stream, version, last_id)
ON CONFLICT (tenant, group_name, stream) DO UPDATE
    SET version = EXCLUDED.version, last_id = EXCLUDED.last_id
    WHERE c.version < EXCLUDED.version
"""

SET_SEEN = """
INSERT INTO seen_events (tenant, group_name, event_id)
SELECT i.tenant, $1, i.event_id FROM unnest($2::text[], $3::text[]) AS i(tenant, event_id)
"""

# What was applied, and the checkpoints, in one round trip. A checkpoint is a fence: whoever read
# another one than the one that is there writes nothing at all. `durable`: see `finish`.
FINISH = """
WITH saved AS ({save} RETURNING 1), moved AS (
    UPDATE consumer_checkpoints c
    SET next_offset = i.next_offset, reread_until = i.reread_until, failing = i.failing
    FROM unnest(${n1}::text[], ${n2}::int[], ${n3}::text[], ${n4}::bigint[],
            ${n5}::bigint[], ${n6}::bigint[], ${n7}::int[])
        AS i(topic, partition, topic_id, known, next_offset, reread_until, failing)
    WHERE c.group_name = $1 AND c.topic = i.topic AND c.partition = i.partition
        AND c.topic_id = i.topic_id AND c.next_offset = i.known
    RETURNING 1
)
SELECT (SELECT count(*) FROM saved), (SELECT count(*) FROM moved),
    set_config('synchronous_commit',
        CASE WHEN ${n8} THEN current_setting('synchronous_commit') ELSE 'off' END, true)
"""


def _finish(save: str, parameters: int) -> str:
    names = {f"n{n}": parameters + n for n in range(1, 9)}
    return FINISH.format(save=save, **names)


FINISH_HEADS, FINISH_SEEN = _finish(SAVE_HEADS, 5), _finish(SET_SEEN, 3)

SEEN = """
SELECT tenant, event_id FROM seen_events
WHERE group_name = $1 AND tenant = ANY($2::text[]) AND event_id = ANY($3::text[])
UNION ALL
SELECT tenant, event_id FROM parked
WHERE group_name = $1 AND tenant = ANY($2::text[]) AND event_id = ANY($3::text[])
"""
SEEN_OR_ERASED = f"""
{SEEN}
UNION ALL
SELECT i.tenant, i.event_id
FROM unnest($3::text[], $4::text[], $5::text[]) AS i(event_id, tenant, client_id)
WHERE EXISTS (
    SELECT FROM access_clients c
    WHERE c.tenant = i.tenant AND c.client_id = i.client_id AND c.erased_at IS NOT NULL
)
"""  # noqa: S608 - made of what stands above
PASSED = """
SELECT event_id FROM parked
WHERE group_name = $1 AND tenant = ANY($2::text[]) AND event_id = ANY($3::text[])
    AND status = 'discarded'
"""


async def load_positions(
    conn: asyncpg.Connection,
    group: str,
    partitions: Collection[Partition],
    topic_ids: Mapping[str, str],
) -> dict[Partition, Position]:
    """The checkpoints of `partitions`; one of a topic that was made anew starts from 0."""
    topics = [p.topic for p in partitions]
    numbers = [p.partition for p in partitions]
    await conn.execute(ENSURE, group, topics, numbers, [topic_ids[t] for t in topics])
    rows = await conn.fetch(POSITIONS, group, sorted(set(topics)), sorted(set(numbers)))
    found = {Partition(row[0], row[1]): Position(group, *row) for row in rows}
    return {partition: found[partition] for partition in partitions}


class Moved(NamedTuple):
    """A checkpoint after a batch."""

    next_offset: int
    reread_until: int
    failing: int


async def finish(
    conn: asyncpg.Connection,
    group: str,
    moves: Sequence[tuple[Position, Moved]],
    applied: Mapping[Key, Head] | Sequence[Key],
    *,
    durable: bool,
) -> None:
    """Record what was applied (heads, or events by themselves) and move each checkpoint on from
    its position, the last write of a transaction; or Fenced, where one is not as it was known.

    Not `durable`: a crash may take the transaction back, together with all that came after it.
    Enough where nobody was told of anything by it: its records are read again from the checkpoint.
    """
    if isinstance(applied, Mapping):
        statement, columns = FINISH_HEADS, head_columns(applied)
    else:
        statement, columns = FINISH_SEEN, [[e[0] for e in applied], [e[1] for e in applied]]
    places = [(p.topic, p.partition, p.topic_id, p.next_offset, *moved) for p, moved in moves]
    checkpoints = (list(column) for column in zip(*places, strict=True))
    try:
        saved, moved_on, _ = await conn.fetchrow(statement, group, *columns, *checkpoints, durable)
    except asyncpg.UniqueViolationError as error:
        raise Fenced from error
    if (saved, moved_on) != (len(applied), len(moves)):
        raise Fenced


async def load_heads(
    conn: asyncpg.Connection, group: str, streams: Collection[Key]
) -> dict[Key, Head]:
    """The last version that `group` applied of each of `streams` (tenant, name)."""
    keys = list(streams)
    rows = await conn.fetch(HEADS, group, [k[0] for k in keys], [k[1] for k in keys])
    heads = dict.fromkeys(keys, NEW)
    for ord_, version, last_id in rows:
        heads[keys[ord_ - 1]] = Head(version, last_id)
    return heads


async def save_heads(conn: asyncpg.Connection, group: str, heads: Mapping[Key, Head]) -> None:
    """Record what was applied; Fenced if somebody else has applied it."""
    done = await conn.execute(SAVE_HEADS, group, *head_columns(heads))
    if int(done.rpartition(" ")[2]) != len(heads):
        raise Fenced


def head_columns(heads: Mapping[Key, Head]) -> list[list[object]]:
    """`heads` as SAVE_HEADS takes them."""
    # In one order everywhere, so that two workers never wait for each other crosswise.
    keys = sorted(heads)
    return [
        [key[0] for key in keys],
        [key[1] for key in keys],
        [heads[key].version for key in keys],
        [heads[key].id for key in keys],
    ]


async def load_holds(
    conn: asyncpg.Connection,
    group: str,
    tenants: Iterable[str],
    clients: Collection[str] | None = None,
) -> dict[Key, Hold]:
    """Who of `tenants` is held back, as (tenant, holder), and who of `clients` is erased (None:
    the service keeps no tombstones)."""
    if clients is None:
        rows = await conn.fetch(HOLDS, group, list(tenants))
    else:
        asked = array_literal(sorted(clients))
        rows = await conn.fetch(HOLDS_AND_ERASED, group, list(tenants), asked)
    holds: dict[Key, Hold] = {}
    for tenant, holder, reason, stream in rows:
        if reason == ERASED or (tenant, holder) not in holds:
            holds[tenant, holder] = Hold(reason, stream)
    return holds


async def load_seen(
    conn: asyncpg.Connection,
    group: str,
    tenants: Sequence[str],
    events: Sequence[Header],
    *,
    tombstones: bool = False,
) -> set[Key]:
    """Which events (tenant, id) the group has taken or parked already; with `tombstones`, those of
    who is erased as well."""
    ids = [event.id for event in events]
    if tombstones:
        of = [event.tenant for event in events], [event.subject for event in events]
        rows = await conn.fetch(SEEN_OR_ERASED, group, tenants, ids, *of)
    else:
        rows = await conn.fetch(SEEN, group, tenants, ids)
    return {(row[0], row[1]) for row in rows}


async def save_seen(conn: asyncpg.Connection, group: str, events: Sequence[Key]) -> None:
    """Record events (tenant, id) as taken; a second worker's attempt fails on the key."""
    try:
        await conn.execute(SET_SEEN, group, [e[0] for e in events], [e[1] for e in events])
    except asyncpg.UniqueViolationError as error:
        raise Fenced from error


async def load_passed(
    conn: asyncpg.Connection, group: str, tenants: Sequence[str], ids: Sequence[str]
) -> set[str]:
    """Which of the parked events `ids` an operator has discarded."""
    rows = await conn.fetch(PASSED, group, tenants, ids)
    return {row[0] for row in rows}
