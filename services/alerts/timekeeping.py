"""The clock of alerts: rules of time, each for a time through which everything is processed.

Whatever comes in for an episode has it looked at; whoever looks says when to look next, since
nothing can begin to hold before. Every worker may look: a look writes alerts by the versions of
their streams, so of two that look at the same time one writes nothing. After downtime an episode
is looked at once, at the time that has been reached.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from services.alerts.bell import Bell
from services.alerts.care import CARE_GROUP
from services.alerts.consumers import RISK_GROUP, AlertPlan
from services.alerts.courses import (
    Due,
    load_courses,
    look_again,
    mark_delivered,
    next_due,
)
from services.alerts.holds import mirror_holds
from services.alerts.look import Look
from services.alerts.rule_sets import load_rule_sets
from shared.consuming.progress import processed_through
from shared.database import Database, driver, worker_session
from shared.errors import Conflict, HeroicError, Unavailable
from shared.eventstore import EventStore
from shared.privacy import SubjectErased
from shared.purging import no_purge
from shared.telemetry import describe

log = logging.getLogger(__name__)

REST_SECONDS = 1.0
AT_ONCE = 100
"""Episodes of one transaction."""

POSTPONED = timedelta(hours=1)
"""When an episode is looked at again that could not be."""

# Held to the end of the transaction. It keeps two workers from doing the same work; what keeps
# them from doing it twice are the versions of the streams.
TAKE_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('heroic.alerts.time'))"

Through = Callable[[], Awaitable[datetime | None]]
"""The clock's port: through which time everything has been processed; None: not known yet."""


def through(database: Database) -> Through:
    """What the rules of time look at has been processed: sessions, forms, and answers on risk."""
    groups = ((CARE_GROUP, "intake"), (CARE_GROUP, "feedback"), (RISK_GROUP, "feedback"))

    async def reached() -> datetime | None:
        times = [await processed_through(database, *group) for group in groups]
        known = [time for time in times if time is not None]
        return min(known) if len(known) == len(times) else None

    return reached


class Timekeeper:
    """Looks at the episodes that are due."""

    def __init__(self, database: Database, store: EventStore, bell: Bell, reached: Through) -> None:
        self._database = database
        self._store = store
        self._bell = bell
        self._reached = reached

    async def run(self) -> None:
        """Look each second until cancelled; what fails is tried again."""
        while True:
            try:
                now = await self._reached()
                if now is not None:
                    await self.look(now)
            except Unavailable as error:
                log.warning("rules of time wait: %s", describe(error))
            await asyncio.sleep(REST_SECONDS)

    async def look(self, now: datetime) -> None:
        """Look at all that is due, now that everything through `now` has been processed."""
        await mirror_holds(self._database, now)
        while found := await self._due(now):
            try:
                done = await self._settle(found, now)
            except Conflict:
                # Somebody acted on one of these alerts, or another worker was faster.
                done = False
            except Unavailable:
                raise
            except HeroicError:
                done = await self._one_by_one(found, now)
            if not done:
                return

    async def _due(self, now: datetime) -> list[Due]:
        async with worker_session(self._database) as conn:
            return await next_due(driver(conn), now, AT_ONCE)

    async def _one_by_one(self, found: Sequence[Due], now: datetime) -> bool:
        """Each by itself: one that cannot be told of must not keep the others waiting."""
        for due in found:
            try:
                if not await self._settle([due], now):
                    return False
            except Conflict:
                return False
            except Unavailable:
                raise
            except SubjectErased:
                # Nothing more can be said of somebody whose key is gone.
                await self._put_off(due, None)
            except HeroicError as error:
                log.warning("rules of time: %s: %s", due.episode_id, describe(error))
                await self._put_off(due, now + POSTPONED)
        return True

    async def _put_off(self, due: Due, at: datetime | None) -> None:
        async with self._database.session(due.tenant) as conn:
            await look_again(driver(conn), [(due, at)])

    async def _settle(self, found: Sequence[Due], now: datetime) -> bool:
        """Look at these in one transaction; False where it is another worker's turn."""
        tenants = sorted({due.tenant for due in found})
        async with self._database.session(*tenants) as conn:
            raw = driver(conn)
            if not await raw.fetchval(TAKE_TURN):
                return False
            await no_purge(raw, tenants)
            said = await load_rule_sets(raw, tenants)
            courses = await load_courses(raw, [due.key for due in found])
            look = Look(self._store, conn, said, now)
            plan = await look.at(courses, AlertPlan(self._bell))
            await self._store.write_in(conn, plan.writes)
            await plan.apply(conn)
            await mark_delivered(raw, look.delivered)
            await look_again(raw, [(due, look.next.get(due.key)) for due in found])
        await plan.committed()
        return True
