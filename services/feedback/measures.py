"""The measures of organisations as they stand, kept in memory as long as nobody has changed them.

Whoever asks names the version of the measure's stream, which every look-up brings along: so what
one process publishes is what the next command of any process is decided by.
"""

from collections.abc import Iterable, Mapping

from services.feedback.domain.measures import Measure, fold
from services.feedback.lookup import stream_of_measure
from shared.eventstore import EventStore

KEPT = 500
"""Measures in memory, of all organisations; those that ship and were left alone are not counted."""


class Measures:
    """Reads what organisations say of measures."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._kept: dict[tuple[str, str], Measure] = {}

    async def find(self, tenant: str, key: str, version: int) -> Measure:
        """The measure as of `version` of its stream, or later."""
        return (await self.find_all(tenant, [key], {key: version}))[key]

    async def find_all(
        self, tenant: str, keys: Iterable[str], versions: Mapping[str, int]
    ) -> dict[str, Measure]:
        """Each of `keys` as of its version in `versions` (0 where it is not there), or later."""
        found: dict[str, Measure] = {}
        missing = []
        for key in keys:
            version, kept = versions.get(key, 0), self._kept.get((tenant, key))
            if version == 0:
                found[key] = fold(key, ())
            elif kept is not None and kept.version >= version:
                found[key] = kept
            else:
                missing.append(key)
        if missing:
            found |= await self._read(tenant, missing)
        return found

    async def _read(self, tenant: str, keys: Iterable[str]) -> dict[str, Measure]:
        streams = {stream_of_measure(key): key for key in keys}
        read = await self._store.read_many(tenant, list(streams))
        found = {
            key: fold(key, ((one.version, one.data) for one in read[stream]))
            for stream, key in streams.items()
        }
        for key, measure in found.items():
            self._kept[tenant, key] = measure
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return found
