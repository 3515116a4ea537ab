"""The measures of organisations as they stand, kept in memory as long as nobody has changed them.

Whoever asks names the version of the measure's stream, which every look-up brings along: so what
one process publishes is what the next command of any process is decided by.
"""

from collections.abc import Iterable, Mapping

from services.feedback.domain.measures import Measure, fold, untouched
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
        known = self._known(tenant, key, version)
        return known if known is not None else (await self._read(tenant, [key]))[key]

    async def find_all(
        self, tenant: str, keys: Iterable[str], versions: Mapping[str, int]
    ) -> dict[str, Measure]:
        """Each of `keys` as of its version in `versions` (0 where it is not there), or later."""
        found = {key: self._known(tenant, key, versions.get(key, 0)) for key in keys}
        missing = [key for key, known in found.items() if known is None]
        read = await self._read(tenant, missing) if missing else {}
        return {key: known if known is not None else read[key] for key, known in found.items()}

    def _known(self, tenant: str, key: str, version: int) -> Measure | None:
        """What is in memory, where that is as new as it must be."""
        if version == 0:
            return untouched().get(key) or fold(key, ())
        kept = self._kept.get((tenant, key))
        return kept if kept is not None and kept.version >= version else None

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
