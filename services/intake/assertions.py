"""Client assertions: a machine proves who it is by a JWT that it signs (RFC 7523, SMART backend
services). Each is good once, and for five minutes at most."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, TypeVar, cast

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, KeySetSerialization, RSAKey

from shared.database import Database, driver
from shared.errors import HeroicError

T = TypeVar("T")

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("ES384", "RS384")
CURVE = "P-384"
RSA_BITS = 2048, 8192
MAX_KEYS = 10
MAX_JWKS_CHARS = 32 * 1024

MAX_ASSERTION_CHARS = 4096
MAX_JTI_CHARS = 256
MAX_SECONDS = 300
LEEWAY_SECONDS = 10
"""So far may the clock of a machine be off."""
PRUNED_AT_ONCE = 100

# Of two at the same moment one waits for the other, and then finds it there.
USE = """
INSERT INTO used_assertions (tenant, integration_id, jti_hash, ends)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true
"""
PRUNE = """
DELETE FROM used_assertions WHERE (tenant, integration_id, jti_hash) IN (
    SELECT tenant, integration_id, jti_hash FROM used_assertions
    WHERE tenant = $1 AND ends < $2 ORDER BY ends LIMIT $3
    FOR UPDATE SKIP LOCKED
)
"""


class BadAssertion(HeroicError):
    """The assertion proves nothing; the caller says no more than that to whoever sent it."""


class BadKeys(ValueError):
    """What was given is no set of public keys that can sign assertions; says why."""


class _Header(msgspec.Struct):
    """The part of an assertion's header that is looked at: nothing that it brings is trusted."""

    alg: Literal["ES384", "RS384"]
    kid: str


class _Claims(msgspec.Struct):
    """The claims, as they must be."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    jti: str
    iat: float | None = None
    nbf: float | None = None


class Assertion(msgspec.Struct, frozen=True):
    """A good assertion: what makes it one of a kind, and when it ends (epoch seconds)."""

    jti: str
    ends: float


def claimed_client(assertion: str) -> str:
    """The client that an assertion says it is of, unproved; BadAssertion where it says none."""
    return _decoded(assertion, 1, _Claims).sub


def verify(
    assertion: str, jwks: str, client_id: str, audience: str, *, now: float | None = None
) -> Assertion:
    """The assertion, which a key of `jwks` signed for `client_id`; BadAssertion for any other."""
    now = time.time() if now is None else now
    header = _decoded(assertion, 0, _Header)
    key = _keys(jwks).get(header.kid)
    if key is None or key.key_type != {"ES384": "EC", "RS384": "RSA"}[header.alg]:
        raise BadAssertion
    try:
        jwt.decode(assertion, key, [header.alg])
    except (JoseError, ValueError, TypeError) as error:
        raise BadAssertion from error
    claims = _decoded(assertion, 1, _Claims)
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    good = (
        claims.iss == claims.sub == client_id
        and audiences == [audience]
        and now < claims.exp + LEEWAY_SECONDS
        and claims.exp <= now + MAX_SECONDS + LEEWAY_SECONDS
        and (claims.iat is None or claims.iat <= now + LEEWAY_SECONDS)
        and (claims.nbf is None or claims.nbf <= now + LEEWAY_SECONDS)
        and 0 < len(claims.jti) <= MAX_JTI_CHARS
    )
    if not good:
        raise BadAssertion
    return Assertion(claims.jti, claims.exp + LEEWAY_SECONDS)


class UsedAssertions:
    """Remembers which assertions were used, for as long as they would be good."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def use(self, tenant: str, integration_id: str, assertion: Assertion) -> None:
        """Use it up; BadAssertion where it has been used before."""
        digest = hashlib.sha256(assertion.jti.encode()).hexdigest()
        ends = datetime.fromtimestamp(assertion.ends, UTC)
        now = datetime.fromtimestamp(self._clock(), UTC)
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            first = await raw.fetchval(USE, tenant, integration_id, digest, ends)
            await raw.execute(PRUNE, tenant, now, PRUNED_AT_ONCE)
        if not first:
            raise BadAssertion


def public_keys(given: object) -> str:
    """A JWK set as it is kept, of what a caller gave; raises BadKeys.

    Only what makes up the public keys and their ids is kept. A private key is refused rather than
    stripped: whoever sent it should know that it is out.
    """
    keys = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS:
        raise BadKeys(f"A JWK set with 1 to {MAX_KEYS} keys is needed.")
    checked = [_public_key(key) for key in keys]
    if len({key["kid"] for key in checked}) < len(checked):
        raise BadKeys("Two keys have the same kid.")
    return json.dumps({"keys": checked}, sort_keys=True)


def _public_key(given: object) -> dict[str, str]:
    if not isinstance(given, dict) or not isinstance(given.get("kid"), str) or not given["kid"]:
        raise BadKeys("Each key needs a kid.")
    if len(given["kid"]) > MAX_JTI_CHARS or "\0" in given["kid"]:
        raise BadKeys("A kid is too long.")
    if given.keys() & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}:
        raise BadKeys("A private key was sent: it is out, so make another one.")
    kinds: dict[object, tuple[type[ECKey] | type[RSAKey], tuple[str, ...]]] = {
        "EC": (ECKey, ("kty", "crv", "x", "y")),
        "RSA": (RSAKey, ("kty", "n", "e")),
    }
    if given.get("kty") not in kinds:
        raise BadKeys("Only EC and RSA keys sign assertions.")
    kind, members = kinds[given["kty"]]
    kept = {name: given.get(name) for name in members}
    if not all(isinstance(value, str) and len(value) < MAX_JWKS_CHARS for value in kept.values()):
        raise BadKeys("A key is not complete.")
    try:
        key = kind.import_key(cast(dict[str, str | list[str]], kept))
        fits = _fits(key)
    except (JoseError, ValueError, TypeError) as error:
        raise BadKeys("A key cannot be read.") from error
    if not fits:
        raise BadKeys("EC keys are of P-384 (ES384), RSA keys of 2048 to 8192 bits (RS384).")
    return {"kid": given["kid"], **cast(dict[str, str], kept)}


def _fits(key: ECKey | RSAKey) -> bool:
    if isinstance(key, ECKey):
        return key.curve_name == CURVE
    return RSA_BITS[0] <= key.public_key.key_size <= RSA_BITS[1]


def _keys(jwks: str) -> dict[str, ECKey | RSAKey]:
    if not jwks:
        return {}
    keys = KeySet.import_key_set(cast(KeySetSerialization, json.loads(jwks))).keys
    return {key.kid or "": key for key in keys if isinstance(key, ECKey | RSAKey)}


def _decoded(assertion: str, part: int, kind: type[T]) -> T:
    parts = assertion.split(".")
    if len(assertion) > MAX_ASSERTION_CHARS or len(parts) != 3:
        raise BadAssertion
    try:
        encoded = parts[part].encode("ascii")
        raw = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadAssertion from error
