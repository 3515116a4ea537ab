"""The tables of access on a real database, told by hand what intake says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from deploy.setup.databases import DatabaseUrls
from shared.access import Access
from shared.access.handler import AccessPlan, take
from shared.contracts import Event, Recorded
from shared.contracts.intake import (
    CareMember,
    CareTeamChanged,
    ClientRegistered,
    ClientsMerged,
    EpisodeOpened,
)
from shared.contracts.people import StaffRole, TeamFormed
from shared.database import Database, driver
from shared.ids import new_id
from shared.security import Principal

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)

TABLES = (
    "access_principals",
    "access_ended_sessions",
    "access_teams",
    "access_care",
    "access_clients",
    "access_consents",
    "access_consent_defaults",
    "access_related",
)

Story = list[tuple[str, Event]]
"""What is said, as (stream, event), in the order in which it is said."""


@dataclass
class Home:
    """One organisation's tables; `versions` is where each stream stands."""

    urls: DatabaseUrls
    database: Database
    access: Access
    tenant: str = field(default_factory=new_id)
    versions: dict[str, int] = field(default_factory=dict)

    def another(self) -> "Home":
        """Another organisation on the same database."""
        return Home(self.urls, self.database, self.access)

    def recorded(self, stream: str, data: Event, at: datetime = START) -> Recorded[Event]:
        """An event as it comes, the next of its stream."""
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        return Recorded(
            id=new_id(),
            tenant=self.tenant,
            subject=self.tenant,
            stream=stream,
            version=version,
            recorded_at=at + version * timedelta(seconds=1),
            epoch=1,
            position=1,
            correlation_id=new_id(),
            causation_id=None,
            traceparent=None,
            data=data,
        )

    async def hear(self, *story: tuple[str, Event], at: datetime = START) -> None:
        """Take in what is said, in one batch."""
        await self.apply([self.recorded(stream, data, at) for stream, data in story])

    async def apply(self, events: Sequence[Recorded[Event]]) -> None:
        """One batch in a transaction of its own."""
        plan = AccessPlan()
        for event in events:
            take(plan, event)
        async with self.database.session(self.tenant) as conn:
            await plan.apply(conn)

    async def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the organisation without its id, in a fixed order."""
        found = {}
        async with self.database.session(self.tenant) as conn:
            for table in TABLES:
                rows = await driver(conn).fetch(f"SELECT * FROM {table}")  # noqa: S608
                found[table] = sorted((tuple(row)[1:] for row in rows), key=repr)
        return found

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """What a query finds as the application."""
        async with self.database.session(self.tenant) as conn:
            found: list[asyncpg.Record] = await driver(conn).fetch(query, *arguments)
        return found

    def person(self, role: StaffRole, id_: str | None = None) -> Principal:
        """Somebody of the staff, with one role."""
        return Principal(
            tenant=self.tenant, id=id_ or new_id(), kind="person", roles=frozenset({role})
        )

    def client(self, id_: str) -> Principal:
        """A client who has signed in, or somebody related to one."""
        return Principal(tenant=self.tenant, id=id_, kind="client")

    def machine(self, *scopes: str) -> Principal:
        """An integration."""
        return Principal(
            tenant=self.tenant, id=new_id(), kind="integration", scopes=frozenset(scopes)
        )


def registered(client_id: str) -> tuple[str, Event]:
    """Somebody is in care."""
    return f"client-{client_id}", ClientRegistered(client_id=client_id, private=None)


def opened(episode_id: str, client_id: str, clinician_id: str | None) -> tuple[str, Event]:
    """A course of care begins with somebody who leads it."""
    return f"episode-{episode_id}", EpisodeOpened(
        episode_id=episode_id,
        client_id=client_id,
        age_group="adult",
        opened_at=START,
        clinician_id=clinician_id,
    )


def care_team(episode_id: str, client_id: str, *members: CareMember) -> tuple[str, Event]:
    """Who cares from now on."""
    return f"episode-{episode_id}", CareTeamChanged(
        episode_id=episode_id, client_id=client_id, members=list(members)
    )


def merged(client_id: str, into: str) -> tuple[str, Event]:
    """A client is an alias from now on."""
    return f"client-{client_id}", ClientsMerged(client_id=client_id, into=into)


def team(organisation_id: str, team_id: str, lead: str, *members: str) -> tuple[str, Event]:
    """A team as it stands."""
    return f"organisation-{organisation_id}", TeamFormed(
        team_id=team_id, name="Team", lead_ids=[lead], member_ids=list(members)
    )
