"""A machine that signs what it asks tokens with: good once, for five minutes, for it alone."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from shared.ids import new_id
from tests.integration.intake.home import ISSUER, Caller, Intake
from tests.integration.intake.machines import (
    AUDIENCE,
    P384,
    RSA,
    administrator,
    ask,
    claims,
    jwks,
    registered,
    signed,
)

Forge = Callable[[str], str]
MALLORY = ECKey.generate_key("P-384", parameters={"kid": "p384"})
P256 = ECKey.generate_key("P-256", parameters={"kid": "p384"})


@pytest.fixture
async def client_id(intake: Intake, caller: Caller) -> str:
    """The OAuth client id of a machine with an EC and an RSA key."""
    async with administrator(intake, caller) as admin:
        return str((await registered(admin, jwks=jwks(P384, RSA)))["client_id"])


@pytest.mark.parametrize(("key", "algorithm"), [(P384, "ES384"), (RSA, "RS384")])
async def test_an_assertion_gives_a_token_that_opens(
    intake: Intake, client_id: str, key: ECKey | RSAKey, algorithm: str
) -> None:
    answer = await ask(intake, signed(claims(client_id), key, algorithm), scope="intake.read")
    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == "intake.read"
    async with intake.plain() as http:
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        assert (await http.get(f"/intake/v1/clients/{new_id()}")).status_code == 404


def encoded(value: object) -> str:
    """A part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_nobody(client_id: str) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'p384'})}.{encoded(claims(client_id))}."


def by_the_public_key_as_secret(client_id: str) -> str:
    signing = f"{encoded({'alg': 'HS384', 'kid': 'rsa'})}.{encoded(claims(client_id))}"
    digest = hmac.new(RSA.as_pem(private=False), signing.encode(), hashlib.sha384).digest()
    return f"{signing}.{encoded(digest)}"


def by_rs256(client_id: str) -> str:
    return signed(claims(client_id), RSA, "RS256")


def by_es256(client_id: str) -> str:
    return signed(claims(client_id), P256, "ES256")


def by_another_algorithm_than_said(client_id: str) -> str:
    return signed(claims(client_id), RSA, "RS384", kid="p384")


def by_somebody_else(client_id: str) -> str:
    return signed(claims(client_id), MALLORY)


def by_an_unknown_key(client_id: str) -> str:
    return signed(claims(client_id), kid="unknown")


def by_a_key_that_it_brings(client_id: str) -> str:
    public = MALLORY.as_dict(private=False)
    registry = jws.JWSRegistry(algorithms=["ES384"], strict_check_header=False)
    header = {"alg": "ES384", "kid": "p384", "jwk": public, "jku": "http://attacker.test"}
    return jws.serialize_compact(header, json.dumps(claims(client_id)), MALLORY, registry=registry)


def without_a_key_id(client_id: str) -> str:
    header, rest = {"alg": "ES384"}, json.dumps(claims(client_id))
    return jws.serialize_compact(header, rest, P384, ["ES384"])


def with_other_claims(client_id: str) -> str:
    header, _, signature = signed(claims(client_id)).split(".")
    return f"{header}.{encoded(claims(client_id))}.{signature}"


def oversized(client_id: str) -> str:
    return signed(claims(client_id, note="x" * 5000))


def critical(client_id: str) -> str:
    header = encoded({"alg": "ES384", "kid": "p384", "crit": ["b64"], "b64": False})
    return f"{header}.{encoded(claims(client_id))}.{encoded(b'x' * 96)}"


def saying(**changes: Any) -> Forge:
    """Well signed, and wrong in what it says."""
    return lambda client_id: signed(claims(client_id, **changes))


