"""The load of a rule set on an organisation's own history, read from the views of those who agree
to service statistics. It counts, and names nobody."""

import asyncio
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.domain.load import Load, load_of
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.state import ClientState, unpack
from services.outcomes.library import Library
from services.outcomes.queries import LIVE, find_counted
from services.outcomes.tables import views
from shared.database import Database
from shared.measures import RuleSet
from shared.privacy import Keyring

MOST_CLIENTS = 2_000
"""Beyond these nothing changes in a rate, and somebody waits for the answer."""

PAGE = 200


class Compared(NamedTuple):
    """The load of the rules asked about and of those in force; `is_all`: on every client who may
    be counted."""

    asked: Load
    in_force: Load
    is_all: bool


class Backtests:
    """Judges history by rules that did not judge it. Nothing is changed."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._library = Library(keyring)

    async def compare(self, tenant: str, asked: RuleSet, present: RuleSet) -> Compared:
        """The load of `asked` beside that of `present`, on the newest clients."""
        asked_load, present_load = Load(), Load()
        before: str | None = None
        while True:
            async with self._database.session(tenant) as conn:
                standards = await self._library.of(conn, tenant)
                page = await read_page(conn, tenant, before)
                counted = await find_counted(conn, tenant, page)
            if not page or asked_load.clients >= MOST_CLIENTS:
                return Compared(asked_load, present_load, not page)
            states = [state for client_id, state in page.items() if client_id in counted]
            # In a thread: pages and streams go on meanwhile.
            found = await asyncio.to_thread(both, states, asked, present, standards)
            asked_load.add(found[0])
            present_load.add(found[1])
            before = list(page)[-1]


def both(
    states: list[ClientState], asked: RuleSet, present: RuleSet, standards: Standards
) -> tuple[Load, Load]:
    """The loads of both rule sets on a page of clients."""
    return load_of(states, asked, standards), load_of(states, present, standards)


async def read_page(
    conn: AsyncConnection, tenant: str, before: str | None
) -> dict[str, ClientState]:
    """The next clients, the newest first."""
    query = (
        select(views.c.client_id, views.c.state)
        .where(views.c.tenant == tenant, views.c.projection == LIVE)
        .order_by(views.c.client_id.desc())
        .limit(PAGE)
    )
    if before is not None:
        query = query.where(views.c.client_id < before)
    return {row.client_id: unpack(row.state) for row in await conn.execute(query)}
