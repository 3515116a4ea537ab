"""Which alerts somebody reaches: those of the clients whom they reach; and where nobody is left who
cares for a client, the open ones are for who leads the team of whoever cared last."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, or_, text

from services.alerts.domain.alert import Alert
from services.alerts.tables import OPEN
from shared.access import Access, Reached
from shared.access.reach import reachable
from shared.database import Database, driver
from shared.errors import NotFound
from shared.security import Principal
from shared.security.policy import Permission

UNKNOWN = "There is no such alert."

LEFT = text(f"""
alerts.{OPEN} AND alerts.client_id IN (SELECT alert_orphans_of(:access_tenant, :access_person))
AND (alerts.client_id IN (SELECT access_closed(:access_tenant, true))) IS NOT TRUE
""")

IS_LEFT = f"""
SELECT access_agrees($1, alerts.client_id, 'supervision') FROM alerts
WHERE tenant = $1 AND alert_id = $3 AND {
    LEFT.text.replace(":access_tenant", "$1").replace(":access_person", "$2")
}
"""  # noqa: S608 - a constant of ours

# Of these clients those whose words somebody may read: whom they care for, and who agree.
WORDED = """
SELECT i.id FROM unnest($3::text[]) AS i(id)
WHERE access_agrees($1, i.id, 'supervision') OR EXISTS (
    SELECT FROM access_care AS a
    WHERE a.tenant = $1 AND a.client_id IN (SELECT access_same($1, i.id)) AND a.person_id = $2
        AND (a.since IS NULL OR a.since <= now()) AND (a.until IS NULL OR a.until > now())
)
"""


class Reach:
    """Who reaches which alerts."""

    def __init__(self, database: Database, access: Access) -> None:
        self._database = database
        self._access = access

    async def of(self, principal: Principal, permission: Permission, alert: Alert) -> Reached:
        """Why `principal` reaches `alert` within `permission`.

        Raises NotFound, worded as for an alert that is not there, Gone, Restricted, and
        ConsentWithheld for a machine, also where it would act: an answer tells how severe it is.
        """
        try:
            return await self._access.look(principal, permission, alert.series.client_id)
        except NotFound:
            reached = None
            if "team" in principal.reach(permission):
                reached = await self._left(principal, alert)
            if reached is None:
                raise NotFound(UNKNOWN) from None
            return reached

    async def _left(self, principal: Principal, alert: Alert) -> Reached | None:
        async with self._database.session(principal.tenant) as conn:
            agrees = await driver(conn).fetchval(IS_LEFT, principal.tenant, principal.id, alert.id)
        return None if agrees is None else Reached("team", names=agrees, words=agrees)

    async def worded(
        self, principal: Principal, permission: Permission, client_ids: Collection[str]
    ) -> set[str]:
        """Those of the clients, all of them within reach, whose words `principal` may read."""
        if "team" not in principal.reach(permission):
            return set(client_ids)
        async with self._database.session(principal.tenant) as conn:
            rows = await driver(conn).fetch(
                WORDED, principal.tenant, principal.id, sorted(client_ids)
            )
        return {row["id"] for row in rows}


def within(principal: Principal, permission: Permission) -> ColumnElement[bool]:
    """The condition that an alert of the list is within reach."""
    reached = reachable(principal, permission, "alerts.client_id")
    if "team" not in principal.reach(permission):
        return and_(reached)
    left = LEFT.bindparams(access_tenant=principal.tenant, access_person=principal.id)
    return or_(and_(reached), and_(left))
