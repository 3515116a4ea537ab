"""Judging the past anew, by command: with this code, by the rules that are in force now.

A curve stays what it was: none is ever applied to what was recorded before it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes import rows
from services.outcomes.assessor import without_erased, write
from services.outcomes.domain.assessing import Speech, speak
from services.outcomes.domain.assessor_state import AssessorState, pack, unpack
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.touched import Touched
from services.outcomes.library import Library
from services.outcomes.rows import ClientKey, Packed, StaleState
from shared.clock import Clock, utc_now
from shared.database import Database, driver
from shared.errors import Conflict, NotFound
from shared.eventstore import EventStore, Write
from shared.ids import new_id
from shared.privacy import Keyring
from shared.purging import no_purge

PAGE = 20
"""Clients of one transaction, which must be short."""

TRIES = 10
"""How often a page is begun again because somebody said something new meanwhile."""

CLIENTS = """
SELECT client_id FROM assessor_states WHERE tenant = $1 AND client_id > $2
ORDER BY client_id LIMIT $3
"""


class Revised(msgspec.Struct):
    """What was done: clients looked at, and assessments that are not what they were."""

    clients: int = 0
    assessments: int = 0


class Order(NamedTuple):
    """The command: for whom, as of when, and the id that all it leads to has in common."""

    tenant: str
    at: datetime
    id: str


class Reviser:
    """Says anew of past ratings what is not the same any more."""

    def __init__(
        self, database: Database, store: EventStore, keyring: Keyring, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._store = store
        self._keyring = keyring
        self._library = Library(keyring)
        self._clock = clock

    async def revise(self, tenant: str, client_id: str | None = None) -> Revised:
        """Judge every rating of the organisation, or of one client, anew.

        Raises NotFound for a client of whom nothing was ever assessed.
        """
        order = Order(tenant, self._clock(), new_id())
        done = Revised()
        if client_id is not None:
            await self._page(order, [(tenant, client_id)], done)
            if not done.clients:
                raise NotFound("Nothing of such a client was ever assessed.")
            return done
        after = ""
        while keys := await self._clients(tenant, after):
            await self._page(order, keys, done)
            after = keys[-1][1]
        return done

    async def _clients(self, tenant: str, after: str) -> list[ClientKey]:
        async with self._database.session(tenant) as conn:
            found = await driver(conn).fetch(CLIENTS, tenant, after, PAGE)
        return [(tenant, row["client_id"]) for row in found]

    async def _page(self, order: Order, keys: Sequence[ClientKey], done: Revised) -> None:
        for _ in range(TRIES):
            try:
                async with self._database.session(order.tenant) as conn:
                    clients, assessments = await self._once(conn, order, keys)
            except (StaleState, Conflict):
                continue
            done.clients += clients
            done.assessments += assessments
            return
        raise Conflict("Others keep changing what is known of these clients.")

    async def _once(
        self, conn: AsyncConnection, order: Order, keys: Sequence[ClientKey]
    ) -> tuple[int, int]:
        await no_purge(driver(conn), [order.tenant])
        standards = await self._library.of(conn, order.tenant)
        stored = await rows.load_assessor(conn, keys)
        states: dict[ClientKey, Packed] = {}
        writes: list[Write] = []
        for key, before in sorted(stored.items()):
            state = unpack(before.state)
            writes += said_anew(key, state, standards, order)
            states[key] = Packed(before.row_version + 1, pack(state))
        writes = await without_erased(writes, self._keyring)
        await self._store.write_in(conn, writes)
        await rows.save_assessor(conn, states)
        return len(states), sum(len(one.appends[0].events) for one in writes)


def said_anew(
    key: ClientKey, state: AssessorState, standards: Standards, order: Order
) -> list[Write]:
    """One write an episode of which something else is to be said; `state` remembers it as said."""
    found = []
    for episode_id in state.client.said:
        before = state.courses[episode_id].version if episode_id in state.courses else 0
        touched = Touched(order.id, only_appended=False)
        derived = speak(state, Speech(key[1], episode_id, touched, standards, order.at))
        if derived:
            found.append(write(key, episode_id, before, derived, order.id, None))
    return found
