"""How a batch meets the tables: each of these is one statement, however many clients it takes.

Every statement wants its rows sorted by key: two workers that overlap for a moment then lock rows
in the same order and cannot wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.domain.summary import Summary
from shared.database import array_literal, driver
from shared.errors import Unavailable

ClientKey = tuple[str, str]
"""A client: (tenant, client id)."""


class StaleState(Unavailable):
    """Another worker wrote a client's state in the meantime: begin the batch again."""

    code, title = "stale_state", "State changed in the meantime"


class Packed(NamedTuple):
    """A client's packed state and the version of its row."""

    row_version: int
    state: bytes


class JournalRow(NamedTuple):
    """One record of a client as it came."""

    tenant: str
    client_id: str
    stream: str
    version: int
    recorded_at: datetime
    record: bytes


class SummaryRow(NamedTuple):
    """A summary and whose it is."""

    tenant: str
    client_id: str
    summary: Summary


KEY = ("text", "text")
STATE = (*KEY, "int", "bytea")
RECORD = (*KEY, "text", "int", "timestamptz", "bytea")


def unnest(kinds: Sequence[str], first: int) -> str:
    """Rows out of the parameters that `columns` makes, of which the first is `$first`."""
    arrays = (
        f"${number}::{'text::' if kind == 'text' else ''}{kind}[]"
        for number, kind in enumerate(kinds, first)
    )
    return f"unnest({', '.join(arrays)})"


def columns(given: Sequence[tuple[Any, ...]], kinds: Sequence[str]) -> list[Any]:
    """Rows as columns of these types, also where there are none."""
    found = list(zip(*given, strict=True)) or [()] * len(kinds)
    return [
        array_literal(column) if kind == "text" else column
        for kind, column in zip(kinds, found, strict=True)
    ]


# LIMIT keeps the planner from flattening this into a join that reads every row of the tenants.
LOAD_VIEWS = f"""
SELECT k.tenant, k.client_id, v.row_version, v.state
FROM {unnest(KEY, 2)} AS k (tenant, client_id)
CROSS JOIN LATERAL (
    SELECT row_version, state FROM views
    WHERE views.tenant = k.tenant AND projection = $1 AND views.client_id = k.client_id LIMIT 1
) AS v
"""  # noqa: S608 - made of types that stand above

LOAD_ASSESSOR = f"""
SELECT k.tenant, k.client_id, v.row_version, v.state
FROM {unnest(KEY, 1)} AS k (tenant, client_id)
CROSS JOIN LATERAL (
    SELECT row_version, state FROM assessor_states AS s
    WHERE s.tenant = k.tenant AND s.client_id = k.client_id LIMIT 1
) AS v
"""  # noqa: S608 - made of types that stand above

# Compare and set: a row that another worker has written since is not touched, and is missed in
# the count.
SAVE_VIEWS = f"""
INSERT INTO views (tenant, projection, client_id, row_version, state)
SELECT k.tenant, $1, k.client_id, k.row_version, k.state
FROM {unnest(STATE, 2)}
    AS k (tenant, client_id, row_version, state)
ON CONFLICT (tenant, projection, client_id)
DO UPDATE SET row_version = excluded.row_version, state = excluded.state
WHERE views.row_version = excluded.row_version - 1
"""  # noqa: S608 - made of types that stand above

SAVE_ASSESSOR = f"""
INSERT INTO assessor_states (tenant, client_id, row_version, state)
SELECT * FROM {unnest(STATE, 1)}
ON CONFLICT (tenant, client_id)
DO UPDATE SET row_version = excluded.row_version, state = excluded.state
WHERE assessor_states.row_version = excluded.row_version - 1
"""  # noqa: S608 - made of types that stand above

ADD_TO_JOURNAL = f"""
INSERT INTO journal (tenant, client_id, stream, version, recorded_at, record)
SELECT * FROM {unnest(RECORD, 1)}
"""  # noqa: S608 - made of types that stand above

