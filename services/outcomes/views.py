"""Reading views: now, as known at a time, and not before they are as new as was asked for."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes import queries
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.state import ClientState
from services.outcomes.library import Library
from services.outcomes.queries import Filters, Place, StoredView
from shared.consuming.arrival import arrived
from shared.consuming.parking import held_back_since
from shared.database import Database, driver
from shared.errors import FieldError, Invalid, NotFound, NotYetHere
from shared.eventstore.position import Position, decode_position, encode_position
from shared.privacy import Keyring

GROUP = "outcomes.views"
WAIT_SECONDS = 2.0
POLL_SECONDS = 0.02
SOURCES = {"intake", "feedback", "outcomes"}

REACHED = """
SELECT version FROM consumed WHERE tenant = $1 AND group_name = $2 AND stream = $3
"""
IS_PARKED = """
SELECT EXISTS (
    SELECT FROM parked
    WHERE tenant = $1 AND group_name = $2 AND stream = $3 AND version >= $4 AND status = 'parked'
)
"""

OWN = "client-"
"""How the positions of views begin: `client-<id>` of outcomes, counted by changes of the row."""


class FoundView(NamedTuple):
    """A client's state with the words that belong to it, and how whole it is."""

    state: ClientState
    notes: dict[str, str]
    position: str
    held_back_since: datetime | None
    standards: Standards


class FoundClient(NamedTuple):
    """A client and the rows of their summaries."""

    client_id: str
    held_back_since: datetime | None
    summaries: Sequence[Row[Any]]


class Views:
    """The views and summaries of one service's database."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._library = Library(keyring)

    async def now(self, tenant: str, client_id: str) -> FoundView:
        """The view as it is; NotFound, or NotYetHere where word of the client is on its way."""
        stored = await self._find(tenant, client_id)
        if stored is None:
            stored = await arrived(
                self._database,
                group=GROUP,
                service="intake",
                id=client_id,
                lookup=lambda: self._find(tenant, client_id),
            )
        if stored is None:
            raise NotFound("There is no such client.")
        async with self._database.session(tenant) as conn:
            records = await queries.find_note_records(conn, tenant, client_id, stored.state)
            held = await held_back_since(conn, tenant, [client_id])
            standards = await self._library.of(conn, tenant)
        notes = queries.notes_of(await queries.open_records(records, self._keyring))
        position = position_of(client_id, stored)
        return FoundView(stored.state, notes, position, held.get(client_id), standards)

    async def at(self, tenant: str, client_id: str, moment: datetime) -> FoundView:
        """The view as it was known at `moment`; NotFound where the client was not known then."""
        async with self._database.session(tenant) as conn:
            stored = await queries.find_view(conn, tenant, client_id)
            records = await queries.find_records(conn, tenant, client_id, until=moment)
            held = await held_back_since(conn, tenant, [client_id])
            standards = await self._library.of(conn, tenant)
        if stored is None or not records:
            raise NotFound("There was no such client then.")
        events = await queries.open_records(records, self._keyring)
        return FoundView(
            queries.fold_events(events),
            queries.notes_of(events),
            position_of(client_id, stored),
            held.get(client_id),
            standards,
        )

    async def reached(self, tenant: str, text: str) -> None:
        """Wait until the views hold what `text`, the position of a write, names; or NotYetHere."""
        position = decode_position(text)
        if position.service not in SOURCES:
            raise Invalid("Views are not made of what this position belongs to.")
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while not await self._holds(tenant, position):
            if asyncio.get_running_loop().time() > deadline:
                raise NotYetHere
            await asyncio.sleep(POLL_SECONDS)

    async def clients(
        self, tenant: str, filters: Filters, after: str | None, limit: int
    ) -> list[FoundClient]:
        """Clients in order of their ids, each with every summary of theirs.

        Raises Invalid for a measure that the organisation does not have.
        """
        async with self._database.session(tenant) as conn:
            await self._check(conn, tenant, filters)
            ids = await queries.find_clients(conn, tenant, filters, after, limit)
            rows = await queries.find_summaries_of(conn, tenant, ids)
            held = await held_back_since(conn, tenant, ids)
        by_client: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in rows:
            by_client[row.client_id].append(row)
        return [FoundClient(one, held.get(one), by_client[one]) for one in ids]

    async def caseload(
        self, tenant: str, filters: Filters, after: Place | None, limit: int
    ) -> list[Row[Any]]:
        """Summaries in order of client and series; raises Invalid as `clients` does."""
        async with self._database.session(tenant) as conn:
            await self._check(conn, tenant, filters)
            return await queries.find_caseload(conn, tenant, filters, after, limit)

    async def _check(self, conn: AsyncConnection, tenant: str, filters: Filters) -> None:
        if filters.measure is None:
            return
        standards = await self._library.of(conn, tenant)
        if not standards.knows(filters.measure):
            detail = "There is no such measure."
            raise Invalid(errors=[FieldError("/measure", detail, "unknown_measure")])

    async def _find(self, tenant: str, client_id: str) -> StoredView | None:
        async with self._database.session(tenant) as conn:
            return await queries.find_view(conn, tenant, client_id)

    async def _holds(self, tenant: str, position: Position) -> bool:
        """Whether the views hold an event; what is parked is not waited for, the view says so."""
        if position.service == "outcomes" and position.stream.startswith(OWN):
            stored = await self._find(tenant, position.stream.removeprefix(OWN))
            return stored is not None and stored.row_version >= position.version
        async with self._database.session(tenant) as conn:
            key = (tenant, GROUP, position.stream)
            version = await driver(conn).fetchval(REACHED, *key)
            if version is not None and version >= position.version:
                return True
            return bool(await driver(conn).fetchval(IS_PARKED, *key, position.version))


def position_of(client_id: str, stored: StoredView) -> str:
    """What a reader may ask for as `min_position` to see nothing older than this view."""
    return encode_position("outcomes", OWN + client_id, stored.row_version)
