"""How often somebody may ask for a token.

Counted in this process always, and in Redis where it answers, so that several processes share the
count. Without Redis the limit still holds, for each process by itself: it never fails open.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import TooManyRequests

WINDOW_SECONDS = 60
MAX_COUNTERS = 10_000


class RateLimiter:
    """Counts by name in windows of a minute; `redis` None counts in this process alone."""

    def __init__(self, redis: "Redis | None", *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._counters: OrderedDict[tuple[str, int], int] = OrderedDict()

    async def count(self, name: str, limit: int) -> None:
        """Count one more of `name`; `TooManyRequests` where that makes more than `limit`."""
        key = self._key(name)
        if max(self._count_here(key), await self._count_in_redis(key)) > limit:
            raise self._too_many()

    async def check(self, name: str, limit: int) -> None:
        """Count nothing; `TooManyRequests` where `name` has been counted `limit` times already."""
        key = self._key(name)
        if max(self._counters.get(key, 0), await self._seen_in_redis(key)) >= limit:
            raise self._too_many()

    def _key(self, name: str) -> tuple[str, int]:
        return hashlib.sha256(name.encode()).hexdigest(), int(self._clock() // WINDOW_SECONDS)

    def _too_many(self) -> TooManyRequests:
        wait = int(WINDOW_SECONDS - self._clock() % WINDOW_SECONDS) + 1
        return TooManyRequests("Too many attempts.", retry_after=wait)

    def _count_here(self, key: tuple[str, int]) -> int:
        count = self._counters.pop(key, 0) + 1
        self._counters[key] = count
        if len(self._counters) > MAX_COUNTERS:
            self._counters.popitem(last=False)
        return count

    async def _count_in_redis(self, key: tuple[str, int]) -> int:
        if self._redis is None:
            return 0
        name = _name(key)
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.incr(name)
                pipeline.expire(name, 2 * WINDOW_SECONDS)
                count, _ = await pipeline.execute()
        except (RedisError, OSError, TimeoutError):
            return 0
        return int(count)

    async def _seen_in_redis(self, key: tuple[str, int]) -> int:
        if self._redis is None:
            return 0
        try:
            return int(await self._redis.get(_name(key)) or 0)
        except (RedisError, OSError, TimeoutError):
            return 0


def _name(key: tuple[str, int]) -> str:
    return f"heroic:rate:{key[0]}:{key[1]}"
