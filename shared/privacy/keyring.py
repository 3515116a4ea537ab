"""The keys of subjects: made once, kept wrapped, cached for seconds, destroyed for ever."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from shared.database import Database
from shared.privacy.cache import ExpiringCache
from shared.privacy.cipher import KEY_BYTES, IdentifierHasher, SubjectCipher
from shared.privacy.errors import KeyMissing, SubjectErased, SubjectRef
from shared.privacy.table import KeyTable, PostgresKeyTable
from shared.privacy.wrapping import KeyWrapper, local_wrapper

CACHED_SECONDS = 5.0
"""How long after its destruction a key may still be used by another process."""

CACHED_KEYS = 50_000

IDENTIFIERS = "identifiers"
"""The subject of a tenant's key for hashes; no id looks like it."""


class Keyring:
    """The keys of all subjects, which rest in `table` as `wrapper` has encrypted them."""

    def __init__(
        self,
        table: KeyTable,
        wrapper: KeyWrapper,
        *,
        size: int = CACHED_KEYS,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._wrapper = wrapper
        self._ciphers: ExpiringCache[SubjectRef, SubjectCipher | None] = ExpiringCache(
            size=size, seconds=CACHED_SECONDS, timer=timer
        )
        self._hashers: ExpiringCache[str, IdentifierHasher] = ExpiringCache(
            size=size, seconds=CACHED_SECONDS, timer=timer
        )

    async def create(self, refs: Iterable[SubjectRef]) -> None:
        """Make the keys that are not there yet.

        Raises SubjectErased with those whose key was destroyed; the keys of the others are made.
        """
        asked = set(refs)
        found, missing = self._from_cache(asked)
        if missing:
            await self._make(missing)
            # Read in a later statement: of two that made a key at once, both use the one that won.
            found |= await self._fetch(missing)
        if erased := [ref for ref in asked if found[ref] is None]:
            raise SubjectErased(erased)

    async def load(self, refs: Iterable[SubjectRef]) -> Mapping[SubjectRef, SubjectCipher | None]:
        """The ciphers of all `refs`, None for those erased, by one query for what is not cached.

        Raises KeyMissing where there never was a key.
        """
        found, missing = self._from_cache(refs)
        if missing:
            found |= await self._fetch(missing)
            if absent := missing - found.keys():
                raise KeyMissing(absent)
        return found

    async def destroy(self, ref: SubjectRef) -> None:
        """Destroy the key for ever; other processes follow within CACHED_SECONDS."""
        await self._table.destroy(ref)
        self._ciphers.put(ref, None, self._ciphers.now())

    def forget(self, refs: Iterable[SubjectRef]) -> None:
        """Keep none of these keys in memory any more: the table decides whether there is one."""
        for ref in refs:
            self._ciphers.drop(ref)

    async def hasher(self, tenant: str) -> IdentifierHasher:
        """The tenant's hasher of outside identifiers; its key is made on first use."""
        now = self._hashers.now()
        entry = self._hashers.get(tenant, now)
        if entry is not None:
            return entry[0]
        ref = (tenant, IDENTIFIERS)
        rows = await self._table.fetch([ref])
        if ref not in rows:
            await self._make([ref])
            rows = await self._table.fetch([ref])
        wrapped = rows[ref]
        if wrapped is None:
            raise SubjectErased([ref])
        hasher = IdentifierHasher((await self._wrapper.unwrap({ref: wrapped}))[ref])
        self._hashers.put(tenant, hasher, now)
        return hasher

    async def close(self) -> None:
        """Forget all keys and let go of the table."""
        self._ciphers.clear()
        self._hashers.clear()
        await self._table.close()

    def _from_cache(
        self, refs: Iterable[SubjectRef]
    ) -> tuple[dict[SubjectRef, SubjectCipher | None], set[SubjectRef]]:
        now = self._ciphers.now()
        found: dict[SubjectRef, SubjectCipher | None] = {}
        missing: set[SubjectRef] = set()
        for ref in refs:
            entry = self._ciphers.get(ref, now)
            if entry is None:
                missing.add(ref)
            else:
                found[ref] = entry[0]
        return found, missing

    async def _fetch(self, refs: Iterable[SubjectRef]) -> dict[SubjectRef, SubjectCipher | None]:
        now = self._ciphers.now()
        rows = await self._table.fetch(list(refs))
        keys = await self._wrapper.unwrap(
            {ref: wrapped for ref, wrapped in rows.items() if wrapped is not None}
        )
        found = {ref: SubjectCipher(ref[1], keys[ref]) if ref in keys else None for ref in rows}
        for ref, cipher in found.items():
            self._ciphers.put(ref, cipher, now)
        return found

    async def _make(self, refs: Iterable[SubjectRef]) -> None:
        keys = {ref: secrets.token_bytes(KEY_BYTES) for ref in refs}
        await self._table.create(await self._wrapper.wrap(keys))


def open_keyring(database: Database, key_encryption_keys: str) -> Keyring:
    """The keyring on the key database; `key_encryption_keys` as `local_wrapper` takes them."""
    return Keyring(PostgresKeyTable(database), local_wrapper(key_encryption_keys))
