"""Group `alerts.access`: who may what, and with it whose the open alerts are, in one transaction.

Whose an alert is follows from the tables of access whenever somebody asks (`alert_owner`), so it
moves in the transaction in which they change. What is added here is the word of it: an
`AlertAssigned` on each open alert that goes to somebody else, for its history and for whoever
listens.

The words are appended after the tables are written, as in no other batch: whose the alerts are
then is the database's to say. What keeps the order of a stream is the store's own check: a head
that a later transaction has written is stale, and the batch is tried again.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alerts.bell import Bell
from services.alerts.domain.alert import Alert, alert_stream, evolve, fold
from services.alerts.rows import Key, decode, save_alerts
from services.alerts.writing import Decided, writes_of
from shared.access.handler import AccessPlan, take
from shared.consuming import Incoming
from shared.contracts import Event, Recorded
from shared.contracts.alerts import AlertAssigned
from shared.contracts.intake import (
    CareTeamChanged,
    ClientsMerged,
    ClientsUnmerged,
    EpisodeOpened,
    EpisodeTransferred,
)
from shared.contracts.people import (
    PersonDeactivated,
    PersonInvited,
    RoleGranted,
    RoleRevoked,
    TeamFormed,
)
from shared.database import driver
from shared.eventstore import EventStore, Write
from shared.privacy import leave_sealed

# The open alerts of some clients, and of those for whom some people, or members of the teams that
# they lead, care or once cared; each with whose it is now.
OPEN = """
SELECT a.*, alert_owner(a.tenant, a.client_id, a.episode_id) AS owner, a.version < (
        SELECT version FROM streams WHERE tenant = a.tenant AND stream = 'alert-' || a.alert_id
    ) AS behind
FROM (
    SELECT i.tenant, same.id FROM unnest($1::text[], $2::text[]) AS i(tenant, client_id)
    CROSS JOIN LATERAL access_same(i.tenant, i.client_id) AS same(id)
    UNION
    SELECT i.tenant, same.id FROM unnest($3::text[], $4::text[]) AS i(tenant, person_id)
    CROSS JOIN LATERAL access_carers(i.tenant, i.person_id, true) AS carer(id)
    JOIN access_care AS c ON c.tenant = i.tenant AND c.person_id = carer.id
    CROSS JOIN LATERAL access_same(c.tenant, c.client_id) AS same(id)
) AS asked(tenant, client_id)
CROSS JOIN LATERAL (
    SELECT tenant, alert_id, client_id, episode_id, version, state FROM alerts
    WHERE tenant = asked.tenant AND client_id = asked.client_id
        AND status NOT IN ('resolved', 'withdrawn')
    OFFSET 0
) AS a
ORDER BY a.tenant, a.alert_id
"""

OWNERS = """
SELECT alert_owner(i.tenant, i.client_id, i.episode_id) AS owner
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
    AS i(tenant, client_id, episode_id, ord)
