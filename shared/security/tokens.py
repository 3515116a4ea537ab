"""Tokens: intake issues them, every service verifies them by itself."""

import base64
import time
from collections import OrderedDict
from typing import Any, Literal, NamedTuple, cast, get_args

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from shared.errors import Unauthenticated
from shared.ids import is_id, new_id
from shared.security.jwks import ALGORITHM, KeySource
from shared.security.principal import SCOPES, Principal, PrincipalKind, StaffRole
from shared.security.signing import Signing

AUDIENCE = "heroic"
LIFETIME_SECONDS = 300
AHEAD_SECONDS = 1

MAX_TOKEN_CHARS = 4096
CACHED_TOKENS = 10_000


class Verified(NamedTuple):
    """Whose token it is, and when it was issued and ends, in seconds since the epoch."""

    principal: Principal
    issued: float
    ends: float


def session_of_secret(secret_id: str) -> str:
    """The session of the tokens that an integration gets by one of its secrets: it ends with it."""
    return f"secret-{secret_id}"


class TokenIssuer:
    """Signs the tokens of the platform."""

    def __init__(self, keys: Signing, issuer: str, *, audience: str = AUDIENCE) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    def issue(self, principal: Principal, *, seconds: int = LIFETIME_SECONDS) -> str:
        """A token by which `principal` is known for this many seconds."""
        # To the millisecond: who signs in again right after a sign-out has the newer token.
        now = round(time.time(), 3)
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": principal.id,
            "tenant": principal.tenant,
            "kind": principal.kind,
            "scope": " ".join(sorted(principal.scopes)),
            "iat": now,
            "exp": int(now) + seconds,
            "jti": new_id(),
        }
        if principal.roles:
            claims["roles"] = sorted(principal.roles)
        if principal.session is not None:
            claims["sid"] = principal.session
        if principal.csrf is not None:
            claims["csrf"] = principal.csrf
        key = self._keys.current
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, [ALGORITHM])


class TokenVerifier:
    """Verifies tokens against the issuer's keys.

    A signature costs about 180 µs, so tokens that verified are remembered, at most 10,000 of
    them, until they expire, and for five minutes at most: a key that is withdrawn counts no longer.
    """

    def __init__(self, keys: KeySource, issuer: str, *, audience: str = AUDIENCE) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._seen: OrderedDict[str, tuple[Verified, float]] = OrderedDict()

    async def verify(self, token: str) -> Verified:
        """Whose token this is; `Unauthenticated` for anything but a good one.

        Raises `Unavailable` where the issuer's keys cannot be had.
        """
        if (seen := self._seen.get(token)) is not None:
            verified, until = seen
            if time.time() < until:
                return verified
            del self._seen[token]
        verified = await self._read(token)
        self._seen[token] = verified, min(verified.ends, time.time() + LIFETIME_SECONDS)
        if len(self._seen) > CACHED_TOKENS:
            self._seen.popitem(last=False)
        return verified

    async def _read(self, token: str) -> Verified:
        if len(token) > MAX_TOKEN_CHARS:
            raise Unauthenticated("The token is too long.")
        try:
            key = await self._keys.key(_key_id(token))
            if key is None:
                raise Unauthenticated("The token does not verify.")
            claims = jwt.decode(token, key, [ALGORITHM]).claims
            JWTClaimsRegistry(
                # Times of issue are told to the millisecond, by a clock that may be ahead of ours.
                leeway=AHEAD_SECONDS,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            ).validate(claims)
            if claims["exp"] <= time.time():
                raise Unauthenticated("The token does not verify.")
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError) as error:
            raise Unauthenticated("The token does not verify.") from error
        return Verified(_principal(claims), float(claims["iat"]), float(claims["exp"]))


class _Header(msgspec.Struct):
    """The part of a token's header that says which key signed it."""

    alg: Literal["ES256"]
    kid: str


def _key_id(token: str) -> str:
    """The key that `token` claims to be signed with. Nothing else of the header is believed."""
    encoded = token.partition(".")[0].encode("ascii")
    raw = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    return msgspec.json.decode(raw, type=_Header).kid


class _Claims(msgspec.Struct):
    """The claims of ours, as they must be."""

    sub: str
    tenant: str
    kind: str
    scope: str
    roles: list[StaffRole] = []
    sid: str | None = None
    csrf: str | None = None


def _principal(claims: dict[str, object]) -> Principal:
    try:
        ours = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError as error:
        raise Unauthenticated("The token does not verify.") from error
    if not is_id(ours.tenant) or not ours.sub or ours.kind not in get_args(PrincipalKind):
        raise Unauthenticated("The token does not verify.")
    return Principal(
        tenant=ours.tenant,
        id=ours.sub,
        kind=cast(PrincipalKind, ours.kind),
        scopes=frozenset(ours.scope.split()).intersection(SCOPES),
        roles=frozenset(ours.roles),
        session=ours.sid,
        csrf=ours.csrf,
    )
