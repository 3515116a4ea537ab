"""The issuer's public keys, as the services fetch them."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Protocol, cast

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, KeySetSerialization

from shared.errors import Unavailable

ALGORITHM = "ES256"
CURVE = "P-256"

FRESH_SECONDS = 300.0
REFETCH_SECONDS = 10.0
FETCH_TIMEOUT_SECONDS = 5.0
MAX_JWKS_BYTES = 64 * 1024


class KeySource(Protocol):
    """Where public keys of the issuer come from."""

    async def key(self, kid: str) -> ECKey | None:
        """The key of this id, or None where there is none; `Unavailable` if it cannot be known."""
        ...


class JwksUrl:
    """The issuer's public keys by HTTP: fetched when first needed, kept for five minutes.

    An unknown key id asks again, at most once in ten seconds. Keys that can be neither fetched
    nor are fresh are not used: verification fails closed.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, ECKey] = {}
        self._fetched = self._tried = -float("inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> ECKey | None:
        """The key of this id; None where the issuer does not publish it."""
        if kid in self._keys and self._is_fresh():
            return self._keys[kid]
        # Whoever comes while keys are being fetched waits for them.
        async with self._lock:
            if self._wants_fetch(kid):
                self._tried = self._clock()
                await self._fetch()
        return self._usable(kid)

    def _is_fresh(self) -> bool:
        return self._clock() - self._fetched < FRESH_SECONDS

    def _wants_fetch(self, kid: str) -> bool:
        if kid in self._keys and self._is_fresh():
            return False
        # A fetch that failed a moment ago is tried again after a second, an unknown id later.
        pause = REFETCH_SECONDS if self._is_fresh() else 1.0
        return self._clock() - self._tried >= pause

    def _usable(self, kid: str) -> ECKey | None:
        if not self._is_fresh():
            raise Unavailable("The issuer's keys cannot be reached.")
        return self._keys.get(kid)

    async def _fetch(self) -> None:
        try:
            async with httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS, trust_env=False) as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
            if len(answer.content) > MAX_JWKS_BYTES:
                return
            published = KeySet.import_key_set(cast(KeySetSerialization, _json(answer.content)))
            keys = [signing_key(key) for key in published.keys]
        except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError):
            # Nothing usable came: what was fetched before stays good for its five minutes.
            return
        self._keys = {key_id(key): key for key in keys}
        self._fetched = self._clock()


def _json(raw: bytes) -> object:
    return json.loads(raw)


def signing_key(key: object) -> ECKey:
    """`key`, which must be one that can sign tokens here; TypeError for any other."""
    if not isinstance(key, ECKey) or key.curve_name != CURVE:
        raise TypeError(f"only {CURVE} keys sign tokens here")
    return key


def key_id(key: ECKey) -> str:
    """The id of a key, made from the key where it has none."""
    key.ensure_kid()
    return key.kid or key.thumbprint()
