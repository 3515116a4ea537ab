"""An organisation whose people ask for themselves, and are told of who reaches whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from shared.access import AccessHandler, access_group
from shared.clock import utc_now
from shared.consuming import Incoming
from shared.contracts import decode
from shared.contracts.people import PrincipalKind, StaffRole
from shared.database import Database, create_database, driver
from shared.eventstore import COMMAND_DEADLINE
from shared.eventstore.tail import START, tail
from shared.ids import new_id
from shared.relay import record_of
from shared.security import Principal
from shared.topics import PARTITIONS, topic
from tests.integration.intake.home import Caller, Intake
from tests.support.waiting import eventually_async

TOPIC = topic("intake")
PAGE, TELL_SECONDS = 500, 0.03
CAUGHT_UP = """
INSERT INTO consumer_checkpoints (group_name, topic, partition, topic_id, next_offset, through)
SELECT $1, $2, partition, '', 0, $4 FROM generate_series(0, $3 - 1) AS partition
ON CONFLICT (group_name, topic, partition) DO UPDATE SET through = excluded.through
"""
OPENED = "2026-01-05T09:00:00Z"


@asynccontextmanager
async def telling(intake: Intake) -> AsyncIterator[None]:
    """What intake says of access is heard by its own tables a moment later, as if by Kafka."""
    database = create_database(intake.urls.app)
    task = asyncio.create_task(_tell(intake, database))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.dispose()


async def _tell(intake: Intake, database: Database) -> None:
    handler, cursor = AccessHandler(), START
    connection = await asyncpg.connect(intake.urls.reader)
    try:
        while True:
            # As the relay says it: an id may be so much older than its commit.
            through = utc_now() - COMMAND_DEADLINE
            page = await tail(connection, cursor, PAGE)
            cursor = page.end(cursor)
            heard = [
                Incoming(TOPIC, 0, 0, raw := record_of(row, epoch=1).value, decode(raw))
                for row in page.rows
            ]
            async with database.session(*{one.envelope.tenant for one in heard}) as conn:
                await (await handler.prepare(conn, heard)).apply(conn)
                await driver(conn).execute(
                    CAUGHT_UP, access_group("intake"), TOPIC, PARTITIONS, through
                )
            await asyncio.sleep(TELL_SECONDS)
    finally:
        await connection.close()


@dataclass(frozen=True)
class Somebody:
    """One who calls: by their id, with their token."""

    id: str
    http: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        """GET a path of intake."""
        return await self.http.get(f"/intake/v1/{path}")

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST a JSON body to it."""
        return await self.http.post(f"/intake/v1/{path}", json=body or {}, headers=headers)

    async def made(self, path: str, **body: Any) -> dict[str, Any]:
        """What is new after a POST."""
        answer = await self.post(path, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def opened(self, client_id: str, **fields: Any) -> dict[str, Any]:
        """A new episode of a client."""
        body = {"client_id": client_id, "opened_at": OPENED, "kind": "individual"}
        return await self.made("episodes", **body | fields)

    async def reaches(self, path: str) -> bool:
        """Whether what is there is there for them."""
        answer = await self.get(path)
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code == 200

    async def comes_to_reach(self, path: str) -> None:
        """Wait until what is there is there for them: word of who cares is on its way."""
        await eventually_async(lambda: self.reaches(path))


@dataclass(frozen=True)
class House:
    """The organisation, with its feed."""

    intake: Intake
    caller: Caller

    @property
    def feed(self) -> Somebody:
        """Its machine."""
        return Somebody(self.caller.credentials.client_id.partition(".")[2], self.caller.http)

    def somebody(self, *roles: StaffRole) -> Somebody:
        """A member of staff of whom intake knows nothing but the token."""
        return self._signed_in("person", new_id(), roles)

    async def member(self, *roles: StaffRole) -> Somebody:
        """A member of staff who was invited."""
        person = await self.feed.made("people", name="Robin Doe", roles=list(roles))
        return self._signed_in("person", person["id"], roles)

    def oneself(self, client_id: str) -> Somebody:
        """A client who has signed in, or somebody close to one."""
        return self._signed_in("client", client_id, ())

    async def leads(self, lead: Somebody, *members: Somebody) -> None:
        """A team; once the tables of access know it."""
        body = {"name": "North", "lead_ids": [lead.id], "member_ids": [one.id for one in members]}
        answer = await self.feed.post("teams", body)
        assert answer.status_code == 201, answer.text
        await self.until(
            "SELECT count(*) = $2 FROM access_teams WHERE tenant = $1", len(members) + 1
        )

    async def until(self, query: str, *arguments: Any) -> None:
        """Wait until a query of the organisation (`$1`) says true."""
        await eventually_async(lambda: self.value(query, *arguments))

    async def value(self, query: str, *arguments: Any) -> Any:
        """What a query of the organisation (`$1`) says."""
        connection = await asyncpg.connect(self.intake.urls.reader)
        try:
            return await connection.fetchval(query, self.caller.organisation_id, *arguments)
        finally:
            await connection.close()

    async def audited(self, somebody: Somebody) -> list[tuple[str, str, str]]:
        """What somebody did to whom, and by which right, in order."""
        connection = await asyncpg.connect(self.intake.urls.reader)
        try:
            rows = await connection.fetch(
                "SELECT action, client_id, why FROM audit WHERE tenant = $1 AND principal_id = $2 "
                "ORDER BY audit_id",
                self.caller.organisation_id,
                somebody.id,
            )
        finally:
            await connection.close()
        return [tuple(row) for row in rows]

    def _signed_in(self, kind: PrincipalKind, id_: str, roles: tuple[StaffRole, ...]) -> Somebody:
        principal = Principal(
            tenant=self.caller.organisation_id,
            id=id_,
            kind=kind,
            roles=frozenset(roles),
            session=new_id(),
            csrf="c" * 32,
        )
        http = self.intake.plain()
        http.headers["Authorization"] = f"Bearer {self.intake.app.state.issuer.issue(principal)}"
        return Somebody(id_, http)
