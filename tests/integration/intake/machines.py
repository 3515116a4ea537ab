"""Machines of an organisation for tests, the keys that they sign with, and who makes them."""

import time
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from services.intake.assertions import ASSERTION_TYPE
from shared.ids import new_id
from shared.security import Principal
from tests.integration.intake.home import ISSUER, Caller, Intake

TOKEN = "/intake/oauth/token"
AUDIENCE = f"{ISSUER}{TOKEN}"
GRANT = {"grant_type": "client_credentials"}
CSRF = "c" * 32

Key = ECKey | RSAKey

P384 = ECKey.generate_key("P-384", parameters={"kid": "p384"})
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"})


def administrator(intake: Intake, caller: Caller) -> httpx.AsyncClient:
    """The caller's organisation as its administrator sees it."""
    principal = Principal(
        tenant=caller.organisation_id,
        id=new_id(),
        kind="person",
        roles=frozenset({"administrator"}),
        session=new_id(),
        csrf=CSRF,
    )
    http = intake.plain()
    http.headers["Authorization"] = f"Bearer {intake.app.state.issuer.issue(principal)}"
    return http


async def registered(admin: httpx.AsyncClient, **fields: object) -> dict[str, Any]:
    """A new machine, with all that its registration tells."""
    body = {"name": "feed", "scopes": ["intake.read", "intake.write"]} | fields
    answer = await admin.post("/intake/v1/integrations", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def jwks(*keys: Key) -> dict[str, Any]:
    """What is public of the keys."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def claims(client_id: str, **changes: Any) -> dict[str, Any]:
    """What an assertion says; None leaves a claim out."""
    said = {
        "iss": client_id,
        "sub": client_id,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 240,
        "jti": new_id(),
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def signed(
    said: dict[str, Any], key: Key = P384, algorithm: str = "ES384", **header: object
) -> str:
    """An assertion."""
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, said, key, [algorithm])


async def ask(intake: Intake, assertion: str, **form: str) -> httpx.Response:
    """Ask for a token by an assertion."""
    fields = GRANT | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    async with intake.plain() as http:
        return await http.post(TOKEN, data=fields | form)


async def ask_by_secret(intake: Intake, client_id: str, secret: str) -> httpx.Response:
    """Ask for a token by a secret."""
    async with intake.plain() as http:
        return await http.post(TOKEN, data=GRANT, auth=(client_id, secret))
