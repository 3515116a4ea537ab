"""Wake-ups through Redis: they make open pages quick, and nothing depends on them.

Whoever listens also looks once a second, so that without Redis pages are only slower.
"""

import asyncio
import logging
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "heroic.outcomes.wake"
TIMEOUT_SECONDS = 1.0

log = logging.getLogger(__name__)


class Bell:
    """Rings after a commit, without making anybody wait for Redis."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Wake the open pages of all processes soon."""
        self._again = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        while self._again:
            self._again = False
            try:
                await self._redis.publish(CHANNEL, b"")
            except (RedisError, OSError) as error:
                log.warning("the bell does not ring: %s", type(error).__name__)

    async def close(self) -> None:
        """Let the last ring out and close the connection."""
        if self._ringing is not None:
            await self._ringing
        await self._redis.aclose()


class Ear:
    """Hears the bell for all open pages of one process."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = Redis.from_url(redis_url, socket_connect_timeout=TIMEOUT_SECONDS)
        self._rung = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        await self._redis.aclose()

    def next_ring(self) -> asyncio.Event:
        """What is set when the bell rings next. Ask for it before looking, and miss none."""
        return self._rung

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for _ in channel.listen():
                        self._wake_all()
            except (RedisError, OSError) as error:
                log.warning("nothing is heard of Redis: %s", type(error).__name__)
                await asyncio.sleep(TIMEOUT_SECONDS)

    def _wake_all(self) -> None:
        # Whoever waits holds the old one; who comes later waits for the next ring.
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()