SUMMARY_COLUMNS = {
    "episode_id": "text",
    "series_id": "text",
    "measure": "text",
    "rater_kind": "text",
    "rater_id": "text",
    "is_primary": "boolean",
    "status": "text",
    "clinician_id": "text",
    "clinic_id": "text",
    "opened_at": "timestamptz",
    "closed_at": "timestamptz",
    "ratings": "int",
    "baseline": "int",
    "latest": "int",
    "change": "int",
    "reliable_change": "text",
    "classification": "text",
    "late_baseline": "boolean",
    "first_rating_at": "timestamptz",
    "last_rating_at": "timestamptz",
}
_names = list(SUMMARY_COLUMNS)
SUMMARY = (*KEY, *SUMMARY_COLUMNS.values())
SAVE_SUMMARIES = f"""
INSERT INTO summaries (projection, tenant, client_id, {", ".join(_names)})
SELECT $1, k.* FROM {unnest(SUMMARY, 2)} AS k
ON CONFLICT (tenant, projection, client_id, series_id)
DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _names if name != "series_id")}
"""  # noqa: S608 - made of names that stand above

LIVE_VERSION = "SELECT version FROM projections WHERE status = 'live'"

# An hour is for open pages that were away; what a rebuild has still to catch up with stays.
PRUNE_CHANGES = """
DELETE FROM view_changes AS c
WHERE c.tenant = ANY ($1::text[]) AND c.changed_at < now() - interval '1 hour'
    AND c.xid < ALL (SELECT p.since FROM projections AS p WHERE p.status = 'building')
"""

NOTE_CHANGES = "INSERT INTO view_changes (tenant, client_ids) VALUES ($1, $2)"


async def live_version(conn: AsyncConnection) -> int:
    """The version of the projection that is read now."""
    version: int = await driver(conn).fetchval(LIVE_VERSION)
    return version


async def load_views(
    conn: AsyncConnection, version: int, keys: Sequence[ClientKey]
) -> dict[ClientKey, Packed]:
    """The views that are there."""
    found = await driver(conn).fetch(LOAD_VIEWS, version, *columns(keys, KEY))
    return {(row[0], row[1]): Packed(row[2], row[3]) for row in found}


async def load_assessor(
    conn: AsyncConnection, keys: Sequence[ClientKey]
) -> dict[ClientKey, Packed]:
    """What the assessor remembers of those clients whom it has met."""
    found = await driver(conn).fetch(LOAD_ASSESSOR, *columns(keys, KEY))
    return {(row[0], row[1]): Packed(row[2], row[3]) for row in found}


async def save_views(
    conn: AsyncConnection, version: int, views: Mapping[ClientKey, Packed]
) -> None:
    """Write states whose `row_version` follows the stored one; raises StaleState else."""
    given = columns([(*key, *packed) for key, packed in views.items()], STATE)
    complete(await driver(conn).execute(SAVE_VIEWS, version, *given), len(views))


async def save_assessor(conn: AsyncConnection, states: Mapping[ClientKey, Packed]) -> None:
    """Write states whose `row_version` follows the stored one; raises StaleState else."""
    given = columns([(*key, *packed) for key, packed in states.items()], STATE)
    complete(await driver(conn).execute(SAVE_ASSESSOR, *given), len(states))


async def add_to_journal(conn: AsyncConnection, records: Sequence[JournalRow]) -> None:
    """Keep the records as they came."""
    await driver(conn).execute(ADD_TO_JOURNAL, *columns(records, RECORD))


async def save_summaries(
    conn: AsyncConnection, version: int, summaries: Sequence[SummaryRow]
) -> None:
    """Write summaries. No compare-and-set: their clients' views have been won before."""
    if not summaries:
        return
    given = [
        (row.tenant, row.client_id, *msgspec.structs.astuple(row.summary)) for row in summaries
    ]
    await driver(conn).execute(SAVE_SUMMARIES, version, *columns(given, SUMMARY))


async def note_changes(conn: AsyncConnection, clients: Iterable[ClientKey]) -> None:
    """Say whose views this transaction changed, a row a tenant."""
    by_tenant: dict[str, list[str]] = defaultdict(list)
    for tenant, client_id in clients:
        by_tenant[tenant].append(client_id)
    await driver(conn).executemany(NOTE_CHANGES, list(by_tenant.items()))


async def prune_changes(conn: AsyncConnection, tenants: Iterable[str]) -> None:
    """Forget changes that nobody will ask for any more."""
    await driver(conn).execute(PRUNE_CHANGES, list(tenants))


def complete(status: str, expected: int) -> None:
    """Raise StaleState where a statement ("INSERT 0 12") wrote fewer rows than it was given."""
    if int(status.rsplit(" ", 1)[1]) != expected:
        raise StaleState
