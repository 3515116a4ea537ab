"""The bell that wakes the streams: Redis carries it, and nothing depends on its being heard."""

import asyncio
import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "heroic.alerts.wake"
TIMEOUT_SECONDS = 1.0

log = logging.getLogger(__name__)


class Bell:
    """Rings after a commit, without making anybody wait for Redis."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = Redis.from_url(
            redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Wake all streams of all processes soon."""
        self._again = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        while self._again:
            self._again = False
            try:
                await self._redis.publish(CHANNEL, b"")
            except (RedisError, OSError) as error:
                # The streams look by themselves each second.
                log.warning("the bell does not ring: %s", type(error).__name__)

    async def close(self) -> None:
        """Let the last ring out and close the connection."""
        if self._ringing is not None:
            await self._ringing
        await self._redis.aclose()