ORDER BY i.ord
"""

INVITED = """
INSERT INTO staff (tenant, person_id, roles) VALUES ($1, $2, $3)
ON CONFLICT (tenant, person_id) DO UPDATE SET roles = EXCLUDED.roles
"""
GRANTED = """
INSERT INTO staff AS s (tenant, person_id, roles) VALUES ($1, $2, ARRAY[$3::text])
ON CONFLICT (tenant, person_id) DO UPDATE SET roles = array_append(array_remove(s.roles, $3), $3)
"""
REVOKED = """
INSERT INTO staff AS s (tenant, person_id, roles) VALUES ($1, $2, '{}')
ON CONFLICT (tenant, person_id) DO UPDATE SET roles = array_remove(s.roles, $3)
"""


class Held(NamedTuple):
    """An open alert, and whose it was before this batch."""

    tenant: str
    alert: Alert
    owner: str | None


class OwnershipPlan(AccessPlan):
    """The statements of a batch, and the open alerts that they may give to somebody else.

    `causes`: the last event about each client or person (tenant, id).
    """

    def __init__(self, store: EventStore, bell: Bell) -> None:
        super().__init__()
        self.writes: list[Write] = []
        self.held: list[Held] = []
        self.causes: dict[Key, Recorded[Event]] = {}
        self._store = store
        self._bell = bell
        self._is_live = False

    async def apply(self, conn: AsyncConnection) -> None:
        """Run the statements, and say of each alert whose it is since."""
        await super().apply(conn)
        owners = await owners_of(driver(conn), [(one.tenant, one.alert) for one in self.held])
        moved = [
            (one.tenant, self._move(one, owner))
            for one, owner in zip(self.held, owners, strict=True)
            if owner != one.owner
        ]
        for tenant, decided in moved:
            self.writes += writes_of(tenant, [decided])
        await self._store.write_in(conn, self.writes)
        await save_alerts(driver(conn), ((tenant, decided.alert) for tenant, decided in moved))
        self._is_live = any(not decided.alert.historical for _, decided in moved)

    def _move(self, held: Held, owner: str | None) -> Decided:
        alert = held.alert
        event = AlertAssigned(**alert.about, to=owner, by_rule=True)
        cause = self._cause(held.tenant, alert.series.client_id)
        return Decided(
            event,
            evolve(alert, event),
            str(alert.version),
            cause.id,
            cause.correlation_id,
            cause.traceparent,
        )

    def _cause(self, tenant: str, client_id: str) -> Recorded[Event]:
        """The event about the client, else the last one of the organisation."""
        of_tenant = [one for (of, _), one in self.causes.items() if of == tenant]
        return self.causes.get((tenant, client_id)) or of_tenant[-1]

    async def committed(self) -> None:
        """Wake the streams where somebody is to be told."""
        if self._is_live:
            self._bell.ring()


class OwnershipHandler:
    """Keeps the tables of access, and whose the open alerts are."""

    def __init__(self, store: EventStore, bell: Bell) -> None:
        self._store = store
        self._bell = bell

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> OwnershipPlan:
        """The statements that `events` of intake lead to, and the alerts that they may move."""
        plan = OwnershipPlan(self._store, self._bell)
        clients: set[Key] = set()
        people: set[Key] = set()
        for one in (leave_sealed(incoming.envelope) for incoming in events):
            take(plan, one)
            take_staff(plan, one)
            of_clients, of_people = concerned(one)
            clients |= of_clients
            people |= of_people
            plan.causes |= dict.fromkeys(of_clients | of_people, one)
        if clients or people:
            plan.held = await self._open(conn, sorted(clients), sorted(people))
        return plan

    async def _open(
        self, conn: AsyncConnection, clients: Sequence[Key], people: Sequence[Key]
    ) -> list[Held]:
        keys = [[key[n] for key in keys] for keys in (clients, people) for n in (0, 1)]
        held = []
        for row in await driver(conn).fetch(OPEN, *keys):
            tenant, alert = row["tenant"], decode(row["state"])
            if row["behind"]:
                # Its process died between a command's event and its row.
                told = await self._store.read_in(conn, tenant, alert_stream(alert.id))
                alert = fold(one.data for one in told)
            if not alert.ended:
                held.append(Held(tenant, alert, row["owner"]))
        return held


def concerned(one: Recorded[Event]) -> tuple[set[Key], set[Key]]:
    """Whose alerts an event may move: of which clients, and of those of which people."""
    tenant, data = one.tenant, one.data
    clients: Iterable[str] = ()
    people: Iterable[str] = ()
    match data:
        case ClientsMerged(client_id=client_id, into=other):
            clients = client_id, other
        case ClientsUnmerged(client_id=client_id, was=other):
            clients = client_id, other
        case EpisodeOpened() | EpisodeTransferred() | CareTeamChanged():
            clients = (data.client_id,)
        case PersonDeactivated() | RoleGranted() | RoleRevoked():
            people = (data.person_id,)
        case TeamFormed():
            people = *data.lead_ids, *data.member_ids
    return {(tenant, each) for each in clients}, {(tenant, each) for each in people}


def take_staff(plan: AccessPlan, one: Recorded[Event]) -> None:
    """Take in which roles somebody has."""
    match one.data:
        case PersonInvited(person_id=person_id, roles=roles):
            plan.add(INVITED, one.tenant, person_id, roles)
        case RoleGranted(person_id=person_id, role=role):
            plan.add(GRANTED, one.tenant, person_id, role)
        case RoleRevoked(person_id=person_id, role=role):
            plan.add(REVOKED, one.tenant, person_id, role)


async def owners_of(
    conn: asyncpg.Connection, alerts: Sequence[tuple[str, Alert]]
) -> list[str | None]:
    """Whose each alert (tenant, alert) is, as the tables of access stand; None: nobody is left."""
    if not alerts:
        return []
    series = [alert.series for _, alert in alerts]
    rows = await conn.fetch(
        OWNERS,
        [tenant for tenant, _ in alerts],
        [one.client_id for one in series],
        [one.episode_id for one in series],
    )
    return [row["owner"] for row in rows]
