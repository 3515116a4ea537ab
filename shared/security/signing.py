"""The issuer's private keys: which one signs now, which ones still verify, which one comes next.

A new key is published before it signs, so that who fetched the keys a moment ago knows it by then,
and the one before stays published until its last token has ended. So keys rotate by one change of
the file, and nobody's token is refused for it. Each key says in the file since when it signs.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, KeySetSerialization

from shared.security.jwks import CURVE, FRESH_SECONDS, key_id, signing_key
from shared.telemetry import describe

SIGNS_FROM = "heroic_signs_from"
"""The member of a key in the file: since when it signs, in seconds since the epoch; else ever."""

CACHED_SECONDS = 60.0
"""So long answers with the keys may be kept on the way."""
REREAD_SECONDS = 1.0
TOKEN_SECONDS = 300.0
AHEAD_SECONDS = FRESH_SECONDS + CACHED_SECONDS + 60.0
"""A new key is published for so long before it signs: a minute is for clocks that differ."""
AFTER_SECONDS = TOKEN_SECONDS + 60.0
"""A key is published for so long after another one took over."""

log = logging.getLogger(__name__)


class Signing(Protocol):
    """Where the issuer's keys come from."""

    @property
    def current(self) -> ECKey:
        """The one that signs."""
        ...

    def public(self) -> bytes:
        """The JWK set to publish."""
        ...

    async def key(self, kid: str) -> ECKey | None:
        """The published key of this id."""
        ...


class SigningKeys:
    """A set of private keys, as it stands in a file. Of those that began to sign at the same time
    the first one counts."""

    def __init__(
        self,
        keys: list[ECKey],
        signs_from: dict[str, float] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not keys:
            raise ValueError("an issuer needs a signing key")
        self._clock = clock
        self._from = {key_id(key): (signs_from or {}).get(key_id(key), 0.0) for key in keys}
        # The newest first.
        ordered = sorted(keys, key=lambda key: self._from[key_id(key)], reverse=True)
        self._keys = {key_id(key): key for key in ordered}

    @classmethod
    def generate(cls) -> "SigningKeys":
        """One new key."""
        return cls([_new_key()])

    @classmethod
    def read(cls, path: Path, *, clock: Callable[[], float] = time.time) -> "SigningKeys":
        """The keys of a private JWK set file; raises ValueError, TypeError, JoseError, OSError."""
        document = json.loads(path.read_bytes())
        signs_from = {
            one["kid"]: float(one.pop(SIGNS_FROM)) for one in document["keys"] if SIGNS_FROM in one
        }
        keys = KeySet.import_key_set(cast(KeySetSerialization, document)).keys
        return cls([signing_key(key) for key in keys], signs_from, clock=clock)

    def write(self, path: Path) -> None:
        """Keep the private set in a new file that only its owner can read."""
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(self._private())

    def replace(self, path: Path) -> None:
        """Put the private set in the place of the file, whose owner stays; no reader sees half."""
        owner = path.stat()
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self._private())
            file.flush()
            os.fsync(file.fileno())
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(path)

    def rotated(self, *, ahead: float = AHEAD_SECONDS) -> "SigningKeys":
        """The set with a new key that signs after `ahead` seconds, without what has retired."""
        key = _new_key()
        keys = [*self._published().values(), key]
        signs_from = {**self._from, key_id(key): self._clock() + ahead}
        return SigningKeys(keys, signs_from, clock=self._clock)

    @property
    def current(self) -> ECKey:
        """The key that signs now."""
        now, ids = self._clock(), [*self._keys]
        # Where all are yet to come, the first of them is better than none.
        return self._keys[next((kid for kid in ids if self._from[kid] <= now), ids[-1])]

    def signs_from(self) -> dict[str, float]:
        """Since when each published key signs, in seconds since the epoch, the newest first."""
        return {kid: self._from[kid] for kid in self._published()}

    def public(self) -> bytes:
        """The JWK set to publish."""
        return json.dumps(KeySet([*self._published().values()]).as_dict(private=False)).encode()

    async def key(self, kid: str) -> ECKey | None:
        """The key of this id (the issuer verifies its own tokens without asking anybody)."""
        return self._keys.get(kid)

    def _published(self) -> dict[str, ECKey]:
        """Those to come, the current one, and those before whose tokens may not have ended."""
        now, ids = self._clock(), [*self._keys]
        # Each was followed by the one before it in the list; who says no time retires nobody.
        followed = [0.0, *(self._from[kid] for kid in ids)]
        return {
            kid: self._keys[kid]
            for kid, taken_over in zip(ids, followed, strict=False)
            if not taken_over or now < taken_over + AFTER_SECONDS
        }

    def _private(self) -> bytes:
        document = KeySet([*self._keys.values()]).as_dict(private=True)
        keys: list[dict[str, object]] = [
            {**one, SIGNS_FROM: self._from[str(one["kid"])]} for one in document["keys"]
        ]
        return json.dumps({"keys": keys}).encode()


class SigningKeyFile:
    """The set in a file, read anew within a second of its change."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._seen = self._look()
        self._keys = SigningKeys.read(path, clock=clock)
        self._looked = time.monotonic()

    @property
    def current(self) -> ECKey:
        """The key that signs now."""
        return self._fresh().current

    def public(self) -> bytes:
        """The JWK set to publish."""
        return self._fresh().public()

    async def key(self, kid: str) -> ECKey | None:
        """The key of this id."""
        return await self._fresh().key(kid)

    def _fresh(self) -> SigningKeys:
        if time.monotonic() - self._looked < REREAD_SECONDS:
            return self._keys
        self._looked = time.monotonic()
        try:
            seen = self._look()
            if seen != self._seen:
                self._keys = SigningKeys.read(self._path, clock=self._clock)
                self._seen = seen
        except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
            # Tokens go on being signed by what was read before.
            log.warning("the signing keys cannot be read anew: %s", describe(error))
        return self._keys

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


def _new_key() -> ECKey:
    return ECKey.generate_key(CURVE, auto_kid=True)
