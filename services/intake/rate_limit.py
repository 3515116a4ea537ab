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
        now = self._clock()
        window = int(now // WINDOW_SECONDS)
        key = (hashlib.sha256(name.encode()).hexdigest(), window)
        seen = max(self._count_here(key), await self._count_in_redis(key))
        if seen > limit:
            wait = int((window + 1) * WINDOW_SECONDS - now) + 1
            raise TooManyRequests("Too many attempts.", retry_after=wait)

    def _count_here(self, key: tuple[str, int]) -> int:
        count = self._counters.pop(key, 0) + 1
        self._counters[key] = count
        if len(self._counters) > MAX_COUNTERS:
            self._counters.popitem(last=False)
        return count

    async def _count_in_redis(self, key: tuple[str, int]) -> int:
        if self._redis is None:
            return 0
        name = f"heroic:rate:{key[0]}:{key[1]}"
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.incr(name)
                pipeline.expire(name, 2 * WINDOW_SECONDS)
                count, _ = await pipeline.execute()
        except (RedisError, OSError, TimeoutError):
            return 0
        return int(count)
