"""How often somebody may try to be somebody: counted in the database, so it never fails open.

Names that do not exist are counted like those that do; nothing tells one from the other.
"""

from datetime import datetime, timedelta

from services.intake.rate_limit import RateLimiter
from shared.clock import Clock
from shared.database import Database, driver
from shared.errors import TooManyRequests
from shared.privacy import Keyring

MOST = 10
WINDOW = timedelta(minutes=15)
"""10,000 wrong passwords for one account take more than ten days."""

OF_ADDRESS = 100
"""Failures a minute from one address."""

# A name that is counted anew sweeps out those of the same organisation that count no more.
COUNT = """
INSERT INTO sign_in_attempts AS old (tenant, name_hash, count, since) VALUES ($1, $2, 1, $3)
ON CONFLICT (tenant, name_hash) DO UPDATE SET
    count = CASE WHEN old.since <= $4 THEN 1 ELSE old.count + 1 END,
    since = CASE WHEN old.since <= $4 THEN EXCLUDED.since ELSE old.since END
RETURNING count, since
"""
SWEEP = "DELETE FROM sign_in_attempts WHERE tenant = $1 AND since <= $2"
FORGET = "DELETE FROM sign_in_attempts WHERE tenant = $1 AND name_hash = $2"


class Attempts:
    """Counts attempts by name: an e-mail address, a contact, whose second factor it is."""

    def __init__(
        self, database: Database, keyring: Keyring, limiter: RateLimiter, clock: Clock
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._limiter = limiter
        self._clock = clock

    async def count(self, tenant: str, kind: str, name: str) -> None:
        """One attempt more, before it is known whether it is right.

        Raises `TooManyRequests` where that makes more than `MOST` within `WINDOW`.
        """
        name_hash = await self._hash(tenant, kind, name)
        # What is far over the limit does not reach the database any more.
        await self._limiter.count(f"{tenant} {name_hash}", MOST * 2)
        now = self._clock()
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            row = await raw.fetchrow(COUNT, tenant, name_hash, now, now - WINDOW)
            if row["count"] == 1:
                await raw.execute(SWEEP, tenant, now - WINDOW)
        if row["count"] > MOST:
            raise TooManyRequests("Too many attempts.", retry_after=_seconds(row["since"], now))

    async def forget(self, tenant: str, kind: str, name: str) -> None:
        """The attempt was right: what was before it does not count."""
        name_hash = await self._hash(tenant, kind, name)
        async with self._database.session(tenant) as conn:
            await driver(conn).execute(FORGET, tenant, name_hash)

    async def failed(self, address: str) -> None:
        """One failure more from an address; `TooManyRequests` where there are too many."""
        await self._limiter.count(f"failed sign-ins of {address}", OF_ADDRESS)

    async def _hash(self, tenant: str, kind: str, name: str) -> str:
        return (await self._keyring.hasher(tenant)).hash(
            f"attempts of {kind}", name.strip().casefold()
        )


def _seconds(since: datetime, now: datetime) -> int:
    return max(1, int((since + WINDOW - now).total_seconds()) + 1)