NOW = time.time()
FORGERIES: dict[str, Forge] = {
    "alg none": by_nobody,
    "swapped algorithm": by_the_public_key_as_secret,
    "RS256": by_rs256,
    "ES256": by_es256,
    "a key of another kind": by_another_algorithm_than_said,
    "another's key": by_somebody_else,
    "unknown key": by_an_unknown_key,
    "a key of its own": by_a_key_that_it_brings,
    "no key id": without_a_key_id,
    "changed claims": with_other_claims,
    "oversized": oversized,
    "critical header": critical,
    "empty": lambda _: "",
    "no token": lambda _: "x.y.z",
    "not ascii": lambda client_id: signed(claims(client_id)) + "ü",
    "wrong audience": saying(aud="https://other.test/token"),
    "the issuer as audience": saying(aud=ISSUER),
    "two audiences": saying(aud=[AUDIENCE, "https://other.test/token"]),
    "no audience": saying(aud=None),
    "wrong issuer": saying(iss="somebody"),
    "no issuer": saying(iss=None),
    "expired": saying(exp=NOW - 60),
    "without an end": saying(exp=None),
    "an end in words": saying(exp="tomorrow"),
    "an end that never comes": saying(exp=1e308),
    "longer than five minutes": saying(exp=NOW + 3600),
    "issued in the future": saying(iat=NOW + 3600),
    "not yet": saying(nbf=NOW + 3600),
    "no id": saying(jti=None),
    "empty id": saying(jti=""),
    "endless id": saying(jti="x" * 1000),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
async def test_what_proves_nothing_is_refused_alike(
    intake: Intake, client_id: str, forge: Forge
) -> None:
    answer = await ask(intake, forge(client_id))
    assert answer.status_code == 401, answer.text
    body = answer.json()
    assert (body["error"], body["code"]) == ("invalid_client", "invalid_client")
    assert body["detail"] == "The client is not known, or it is not this one."


async def test_an_assertion_is_good_once(intake: Intake, client_id: str) -> None:
    assertion = signed(claims(client_id))
    assert (await ask(intake, assertion)).status_code == 200
    assert (await ask(intake, assertion)).status_code == 401
    # The id alone counts, whatever else is signed with it.
    jti = new_id()
    assert (await ask(intake, signed(claims(client_id, jti=jti)))).status_code == 200
    assert (await ask(intake, signed(claims(client_id, jti=jti, iat=NOW)))).status_code == 401


async def test_of_the_same_assertion_at_the_same_moment_one_wins(
    intake: Intake, client_id: str
) -> None:
    assertion = signed(claims(client_id))
    answers = await asyncio.gather(*(ask(intake, assertion) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


async def test_an_assertion_is_for_the_client_that_signed_it(
    intake: Intake, caller: Caller, stranger: Caller, client_id: str
) -> None:
    async with administrator(intake, stranger) as admin:
        other = (await registered(admin, jwks=jwks(MALLORY)))["client_id"]
    for assertion in (
        signed(claims(other)),
        signed(claims(other, sub=None), MALLORY),
        signed(claims(client_id, iss=other), MALLORY),
        signed(claims(other, sub=client_id), MALLORY),
    ):
        assert (await ask(intake, assertion)).status_code == 401
    named = await ask(intake, signed(claims(other), MALLORY), client_id=client_id)
    assert named.status_code == 401
    assert (await ask(intake, signed(claims(other), MALLORY), client_id=other)).status_code == 200


async def test_credentials_of_two_kinds_are_refused(intake: Intake, client_id: str) -> None:
    assertion = signed(claims(client_id))
    two = await ask(intake, assertion, client_secret="x")
    other = await ask(intake, assertion, client_assertion_type="saml")
    assert {(one.status_code, one.json()["error"]) for one in (two, other)} == {
        (400, "invalid_request")
    }


async def test_assertions_that_have_ended_are_forgotten(
    intake: Intake, caller: Caller, client_id: str
) -> None:
    connection = await asyncpg.connect(intake.urls.owner)
    try:
        await connection.execute(f"SET heroic.tenants = '{{{caller.organisation_id}}}'")
        await connection.execute("UPDATE used_assertions SET ends = ends - interval '1 hour'")
        for _ in range(3):
            assert (await ask(intake, signed(claims(client_id)))).status_code == 200
            await connection.execute("UPDATE used_assertions SET ends = ends - interval '1 hour'")
        assert await connection.fetchval("SELECT count(*) FROM used_assertions") <= 1
    finally:
        await connection.close()


async def test_a_library_that_is_not_ours_gets_its_token_by_smart_backend_services(
    intake: Intake, client_id: str
) -> None:
    """Discovery, then `private_key_jwt`, by Authlib's own client."""
    async with intake.plain() as http:
        found = (await http.get("/intake/.well-known/smart-configuration")).json()
    assert "client-confidential-asymmetric" in found["capabilities"]
    assert "ES384" in found["token_endpoint_auth_signing_alg_values_supported"]
    endpoint = found["token_endpoint"]

    def session(key: ECKey | RSAKey, algorithm: str) -> AsyncOAuth2Client:
        # SMART asks for a `kid` and five minutes at most; Authlib's own default is an hour.
        soon = {"exp": int(time.time()) + 240}
        return AsyncOAuth2Client(
            client_id,
            key,
            token_endpoint_auth_method=PrivateKeyJWT(endpoint, soon, {"kid": key.kid}, algorithm),
            transport=httpx.ASGITransport(intake.asgi),
        )

    for key, algorithm in ((P384, "ES384"), (RSA, "RS384")):
        async with session(key, algorithm) as granted:
            token = await granted.fetch_token(endpoint, grant_type="client_credentials")
            assert token["token_type"] == "Bearer"
            assert (await granted.get(f"{ISSUER}/intake/v1/clients/{new_id()}")).status_code == 404
    async with session(P384, "ES384") as refused:
        with pytest.raises(OAuthError, match="invalid_scope"):
            await refused.fetch_token(
                endpoint, grant_type="client_credentials", scope="system/*.read"
            )
