"""Reaching somebody of whom word may still be on its way.

Who cares for whom comes from intake by a consumer. Whoever was just told of a client or an episode
there, and asks a moment later, waits for it as for anything else that is new.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from shared.access.handler import access_group
from shared.consuming.arrival import arrived
from shared.database import Database
from shared.errors import NotFound

T = TypeVar("T")


async def once_here(
    database: Database, service: str, id_: str, look: Callable[[], Awaitable[T]]
) -> T:
    """What `look` gives for something of intake's with that id, as soon as it gives it.

    Raises what `look` raises; NotFound only once it is certain that word of something so new has
    arrived, NotYetHere where that cannot be told in time: so an id out of reach looks like one
    that is nobody's.
    """
    try:
        return await look()
    except NotFound as error:
        nothing = error

    async def again() -> T | None:
        with suppress(NotFound):
            return await look()
        return None

    group = access_group(service)
    found = await arrived(database, group=group, service="intake", id=id_, lookup=again)
    if found is None:
        raise nothing
    return found
