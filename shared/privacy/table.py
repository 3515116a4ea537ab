"""The table of wrapped keys, in a database of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from shared.database import Database
from shared.migrations import upgrade_from
from shared.privacy.errors import SubjectRef


class KeyTable(Protocol):
    """Where wrapped keys rest. A row once made is never made again; None is a tombstone."""

    async def fetch(self, refs: Sequence[SubjectRef]) -> Mapping[SubjectRef, bytes | None]:
        """The rows that exist, in one query."""

    async def create(self, wrapped: Mapping[SubjectRef, bytes]) -> None:
        """Make the rows that do not exist; leave the others, tombstones too, as they are."""

    async def destroy(self, ref: SubjectRef) -> None:
        """Make the row a tombstone, whether it was there or not."""

    async def close(self) -> None:
        """Let go of what it holds."""


_FETCH = """
SELECT key.tenant, key.subject, key.wrapped_key
FROM unnest($1::text[], $2::text[]) AS asked (tenant, subject)
JOIN subject_keys AS key USING (tenant, subject)
"""

# One order for all: two processes that make the same keys at once never deadlock.
_CREATE = """
INSERT INTO subject_keys (tenant, subject, wrapped_key)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) AS made (tenant, subject, wrapped_key)
ORDER BY tenant, subject
ON CONFLICT DO NOTHING
"""

_DESTROY = """
INSERT INTO subject_keys AS key (tenant, subject, wrapped_key, destroyed_at)
VALUES ($1, $2, NULL, now())
ON CONFLICT (tenant, subject) DO UPDATE SET wrapped_key = NULL, destroyed_at = now()
WHERE key.destroyed_at IS NULL
"""


class PostgresKeyTable:
    """`subject_keys` in PostgreSQL. While the database is away every call raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, refs: Sequence[SubjectRef]) -> Mapping[SubjectRef, bytes | None]:
        """The rows that exist, in one query."""
        async with self._database.raw() as conn:
            rows = await conn.fetch(_FETCH, *_columns(refs))
        return {(tenant, subject): wrapped for tenant, subject, wrapped in rows}

    async def create(self, wrapped: Mapping[SubjectRef, bytes]) -> None:
        """Make the rows that do not exist."""
        async with self._database.raw() as conn:
            await conn.execute(_CREATE, *_columns(list(wrapped)), list(wrapped.values()))

    async def destroy(self, ref: SubjectRef) -> None:
        """Make the row a tombstone."""
        async with self._database.raw() as conn:
            await conn.execute(_DESTROY, *ref)

    async def close(self) -> None:
        """Give the connections back."""
        await self._database.dispose()


def _columns(refs: Sequence[SubjectRef]) -> tuple[list[str], list[str]]:
    return [tenant for tenant, _ in refs], [subject for _, subject in refs]


async def migrate_keys(owner_url: str) -> None:
    """Bring the key database to the schema of this version; idempotent."""
    await upgrade_from(Path(__file__).parent / "migrations" / "versions", owner_url)
