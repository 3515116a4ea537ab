"""The list of alerts: who may see them, filters, and pages over their rows."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, desc, func, select, text, tuple_

from services.alerts.domain.alert import Status
from services.alerts.domain.severity import LADDER
from services.alerts.reaching import within
from services.alerts.rows import Row, read
from services.alerts.tables import OPEN, alerts
from shared.contracts.outcomes import Severity
from shared.database import Database, driver
from shared.security import Principal
from shared.security.policy import Permission

Place = tuple[datetime, str]
"""Where a page begins: after the alert raised at this time, with this id."""


class Filters(NamedTuple):
    """What is asked for; empty means everything."""

    status: list[Status]
    severity: list[Severity]
    rule: list[str]
    client_id: str | None = None
    assignee: str | None = None
    ownerless: bool | None = None


# Of each alert it is asked whose it is, so of few: of clients for whom that person, or a member of
# a team that they lead, cares or once cared. A CASE: a plan asks conditions in any order.
OWNED = text("""
CASE WHEN alerts.client_id IN (
    SELECT access_same(a.tenant, a.client_id) FROM access_care AS a
    WHERE a.tenant = :owner_tenant
        AND a.person_id IN (SELECT access_carers(:owner_tenant, :owner, true))
) THEN alert_owner(alerts.tenant, alerts.client_id, alerts.episode_id) = :owner ELSE false END
""")
OWNERLESS = text(f"""
CASE WHEN alerts.{OPEN}
    THEN alert_owner(alerts.tenant, alerts.client_id, alerts.episode_id) IS NULL ELSE false
END = :ownerless
""")


# An owner is asked for once an episode.
COUNTS = f"""
SELECT severity, sum(alerts)::int AS alerts,
    (sum(alerts) FILTER (WHERE alert_owner($1, client_id, episode_id) IS NULL))::int AS ownerless
FROM (
    SELECT client_id, episode_id, severity, count(*) AS alerts FROM alerts
    WHERE tenant = $1 AND {OPEN}
        AND (client_id IN (SELECT access_closed($1, false))) IS NOT TRUE
    GROUP BY client_id, episode_id, severity
) AS of_episode
GROUP BY severity
"""  # noqa: S608 - a constant of ours


async def count_open(database: Database, tenant: str) -> tuple[dict[Severity, int], int]:
    """How many alerts are open, by severity, and how many of them are nobody's."""
    async with database.session(tenant) as conn:
        rows = await driver(conn).fetch(COUNTS, tenant)
    found: dict[Severity, int] = dict.fromkeys(reversed(LADDER), 0)
    found |= {row["severity"]: row["alerts"] for row in rows}
    return found, sum(row["ownerless"] or 0 for row in rows)


async def list_alerts(
    database: Database,
    principal: Principal,
    permission: Permission,
    wanted: Filters,
    after: Place | None,
    limit: int,
) -> list[Row]:
    """At most `limit` alerts that `principal` reaches within `permission`, the newest first."""
    columns = alerts.c
    query = (
        select(columns.state, columns.raised_at, columns.changed_at)
        .where(columns.tenant == principal.tenant, within(principal, permission))
        .where(*_conditions(principal.tenant, wanted))
        .order_by(desc(columns.raised_at), desc(columns.alert_id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(columns.raised_at, columns.alert_id) < tuple_(*after))
    async with database.session(principal.tenant) as conn:
        rows = (await conn.execute(query)).mappings().all()
    return [read(dict(row)) for row in rows]


def _conditions(tenant: str, wanted: Filters) -> list[ColumnElement[bool]]:
    columns = alerts.c
    found: list[ColumnElement[bool]] = [
        column.in_(values)
        for column, values in (
            (columns.status, wanted.status),
            (columns.severity, wanted.severity),
            (columns.rule, wanted.rule),
        )
        if values
    ]
    if wanted.client_id is not None:
        # Merged clients are one: either id shows the alerts of both.
        found.append(columns.client_id.in_(select(func.access_same(tenant, wanted.client_id))))
    if wanted.assignee is not None:
        found.append(and_(OWNED.bindparams(owner_tenant=tenant, owner=wanted.assignee)))
    if wanted.ownerless is not None:
        found.append(and_(OWNERLESS.bindparams(ownerless=wanted.ownerless)))
    return found
