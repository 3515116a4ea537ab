"""Wake-ups through Redis: they make open pages quick, and nothing depends on them."""

import logging
from collections.abc import Iterable

from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "heroic.outcomes.wake"

log = logging.getLogger(__name__)


class Wake:
    """Rings for the tenants whose views changed. Without Redis, whoever listens polls."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def ring(self, tenants: Iterable[str]) -> None:
        """Tell every process that views of these tenants changed."""
        try:
            for tenant in tenants:
                await self._redis.publish(CHANNEL, tenant)
        except (RedisError, OSError) as error:
            # The listeners look once a second anyway.
            log.warning("could not wake listeners: %s", type(error).__name__)
