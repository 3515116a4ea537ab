"""The list of alerts: filters and pages over their rows."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import desc, select, tuple_

from services.alerts.domain.alert import Status
from services.alerts.rows import Row, read
from services.alerts.tables import alerts
from shared.contracts.outcomes import Severity
from shared.database import Database

Place = tuple[datetime, str]
"""Where a page begins: after the alert raised at this time, with this id."""


class Filters(NamedTuple):
    """What is asked for; empty means everything."""

    status: list[Status]
    severity: list[Severity]
    rule: list[str]
    client_id: str | None = None
    assignee: str | None = None


async def list_alerts(
    database: Database, tenant: str, wanted: Filters, after: Place | None, limit: int
) -> list[Row]:
    """At most `limit` alerts of `tenant`, the newest first."""
    columns = alerts.c
    query = (
        select(columns.state, columns.raised_at, columns.changed_at, columns.assignee)
        .where(columns.tenant == tenant)
        .order_by(desc(columns.raised_at), desc(columns.alert_id))
        .limit(limit)
    )
    for column, values in (
        (columns.status, wanted.status),
        (columns.severity, wanted.severity),
        (columns.rule, wanted.rule),
    ):
        if values:
            query = query.where(column.in_(values))
    for column, value in (
        (columns.client_id, wanted.client_id),
        (columns.assignee, wanted.assignee),
    ):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(tuple_(columns.raised_at, columns.alert_id) < tuple_(*after))
    async with database.session(tenant) as conn:
        rows = (await conn.execute(query)).mappings().all()
    return [read(dict(row)) for row in rows]
