"""A key table in memory, for tests without a database; held to the same suite as the real one."""

from collections.abc import Mapping, Sequence

from shared.privacy import Keyring, LocalKeyWrapper, SubjectRef
from shared.privacy.wrapping import Wrapped

WRAPPING_KEY = LocalKeyWrapper([b"k" * 32])


class MemoryKeyTable:
    """Wrapped keys in a dict. `queries` counts the fetches."""

    def __init__(self) -> None:
        self.rows: dict[SubjectRef, Wrapped | None] = {}
        self.queries = 0

    async def fetch(self, refs: Sequence[SubjectRef]) -> Mapping[SubjectRef, Wrapped | None]:
        """The rows that exist."""
        self.queries += 1
        return {ref: self.rows[ref] for ref in refs if ref in self.rows}

    async def create(self, wrapped: Mapping[SubjectRef, Wrapped]) -> None:
        """Make the rows that do not exist."""
        self.rows = {**wrapped, **self.rows}

    async def destroy(self, ref: SubjectRef) -> None:
        """Make the row a tombstone."""
        self.rows[ref] = None

    async def close(self) -> None:
        """Nothing to let go of."""


def memory_keyring() -> Keyring:
    """A keyring of its own, without a database."""
    return Keyring(MemoryKeyTable(), WRAPPING_KEY)
