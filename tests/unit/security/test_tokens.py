"""Tokens: only what the issuer signed, for us, for now, verifies."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from shared.errors import Unauthenticated
from shared.security import AUDIENCE, SCOPES, Principal, SigningKeys, TokenIssuer, TokenVerifier

ISSUER = "https://heroic.test"
TENANT = "0190a7d0-0000-7000-8000-00000000000a"
PRINCIPAL = Principal(
    tenant=TENANT, id="machine", kind="integration", scopes=frozenset({"intake.read"})
)


@pytest.fixture
def keys() -> SigningKeys:
    return SigningKeys.generate()


@pytest.fixture
def verifier(keys: SigningKeys) -> TokenVerifier:
    return TokenVerifier(keys, ISSUER)


def claims(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    good: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "machine",
        "tenant": TENANT,
        "kind": "integration",
        "scope": "intake.read",
        "iat": now,
        "exp": now + 300,
    }
    merged = good | changes
    return {name: value for name, value in merged.items() if value is not None}


def signed(keys: SigningKeys, **changes: object) -> str:
    header = {"alg": "ES256", "kid": keys.current.kid}
    return jwt.encode(header, claims(**changes), keys.current)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_an_issued_token_says_who_it_is(keys: SigningKeys, verifier: TokenVerifier) -> None:
    token = TokenIssuer(keys, ISSUER).issue(PRINCIPAL)
    assert (await verifier.verify(token)).principal == PRINCIPAL
    # From the cache the second time, and the same.
    assert (await verifier.verify(token)).principal == PRINCIPAL


async def test_scopes_that_do_not_exist_are_not_held(
    keys: SigningKeys, verifier: TokenVerifier
) -> None:
    token = signed(keys, scope="intake.read root.everything")
    assert (await verifier.verify(token)).principal.scopes == {"intake.read"}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": ["other", "another"]},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 99_999_999_999},
        {"iat": 99_999_999_999},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"tenant": None},
        {"tenant": "*"},
        {"tenant": [TENANT]},
        {"kind": "root"},
        {"scope": None},
        {"scope": list(SCOPES)},
    ],
)
async def test_wrong_claims_do_not_verify(
    keys: SigningKeys, verifier: TokenVerifier, changes: dict[str, object]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(signed(keys, **changes))


def without_algorithm(keys: SigningKeys) -> str:
    return f"{part({'alg': 'none', 'kid': keys.current.kid})}.{part(claims())}."


def with_a_shared_secret(keys: SigningKeys) -> str:
    """The public key taken for an HMAC secret: the oldest trick."""
    secret = OctKey.import_key(keys.public())
    return jwt.encode({"alg": "HS256", "kid": keys.current.kid}, claims(), secret, ["HS256"])


def by_somebody_else(keys: SigningKeys) -> str:
    """Another key under the issuer's key id."""
    return jwt.encode(
        {"alg": "ES256", "kid": keys.current.kid}, claims(), SigningKeys.generate().current
    )


def by_an_unknown_key(keys: SigningKeys) -> str:
    return signed(SigningKeys.generate())


def with_a_key_of_its_own(keys: SigningKeys) -> str:
    """The header brings the key that it wants to be verified with."""
    other = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "kid": keys.current.kid, "jwk": other.as_dict(private=False)}
    return jwt.encode(header, claims(), other)


def by_rsa(keys: SigningKeys) -> str:
    header = {"alg": "RS256", "kid": keys.current.kid}
    return jwt.encode(header, claims(), RSAKey.generate_key(2048), ["RS256"])


def with_a_changed_payload(keys: SigningKeys) -> str:
    header, _, signature = signed(keys).split(".")
    return f"{header}.{part(claims(scope=' '.join(SCOPES)))}.{signature}"


def without_a_key_id(keys: SigningKeys) -> str:
    return jwt.encode({"alg": "ES256"}, claims(), keys.current)


def oversize(keys: SigningKeys) -> str:
    return signed(keys, padding="x" * 10_000)


def empty(_: SigningKeys) -> str:
    return ""


def no_token(_: SigningKeys) -> str:
    return "Zm9v.YmFy"


def not_ascii(_: SigningKeys) -> str:
    return "ü.ü.ü"


def broken_header(keys: SigningKeys) -> str:
    return f"{part(['alg'])}.{part(claims())}.x"


@pytest.mark.parametrize(
    "forge",
    [
        without_algorithm,
        with_a_shared_secret,
        by_somebody_else,
        by_an_unknown_key,
        with_a_key_of_its_own,
        by_rsa,
        with_a_changed_payload,
        without_a_key_id,
        oversize,
        empty,
        no_token,
        not_ascii,
        broken_header,
    ],
)
async def test_forged_tokens_do_not_verify(
    keys: SigningKeys, verifier: TokenVerifier, forge: Callable[[SigningKeys], str]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(forge(keys))


async def test_a_remembered_token_ends_when_it_expires(
    keys: SigningKeys, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = TokenIssuer(keys, ISSUER).issue(PRINCIPAL)
    await verifier.verify(token)
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_a_key_that_is_withdrawn_counts_no_longer_than_five_minutes(
    keys: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a token that whoever stole the key has given a long life."""
    known: list[SigningKeys] = [keys]

    class Published:
        async def key(self, kid: str) -> ECKey | None:
            return await known[0].key(kid)

    verifier = TokenVerifier(Published(), ISSUER)
    token = TokenIssuer(keys, ISSUER).issue(PRINCIPAL, seconds=1_000_000)
    await verifier.verify(token)
    known[0] = SigningKeys.generate()
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_the_session_of_a_secret_travels_with_its_tokens(
    keys: SigningKeys, verifier: TokenVerifier
) -> None:
    machine = Principal(tenant=TENANT, id="machine", kind="integration", session="secret-1")
    assert (await verifier.verify(TokenIssuer(keys, ISSUER).issue(machine))).principal == machine


async def test_only_so_many_tokens_are_remembered(
    keys: SigningKeys, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.security.tokens.CACHED_TOKENS", 3)
    issuer = TokenIssuer(keys, ISSUER)
    for _ in range(10):
        await verifier.verify(issuer.issue(PRINCIPAL))
    assert len(verifier._seen) == 3
