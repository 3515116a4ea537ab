"""One-time links and codes: who holds one may come in once, for what it was made for."""

import secrets
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from shared.clock import Clock
from shared.database import Database, driver
from shared.privacy import Keyring

Purpose = Literal["invite", "reset", "sign-in", "second-factor", "code"]

LIFETIME: dict[Purpose, timedelta] = {
    "invite": timedelta(days=7),
    "reset": timedelta(hours=4),
    "sign-in": timedelta(hours=1),
    "second-factor": timedelta(minutes=10),
    "code": timedelta(days=3),
}
KEPT = timedelta(days=30)

TOKEN_BYTES = 32
# Letters and digits that nobody takes for one another on paper.
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LETTERS = 9

MAKE = """
INSERT INTO one_time_links (tenant, token_hash, purpose, principal_id, client_id, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
# One link of a purpose is good at a time: a new one takes the place of the one before.
SUPERSEDE = """
DELETE FROM one_time_links WHERE tenant = $1 AND principal_id = $2 AND purpose = $3
    AND used_at IS NULL
"""
SWEEP = "DELETE FROM one_time_links WHERE tenant = $1 AND expires_at < $2"
FIND = """
SELECT purpose, principal_id, client_id FROM one_time_links
WHERE tenant = $1 AND token_hash = $2 AND purpose = ANY ($3) AND used_at IS NULL AND expires_at > $4
"""
SPEND = """
UPDATE one_time_links SET used_at = $4
WHERE tenant = $1 AND token_hash = $2 AND purpose = ANY ($3) AND used_at IS NULL AND expires_at > $4
RETURNING purpose, principal_id, client_id
"""


class Link(NamedTuple):
    """What a link was made for; `client_id` where it belongs to a client."""

    purpose: Purpose
    principal_id: str
    client_id: str | None


class Links:
    """The links of all organisations, kept as keyed hashes."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    async def make(
        self,
        tenant: str,
        purpose: Purpose,
        principal_id: str,
        *,
        client_id: str | None = None,
        lifetime: timedelta | None = None,
    ) -> tuple[str, datetime]:
        """A new token and when it ends; the one before of the same purpose opens nothing more."""
        token = new_code() if purpose == "code" else secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock()
        expires_at = now + (lifetime or LIFETIME[purpose])
        hashed = await self._hash(tenant, token)
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            await raw.execute(SUPERSEDE, tenant, principal_id, purpose)
            await raw.execute(SWEEP, tenant, now - KEPT)
            row = (tenant, hashed, purpose, principal_id, client_id, expires_at)
            await raw.execute(MAKE, *row)
        return token, expires_at

    async def find(self, tenant: str, token: str, *purposes: Purpose) -> Link | None:
        """What `token` is good for; it stays good. None where it is not, or was made otherwise."""
        return await self._row(FIND, tenant, token, purposes)

    async def spend(self, tenant: str, token: str, *purposes: Purpose) -> Link | None:
        """The same, and it is good no more: of two who spend it, one does."""
        return await self._row(SPEND, tenant, token, purposes)

    async def _row(
        self, statement: str, tenant: str, token: str, purposes: tuple[Purpose, ...]
    ) -> Link | None:
        hashed = await self._hash(tenant, token)
        async with self._database.session(tenant) as conn:
            arguments = (tenant, hashed, list(purposes), self._clock())
            row = await driver(conn).fetchrow(statement, *arguments)
        return Link(*row) if row is not None else None

    async def _hash(self, tenant: str, token: str) -> str:
        # Keyed: a code is short enough to be guessed from a plain hash.
        return (await self._keyring.hasher(tenant)).hash("one-time link", _plain(token))


def new_code() -> str:
    """A code to be read out or copied from paper: three groups of three, 44 random bits."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(CODE_LETTERS))
    return "-".join(letters[at : at + 3] for at in range(0, CODE_LETTERS, 3))


def _plain(token: str) -> str:
    """A code as it was made, however it is typed; other tokens as they are."""
    letters = token.upper().replace("-", "").replace(" ", "")
    return letters if len(letters) == CODE_LETTERS else token
