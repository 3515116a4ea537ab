"""What the HTTP calls read: views, their notes out of the journal, and summaries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.domain.fold import evolve
from services.outcomes.domain.state import ClientState, unpack
from services.outcomes.opening import open_used
from services.outcomes.tables import journal, projections, summaries, views
from shared.contracts import Event, Recorded, decode
from shared.contracts.feedback import RatingCorrected, RatingSubmitted
from shared.privacy import Keyring

LIVE = select(projections.c.version).where(projections.c.status == "live").scalar_subquery()

Place = tuple[str, str]
"""A place in a list of summaries: (client id, series id)."""


class StoredView(NamedTuple):
    """A client's state, and how often it has changed."""

    state: ClientState
    row_version: int


class Filters(NamedTuple):
    """Which summaries are asked for; None: whatever it is."""

    status: str | None = None
    measure: str | None = None
    classification: str | None = None
    clinician_id: str | None = None


async def find_view(conn: AsyncConnection, tenant: str, client_id: str) -> StoredView | None:
    """The view as it is now; None where there is no such client."""
    found = await conn.execute(
        select(views.c.state, views.c.row_version).where(
            views.c.tenant == tenant, views.c.projection == LIVE, views.c.client_id == client_id
        )
    )
    row = found.one_or_none()
    return None if row is None else StoredView(unpack(row.state), row.row_version)


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


def notes_of(events: Sequence[Recorded[Event]]) -> dict[str, str]:
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


async def find_clients(
    conn: AsyncConnection, tenant: str, filters: Filters, after: str | None, limit: int
) -> list[str]:
    """The ids of clients, in order, who have a summary that passes the filters."""
    query = (
        select(views.c.client_id)
        .where(views.c.tenant == tenant, views.c.projection == LIVE)
        .order_by(views.c.client_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(views.c.client_id > after)
    if filters != Filters():
        query = query.where(
            select(summaries.c.client_id)
            .where(
                summaries.c.tenant == tenant,
                summaries.c.projection == LIVE,
                summaries.c.client_id == views.c.client_id,
                *passing(filters),
            )
            .exists()
        )
    return list((await conn.execute(query)).scalars())


async def find_summaries_of(
    conn: AsyncConnection, tenant: str, client_ids: Sequence[str]
) -> list[Row[Any]]:
    """Every summary of these clients."""
    found = await conn.execute(
        select(summaries)
        .where(
            summaries.c.tenant == tenant,
            summaries.c.projection == LIVE,
            summaries.c.client_id.in_(client_ids),
            *passing(Filters()),
        )
        .order_by(summaries.c.client_id, summaries.c.opened_at, summaries.c.series_id)
    )
    return list(found)


async def find_caseload(
    conn: AsyncConnection, tenant: str, filters: Filters, after: Place | None, limit: int
) -> list[Row[Any]]:
    """Summaries that pass the filters, in order of client and series."""
    query = (
        select(summaries)
        .where(summaries.c.tenant == tenant, summaries.c.projection == LIVE, *passing(filters))
        .order_by(summaries.c.client_id, summaries.c.series_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(summaries.c.client_id, summaries.c.series_id) > after)
    return list(await conn.execute(query))


def passing(filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions of `filters`; a series without ratings passes none."""
    wanted = [
        summaries.c[name] == value for name, value in filters._asdict().items() if value is not None
    ]
    return [summaries.c.ratings > 0, *wanted]
