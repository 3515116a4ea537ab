"""The bell that wakes readers of other processes: Redis carries it, nothing depends on it.

Whoever listens also looks by himself once in a while, so that without Redis things are only slower.
"""

import asyncio
import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

TIMEOUT_SECONDS = 1.0

log = logging.getLogger(__name__)


class Bell:
    """Rings on a channel after a commit, without making anybody wait for Redis."""

    def __init__(self, redis_url: str, channel: str) -> None:
        self._channel = channel
        self._redis: Redis = Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Wake the readers of all processes soon."""
        self._again = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        while self._again:
            self._again = False
            try:
                await self._redis.publish(self._channel, b"")
            except (RedisError, OSError) as error:
                log.warning("the bell does not ring: %s", type(error).__name__)

    async def close(self) -> None:
        """Let the last ring out and close the connection."""
        if self._ringing is not None:
            await self._ringing
        await self._redis.aclose()


class Ear:
    """Hears the bell for the one reader of this process."""

    def __init__(self, redis_url: str, channel: str) -> None:
        self._redis_url = redis_url
        self._channel = channel
        self._rung = asyncio.Event()

    async def rung_within(self, seconds: float) -> bool:
        """Whether it rings within this time, or has since the last call; returns when it does."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True

    async def listen(self) -> None:
        """Hear, until cancelled; where Redis is away, try again each second."""
        while True:
            try:
                async with (
                    Redis.from_url(
                        self._redis_url, socket_connect_timeout=TIMEOUT_SECONDS
                    ) as redis,
                    redis.pubsub(ignore_subscribe_messages=True) as channel,
                ):
                    await channel.subscribe(self._channel)
                    # What rang before is not heard any more.
                    self._rung.set()
                    async for _ in channel.listen():
                        self._rung.set()
            except (RedisError, OSError) as error:
                log.warning("the bell is not heard: %s", type(error).__name__)
            await asyncio.sleep(TIMEOUT_SECONDS)
