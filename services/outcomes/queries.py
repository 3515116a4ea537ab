"""What the HTTP calls read of one client: views, and their notes out of the journal."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.domain.fold import evolve
from services.outcomes.domain.state import ClientState, unpack
from services.outcomes.opening import open_used
from services.outcomes.tables import journal, projections, views
from shared.access.reach import agreeing
from shared.contracts import Event, Recorded, decode
from shared.contracts.feedback import RatingCorrected, RatingSubmitted
from shared.database import driver
from shared.privacy import Keyring

LIVE = select(projections.c.version).where(projections.c.status == "live").scalar_subquery()

SAME = """
SELECT same.id FROM access_same($1, $2) AS same(id)
WHERE NOT EXISTS (
    SELECT FROM access_clients
    WHERE tenant = $1 AND client_id = same.id AND (restricted OR erased_at IS NOT NULL)
)
ORDER BY same.id = coalesce((
    SELECT alias_of FROM access_clients WHERE tenant = $1 AND client_id = $2
), $2) DESC, same.id
"""
CLOSED = "SELECT access_closed($1, true)"


class StoredView(NamedTuple):
    """A client's state, and how often it has changed."""

    state: ClientState
    row_version: int


async def find_view(conn: AsyncConnection, tenant: str, client_id: str) -> StoredView | None:
    """The view as it is now; None where there is no such client."""
    found = await conn.execute(
        select(views.c.state, views.c.row_version).where(
            views.c.tenant == tenant, views.c.projection == LIVE, views.c.client_id == client_id
        )
    )
    row = found.one_or_none()
    return None if row is None else StoredView(unpack(row.state), row.row_version)


async def find_same(conn: AsyncConnection, tenant: str, client_id: str) -> list[str]:
    """Everybody who is the same person as the client: the surviving one first, then aliases.

    Without those of whom nothing may be shown.
    """
    rows = await driver(conn).fetch(SAME, tenant, client_id)
    return [row["id"] for row in rows]


async def find_counted(conn: AsyncConnection, tenant: str, ids: Iterable[str]) -> set[str]:
    """Those of the clients who may be counted: they agree to service statistics, all merged into
    one of them do, and nobody has to leave their data alone."""
    raw = driver(conn)
    closed = {row[0] for row in await raw.fetch(CLOSED, tenant)}
    return await agreeing(raw, tenant, ids, "service_statistics") - closed


async def find_views(
    conn: AsyncConnection, tenant: str, ids: Sequence[str]
) -> dict[str, StoredView]:
    """The views of these clients that there are, in the order of `ids`."""
    found = {one: await find_view(conn, tenant, one) for one in ids}
    return {one: stored for one, stored in found.items() if stored is not None}


async def find_records(
    conn: AsyncConnection, tenant: str, client_id: str, *, until: datetime
) -> list[bytes]:
    """The client's records that had been recorded at `until`, stream by stream."""
    found = await conn.execute(
        select(journal.c.record)
        .where(
            journal.c.tenant == tenant,
            journal.c.client_id == client_id,
            journal.c.recorded_at <= until,
        )
        .order_by(journal.c.stream, journal.c.version)
    )
    return list(found.scalars())


async def find_note_records(
    conn: AsyncConnection, tenant: str, client_id: str, state: ClientState
) -> list[bytes]:
    """The records that carry the notes which count in `state`."""
    places = [
        (f"feedback-{episode_id}", rating.note_version)
        for episode_id, said in state.said.items()
        for series in said.series
        for rating in series.ratings
        if rating.note_version
    ]
    if not places:
        return []
    found = await conn.execute(
        select(journal.c.record).where(
            journal.c.tenant == tenant,
            journal.c.client_id == client_id,
            tuple_(journal.c.stream, journal.c.version).in_(places),
        )
    )
    return list(found.scalars())


async def open_records(records: Sequence[bytes], keyring: Keyring) -> list[Recorded[Event]]:
    """Records of the journal, opened; their private parts are None if the client is erased."""
    return await open_used([decode(record) for record in records], keyring)


def fold_events(events: Sequence[Recorded[Event]]) -> ClientState:
    """The state that these events of one client lead to."""
    state = ClientState()
    for event in events:
        evolve(state, event)
    return state


def notes_of(events: Iterable[Recorded[Event]]) -> dict[str, str]:
    """The words that came with ratings, by rating id; of several the last one."""
    notes: dict[str, str] = {}
    for event in events:
        data = event.data
        if not isinstance(data, RatingSubmitted | RatingCorrected) or data.private is None:
            continue
        notes.pop(data.rating_id, None)
        if data.private.note is not None:
            notes[data.rating_id] = data.private.note
    return notes
