"""The lists of summaries: whom a reader reaches, and merged clients as one."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, TextClause, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.queries import LIVE
from services.outcomes.tables import access_clients, summaries, views

Place = tuple[str, str]
"""A place in a list of summaries: (client id, series id)."""

Within = TextClause | ColumnElement[bool]
"""The condition that a list shows only whom its reader reaches."""


class Filters(NamedTuple):
    """Which summaries are asked for; None: whatever it is."""

    status: str | None = None
    measure: str | None = None
    classification: str | None = None
    clinician_id: str | None = None


SURVIVING = func.coalesce(access_clients.c.alias_of, summaries.c.client_id).label("surviving_id")
"""Under which id a summary is shown: of merged clients, that of the one whom they became."""

SUMMARIES = select(summaries, SURVIVING).outerjoin_from(
    summaries,
    access_clients,
    and_(
        access_clients.c.tenant == summaries.c.tenant,
        access_clients.c.client_id == summaries.c.client_id,
    ),
)


async def find_clients(
    conn: AsyncConnection,
    tenant: str,
    filters: Filters,
    after: str | None,
    limit: int,
    within: Within,
) -> list[str]:
    """The ids of clients, in order, who have a summary that passes the filters; no aliases."""
    merged = select(access_clients.c.client_id).where(
        access_clients.c.tenant == tenant,
        access_clients.c.client_id == views.c.client_id,
        access_clients.c.alias_of.is_not(None),
    )
    query = (
        select(views.c.client_id)
        .where(views.c.tenant == tenant, views.c.projection == LIVE, ~merged.exists(), within)
        .order_by(views.c.client_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(views.c.client_id > after)
    if filters != Filters():
        query = query.where(_has_summary(tenant, filters))
    return list((await conn.execute(query)).scalars())


async def find_aliases(
    conn: AsyncConnection, tenant: str, client_ids: Sequence[str]
) -> Mapping[str, str]:
    """Who of others is the same person as one of these clients: that client's id by theirs.

    Without those of whom nothing may be shown.
    """
    found = await conn.execute(
        select(access_clients.c.client_id, access_clients.c.alias_of).where(
            access_clients.c.tenant == tenant,
            access_clients.c.alias_of.in_(client_ids),
            ~access_clients.c.restricted,
            access_clients.c.erased_at.is_(None),
        )
    )
    return {row.client_id: row.alias_of for row in found}


async def find_summaries_of(
    conn: AsyncConnection, tenant: str, client_ids: Sequence[str]
) -> list[Row[Any]]:
    """Every summary of these clients."""
    found = await conn.execute(
        SUMMARIES.where(
            summaries.c.tenant == tenant,
            summaries.c.projection == LIVE,
            summaries.c.client_id.in_(client_ids),
            *passing(Filters()),
        ).order_by(summaries.c.client_id, summaries.c.opened_at, summaries.c.series_id)
    )
    return list(found)


async def find_caseload(
    conn: AsyncConnection,
    tenant: str,
    filters: Filters,
    after: Place | None,
    limit: int,
    within: Within,
) -> list[Row[Any]]:
    """Summaries that pass the filters, in order of client and series, as they were written."""
    query = (
        SUMMARIES.where(
            summaries.c.tenant == tenant,
            summaries.c.projection == LIVE,
            *passing(filters),
            within,
        )
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


def _has_summary(tenant: str, filters: Filters) -> ColumnElement[bool]:
    """Whether the client of a view, or one of their aliases, has a summary that passes."""
    one = select(summaries.c.client_id).where(
        summaries.c.tenant == tenant, summaries.c.projection == LIVE, *passing(filters)
    )
    own = one.where(summaries.c.client_id == views.c.client_id)
    # Two questions, each by its index: with an OR inside, one would read every summary.
    of_alias = one.where(
        summaries.c.client_id == access_clients.c.client_id,
        access_clients.c.tenant == tenant,
        access_clients.c.alias_of == views.c.client_id,
    )
    return or_(own.exists(), of_alias.exists())
