"""The sample of a fit: courses of ratings out of the views, of clients who agree to service
statistics at the moment.

Open and unplanned episodes are in it: those who left are part of what is to be expected. The
ratings are the client's own; an episode whose baseline came late is left out.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.domain.reading import is_late
from services.outcomes.domain.state import ClientState, unpack
from services.outcomes.queries import LIVE, find_counted
from services.outcomes.tables import views
from shared.consuming.parking import held_back_since
from shared.database import Database
from shared.measures.expected import Course

PAGE = 500
"""Clients of one transaction."""


class Sample(NamedTuple):
    """The courses found, and how many clients were left out because they do not agree (or nobody
    may work with their data), or because data of theirs (it may be their decision) is held back."""

    courses: list[Course]
    without_consent: int
    held_back: int


async def read_sample(database: Database, tenant: str, measure: str) -> Sample:
    """Every course of `measure` in an organisation that may be used."""
    courses: list[Course] = []
    refusing = waiting = 0
    after = ""
    while True:
        async with database.session(tenant) as conn:
            states = await _states(conn, tenant, after)
            ids = list(states)
            refused = states.keys() - await find_counted(conn, tenant, ids)
            held = await held_back_since(conn, tenant, ids)
        if not states:
            return Sample(courses, refusing, waiting)
        refusing += len(refused)
        waiting += len(held.keys() - refused)
        for client_id, state in states.items():
            if client_id not in refused and client_id not in held:
                courses += courses_of(state, measure)
        after = ids[-1]


def courses_of(state: ClientState, measure: str) -> Iterator[Course]:
    """The courses of one client's own ratings with `measure`."""
    for episode_id, said in state.said.items():
        care = state.care.get(episode_id)
        if care is None or care.age_group is None:
            continue
        for series in said.series:
            if series.measure != measure or series.rater_kind != "self" or is_late(series, care):
                continue
            scores = tuple(one.total for one in series.ratings if one.total is not None)
            yield Course(episode_id, care.age_group, care.ending or "open", scores)


async def _states(conn: AsyncConnection, tenant: str, after: str) -> dict[str, ClientState]:
    found = await conn.execute(
        select(views.c.client_id, views.c.state)
        .where(views.c.tenant == tenant, views.c.projection == LIVE, views.c.client_id > after)
        .order_by(views.c.client_id)
        .limit(PAGE)
    )
    return {row.client_id: unpack(row.state) for row in found}
