"""Reading views: now, as known at a time, and not before they are as new as was asked for."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes import lists, queries
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.state import ClientState
from services.outcomes.library import Library
from services.outcomes.lists import Filters, Place, Within
from services.outcomes.queries import StoredView
from shared.access import access_group
from shared.consuming.arrival import arrived
from shared.consuming.parking import held_back_since
from shared.database import Database, driver
from shared.errors import FieldError, Invalid, NotFound, NotYetHere
from shared.eventstore.position import Position, decode_position, encode_position
from shared.privacy import Keyring

GROUP = "outcomes.views"
ACCESS = access_group("outcomes")
NEVER = datetime.min.replace(tzinfo=UTC)
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
    """A client's states with the words that belong to them, and how whole they are.

    `client_ids` are those of one person: the surviving one first, then the aliases. Nothing moves
    when clients are merged: each has the `states` of its own episodes.
    """

    client_ids: list[str]
    states: list[ClientState]
    notes: dict[str, str]
    position: str
    held_back_since: datetime | None
    standards: Standards


class StoredViews(NamedTuple):
    """The views of one person: every id, the surviving one first, and the views that there are."""

    ids: list[str]
    views: dict[str, StoredView]


class FoundClient(NamedTuple):
    """A client and the rows of their summaries."""

    client_id: str
    aliases: list[str]
    held_back_since: datetime | None
    summaries: Sequence[Row[Any]]


class Views:
    """The views and summaries of one service's database."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._library = Library(keyring)

    async def now(self, tenant: str, client_id: str, *, words: bool = True) -> FoundView:
        """The view as it is; NotFound, or NotYetHere where word of the client is on its way.

        It is the same for every id of merged clients. Without `words` there are no notes in it.
        """
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
        records: list[bytes] = []
        async with self._database.session(tenant) as conn:
            for one, view in stored.views.items() if words else ():
                records += await queries.find_note_records(conn, tenant, one, view.state)
            held = await held_back_since(conn, tenant, stored.ids)
            standards = await self._library.of(conn, tenant)
        notes = queries.notes_of(await queries.open_records(records, self._keyring))
        states = [one.state for one in stored.views.values()]
        since = min(held.values(), default=None)
        return FoundView(stored.ids, states, notes, position_of(stored), since, standards)

    async def at(
        self, tenant: str, client_id: str, moment: datetime, *, words: bool = True
    ) -> FoundView:
        """The view as it was known at `moment`; NotFound where the client was not known then.

        Who is whom goes by what is known now: what a wrong merge once showed stays hidden.
        """
        async with self._database.session(tenant) as conn:
            stored = await find_stored(conn, tenant, client_id)
            ids = stored.ids if stored is not None else []
            records = [await queries.find_records(conn, tenant, one, until=moment) for one in ids]
            held = await held_back_since(conn, tenant, ids)
            standards = await self._library.of(conn, tenant)
        known = [some for some in records if some]
        if stored is None or not known:
            raise NotFound("There was no such client then.")
        events = [await queries.open_records(some, self._keyring) for some in known]
        return FoundView(
            ids,
            [queries.fold_events(some) for some in events],
            queries.notes_of(chain.from_iterable(events)) if words else {},
            position_of(stored),
            min(held.values(), default=None),
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
        self, tenant: str, filters: Filters, after: str | None, limit: int, within: Within
    ) -> list[FoundClient]:
        """Clients in order of their ids, each with every summary of theirs; `within` is about
        `views.client_id`. Merged clients are one.

        Raises Invalid for a measure that the organisation does not have.
        """
        async with self._database.session(tenant) as conn:
            await self._check(conn, tenant, filters)
            ids = await lists.find_clients(conn, tenant, filters, after, limit, within)
            merged = await lists.find_aliases(conn, tenant, ids)
            rows = await lists.find_summaries_of(conn, tenant, [*ids, *merged])
            held = await held_back_since(conn, tenant, [*ids, *merged])
        aliases: dict[str, list[str]] = defaultdict(list)
        for alias, one in sorted(merged.items()):
            aliases[one].append(alias)
        by_client: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in rows:
            by_client[row.surviving_id].append(row)
        return [
            FoundClient(one, aliases[one], earliest(held, [one, *aliases[one]]), by_client[one])
            for one in ids
        ]

    async def caseload(
        self, tenant: str, filters: Filters, after: Place | None, limit: int, within: Within
    ) -> list[Row[Any]]:
        """Summaries in order of client and series; `within` is about `summaries.client_id`.

        Raises Invalid as `clients` does.
        """
        async with self._database.session(tenant) as conn:
            await self._check(conn, tenant, filters)
            return await lists.find_caseload(conn, tenant, filters, after, limit, within)

    async def _check(self, conn: AsyncConnection, tenant: str, filters: Filters) -> None:
        if filters.measure is None:
            return
        standards = await self._library.of(conn, tenant)
        if not standards.knows(filters.measure):
            detail = "There is no such measure."
            raise Invalid(errors=[FieldError("/measure", detail, "unknown_measure")])

    async def _find(self, tenant: str, client_id: str) -> StoredViews | None:
        async with self._database.session(tenant) as conn:
            return await find_stored(conn, tenant, client_id)

    async def _holds(self, tenant: str, position: Position) -> bool:
        """Whether the views hold an event; what is parked is not waited for, the view says so."""
        if position.service == "outcomes" and position.stream.startswith(OWN):
            async with self._database.session(tenant) as conn:
                one = position.stream.removeprefix(OWN)
                stored = await queries.find_view(conn, tenant, one)
            return stored is not None and stored.row_version >= position.version
        # Who reaches whom comes by a consumer of its own.
        groups = (GROUP, ACCESS) if position.service == "intake" else (GROUP,)
        async with self._database.session(tenant) as conn:
            return all(
                [
                    await passed(conn, (tenant, one, position.stream), position.version)
                    for one in groups
                ]
            )


async def passed(conn: AsyncConnection, key: tuple[str, str, str], version: int) -> bool:
    """Whether a group (`key`: tenant, group, stream) is past an event, or has parked it."""
    raw = driver(conn)
    reached = await raw.fetchval(REACHED, *key)
    if reached is not None and reached >= version:
        return True
    return bool(await raw.fetchval(IS_PARKED, *key, version))


async def find_stored(conn: AsyncConnection, tenant: str, client_id: str) -> StoredViews | None:
    """What is stored of a client and of those who are the same person; None: nothing."""
    ids = await queries.find_same(conn, tenant, client_id)
    found = await queries.find_views(conn, tenant, ids)
    return StoredViews(ids, found) if found else None


def position_of(stored: StoredViews) -> str:
    """What a reader may ask for as `min_position` to see nothing older than this view.

    Of merged clients the row that was heard of last: who sees that one sees the others too.
    """
    one, view = max(stored.views.items(), key=lambda each: each[1].state.last_recorded_at or NEVER)
    return encode_position("outcomes", OWN + one, view.row_version)


def earliest(held: Mapping[str, datetime], ids: Iterable[str]) -> datetime | None:
    """Since when data of one of these is held back."""
    return min((held[one] for one in ids if one in held), default=None)
