"""Executing what is due: the keys first, then the word that they are gone.

Whatever dies in between leaves a request that is `executing`; the next round does all of it again,
each step of which may be done any number of times.
"""

import asyncio
import logging
from datetime import datetime

from services.intake.claims import client_stream
from services.intake.erasure import domain, table
from services.intake.erasure.commands import append
from services.intake.erasure.domain import Standing
from services.intake.erasure.table import Due
from services.intake.people.schema import OF_CLIENTS
from shared.access.handler import AccessPlan
from shared.clock import Clock
from shared.consuming.transaction import PURGE_LOCK
from shared.contracts.intake import ClientErased
from shared.database import Database, array_literal, driver
from shared.errors import HeroicError, Unavailable
from shared.eventstore import EventStore, NewEvent, Write
from shared.ids import derived_id
from shared.privacy import Keyring
from shared.purging import forget
from shared.telemetry import describe

log = logging.getLogger(__name__)

REST_SECONDS = 1.0
AT_ONCE = 100

# How clients and those close to them sign in.
FORGET = [
    f"DELETE FROM {name} WHERE tenant = $1 AND client_id = $2"  # noqa: S608 - named by us
    for name in OF_CLIENTS
]


class Executor:
    """Looks for what is due, whoever the tenant is (`reader` sees all), and executes it."""

    def __init__(
        self,
        database: Database,
        reader: Database,
        store: EventStore,
        keyring: Keyring,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reader = reader
        self._store = store
        self._keyring = keyring
        self._clock = clock

    async def run(self) -> None:
        """Look each second until cancelled; what fails is tried again."""
        while True:
            try:
                await self.look(self._clock())
            except Unavailable as error:
                log.warning("erasures wait: %s", describe(error))
            await asyncio.sleep(REST_SECONDS)

    async def look(self, now: datetime) -> None:
        """Execute all that is due at `now`."""
        async with self._reader.session() as conn:
            found = await table.due(driver(conn), now, AT_ONCE)
        for one in found:
            try:
                await self.execute(one, now)
            except Unavailable:
                raise
            except HeroicError as error:
                # Somebody wrote of the client in the meantime, and the next round sees it; or of
                # this one something cannot be read, and the others must not wait for it.
                log.warning("erasure %s waits: %s", one.request_id, describe(error))

    async def execute(self, due: Due, now: datetime) -> None:
        """Destroy the keys of a person and say so. Nobody can refuse it any more."""
        client_id = await self._begin(due, now)
        if client_id is None:
            return
        person = await self._person(due.tenant, client_id)
        for one in person:
            await self._keyring.destroy((due.tenant, one.client_id))
        await self._tell(due, person, now)
        log.info("erasure %s executed", due.request_id)

    async def _begin(self, due: Due, now: datetime) -> str | None:
        async with self._database.session(due.tenant) as conn:
            client_id: str | None = await driver(conn).fetchval(
                table.BEGIN, due.tenant, due.request_id, now
            )
        return client_id

    async def _person(self, tenant: str, client_id: str) -> list[Standing]:
        """The client and all of their aliases, each as the stream has it."""
        [asked] = await self._standings(tenant, [client_id])
        [main] = await self._standings(tenant, [asked.alias_of or client_id])
        others = main.everybody - {main.client_id}
        return [main, *await self._standings(tenant, sorted(others))]

    async def _standings(self, tenant: str, client_ids: list[str]) -> list[Standing]:
        streams = {client_stream(one): one for one in client_ids}
        found = await self._store.read_many(tenant, list(streams)) if streams else {}
        return [domain.fold(streams[stream], events) for stream, events in found.items()]

    async def _tell(self, due: Due, person: list[Standing], now: datetime) -> None:
        """Append what has happened to every stream of the person, and forget what intake keeps.

        Raises WrongVersion where one of them has gone on: whom the person was merged with
        meanwhile belongs to it too.
        """
        tenant, request_id = due
        writes = [
            Write(
                tenant=tenant,
                appends=[append(tenant, one, [erased(request_id, one.client_id, now)])],
                correlation_id=request_id,
            )
            for one in person
            if not one.erased
        ]
        ids = sorted(one.client_id for one in person)
        identifiers = sum(one.identifiers for one in person)
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            await raw.execute(PURGE_LOCK, array_literal([tenant]))
            await self._store.write_in(conn, writes)
            plan = AccessPlan()
            for client_id in ids:
                forget(plan, tenant, said(request_id, client_id, now), FORGET)
            await plan.apply(conn)
            await raw.execute(table.EXECUTED, tenant, request_id, ids, now, identifiers)


def erased(request_id: str, client_id: str, now: datetime) -> NewEvent:
    """The event of a client whose key is gone; the same one, however often it is told."""
    return NewEvent(
        id=derived_id("erased", request_id, client_id),
        data=said(request_id, client_id, now),
    )


def said(request_id: str, client_id: str, now: datetime) -> ClientErased:
    """What has happened to a client."""
    return ClientErased(request_id=request_id, client_id=client_id, erased_at=now)
