"""The table of wrapped keys, in a database of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from shared.database import Database
from shared.migrations import upgrade_from
from shared.privacy.errors import SubjectRef
from shared.privacy.wrapping import Wrapped


class KeyTable(Protocol):
    """Where wrapped keys rest. A row once made is never made again; None is a tombstone."""

    async def fetch(self, refs: Sequence[SubjectRef]) -> Mapping[SubjectRef, Wrapped | None]:
        """The rows that exist, in one query."""

    async def create(self, wrapped: Mapping[SubjectRef, Wrapped]) -> None:
        """Make the rows that do not exist; leave the others, tombstones too, as they are."""

    async def destroy(self, ref: SubjectRef) -> None:
        """Make the row a tombstone, whether it was there or not."""

    async def close(self) -> None:
        """Let go of what it holds."""


# Functions of the database, which name the tenants whose rows they touch: one round trip each.
_FETCH = "SELECT * FROM heroic_keys($1, $2)"
_CREATE = "SELECT heroic_keys_create($1, $2, $3, $4)"
_DESTROY = "SELECT heroic_keys_destroy($1, $2)"


class PostgresKeyTable:
    """`subject_keys` in PostgreSQL. While the database is away every call raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, refs: Sequence[SubjectRef]) -> Mapping[SubjectRef, Wrapped | None]:
        """The rows that exist, in one query."""
        async with self._database.raw() as conn:
            rows = await conn.fetch(_FETCH, *_columns(refs))
        return {
            (tenant, subject): None if sealed is None else Wrapped(key_id, sealed)
            for tenant, subject, key_id, sealed in rows
        }

    async def create(self, wrapped: Mapping[SubjectRef, Wrapped]) -> None:
        """Make the rows that do not exist."""
        by, sealed = ([one[at] for one in wrapped.values()] for at in (0, 1))
        async with self._database.raw() as conn:
            await conn.execute(_CREATE, *_columns(list(wrapped)), by, sealed)

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
