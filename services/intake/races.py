"""Races for a stream or a claim: who loses decides anew, and in this process one by one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from shared.eventstore import Claimed, WrongVersion

ATTEMPTS = 8
"""How often a command is decided anew after it lost a race."""

T = TypeVar("T")


class Queues:
    """Locks by name that exist while somebody uses them."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._users: dict[Hashable, int] = {}

    @asynccontextmanager
    async def of(self, name: Hashable) -> AsyncIterator[None]:
        """Be the only one inside under this name."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._users[name] = self._users.get(name, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name], self._locks[name]


async def again_where_lost(queues: Queues, tenant: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` gives, made again where it lost; raises what it lost by in the end."""
    try:
        return await attempt()
    except (WrongVersion, Claimed) as lost:
        stream = lost.stream
    # Losers of this process queue up instead of racing each other again and again.
    async with queues.of((tenant, stream)):
        for _ in range(ATTEMPTS - 1):
            with suppress(WrongVersion, Claimed):
                return await attempt()
        return await attempt()
