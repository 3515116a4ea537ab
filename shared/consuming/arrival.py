"""Whether something that is not here yet may still be on its way.

A caller may create an episode in intake and rate it in feedback a moment later. Feedback then
waits until word of it has arrived, or until it is certain that there is none to come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from shared.clock import AHEAD, Clock, utc_now
from shared.consuming.progress import processed_through
from shared.database import Database
from shared.errors import NotYetHere
from shared.eventstore import COMMAND_DEADLINE
from shared.ids import id_time, is_id

T = TypeVar("T")

WAIT_SECONDS = 2.0
POLL_SECONDS = 0.02


async def arrived(
    database: Database,
    *,
    group: str,
    service: str,
    id: str | None,  # noqa: A002 - the word of the interface
    lookup: Callable[[], Awaitable[T | None]],
    clock: Clock = utc_now,
) -> T | None:
    """What `lookup` finds, as soon as it finds it; None once it is certain that nothing will come.

    `group` is the consumer that brings word from `service`. `id` is what is looked for: its own
    time says when it may have been made. Without one (an outside identifier), whatever was
    acknowledged before this call counts. Holds no connection while it waits. Raises NotYetHere
    where that cannot be told within two seconds.
    """
    certain = _certain_from(id, clock())
    if certain is None:
        return await lookup()
    give_up = asyncio.get_running_loop().time() + WAIT_SECONDS
    while True:
        # In this order: what is processed after the look-up would be missed.
        through = await processed_through(database, group, service)
        found = await lookup()
        if found is not None or (through is not None and through >= certain):
            return found
        if asyncio.get_running_loop().time() >= give_up:
            raise NotYetHere(f"word from {service} has not arrived yet")
        await asyncio.sleep(POLL_SECONDS)


def _certain_from(id_: str | None, now: datetime) -> datetime | None:
    """The progress from which on it is certain to have come, if it exists; None: it never will.

    Whoever asks was told of it, so it had been committed by now; and progress keeps
    COMMAND_DEADLINE behind commits, since an id may be that much older than its commit.
    """
    committed = now - COMMAND_DEADLINE
    if id_ is None:
        return committed
    made = id_time(id_) if is_id(id_) else None
    if made is None or made > now + AHEAD:
        return None
    # The id's time is cut to the millisecond.
    return min(made + timedelta(milliseconds=1), committed)
