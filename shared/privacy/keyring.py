"""The keys of subjects: made once, kept wrapped, cached for seconds, destroyed for ever."""

import base64
import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.database import Database
from shared.errors import HeroicError, Unavailable
from shared.privacy.cache import ExpiringCache
from shared.privacy.cipher import KEY_BYTES, IdentifierHasher, SubjectCipher, unwrap, wrap
from shared.privacy.errors import KeyMissing, SubjectErased, SubjectRef
from shared.privacy.table import KeyTable, PostgresKeyTable

CACHED_SECONDS = 5.0
"""How long after its destruction a key may still be used by another process."""

CACHED_KEYS = 50_000

IDENTIFIERS = "identifiers"
"""The subject of a tenant's key for hashes; no id looks like it."""


class BadKeyEncryptionKey(HeroicError):
    """HEROIC_KEY_ENCRYPTION_KEY is not the base64 of 32 bytes."""

    code, title = "bad_key_encryption_key", "The key-encryption key is not the base64 of 32 bytes"


class Keyring:
    """The keys of all subjects. `wrapping_key` (32 bytes) is the key that encrypts the keys."""

    def __init__(
        self,
        table: KeyTable,
        wrapping_key: bytes,
        *,
        size: int = CACHED_KEYS,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._wrapping = AESGCM(wrapping_key)
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
            await self._table.create({ref: self._new_key(ref) for ref in missing})
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
            await self._table.create({ref: self._new_key(ref)})
            rows = await self._table.fetch([ref])
        wrapped = rows[ref]
        if wrapped is None:
            raise SubjectErased([ref])
        hasher = IdentifierHasher(self._unwrap(ref, wrapped))
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
        found = {ref: self._cipher(ref, wrapped) for ref, wrapped in rows.items()}
        for ref, cipher in found.items():
            self._ciphers.put(ref, cipher, now)
        return found

    def _cipher(self, ref: SubjectRef, wrapped: bytes | None) -> SubjectCipher | None:
        return None if wrapped is None else SubjectCipher(ref[1], self._unwrap(ref, wrapped))

    def _new_key(self, ref: SubjectRef) -> bytes:
        return wrap(secrets.token_bytes(KEY_BYTES), self._wrapping, *ref)

    def _unwrap(self, ref: SubjectRef, wrapped: bytes) -> bytes:
        try:
            return unwrap(wrapped, self._wrapping, *ref)
        except InvalidTag as error:
            # Another key-encryption key: a fault of the set-up that must not park every event.
            raise Unavailable("a key does not open under this key-encryption key") from error


def open_keyring(database: Database, key_encryption_key: str) -> Keyring:
    """The keyring on the key database; `key_encryption_key` is the base64 of 32 bytes."""
    try:
        wrapping_key = base64.b64decode(key_encryption_key, validate=True)
    except ValueError as error:
        raise BadKeyEncryptionKey from error
    if len(wrapping_key) != KEY_BYTES:
        raise BadKeyEncryptionKey
    return Keyring(PostgresKeyTable(database), wrapping_key)
