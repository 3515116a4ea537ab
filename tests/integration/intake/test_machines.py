"""Machines of an organisation: made by its administrators, with secrets and keys that rotate."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from shared.ids import new_id
from tests.integration.intake.home import Caller, Intake
from tests.integration.intake.machines import (
    P384,
    RSA,
    administrator,
    ask,
    ask_by_secret,
    claims,
    jwks,
    registered,
    signed,
)

MACHINES = "/intake/v1/integrations"


async def test_the_secret_of_a_new_machine_is_shown_once_and_opens(
    intake: Intake, caller: Caller
) -> None:
    async with administrator(intake, caller) as admin:
        made = await registered(admin, scopes=["outcomes.read"])
        answer = await ask_by_secret(intake, made["client_id"], made["client_secret"])
        assert answer.json()["scope"] == "outcomes.read"
        again = (await admin.get(f"{MACHINES}/{made['id']}")).json()
        listed = (await admin.get(MACHINES)).json()["items"]
    assert "client_secret" not in again
    assert [one["name"] for one in listed] == ["feed", "feed"]
    assert made["client_secret"] not in str(listed)
    stored = await intake.events("IntegrationRegistered")
    assert all(made["client_secret"].encode() not in row["data"] for row in stored)


async def test_a_repeated_registration_makes_nothing_and_shows_no_secret(
    intake: Intake, caller: Caller
) -> None:
    body = {"name": "feed", "scopes": ["intake.read"]}
    headers = {"Idempotency-Key": "once"}
    async with administrator(intake, caller) as admin:
        first = await admin.post(MACHINES, json=body, headers=headers)
        second = await admin.post(MACHINES, json=body, headers=headers)
        other = await admin.post(MACHINES, json=body | {"name": "x"}, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert "client_secret" in first.json()
    assert "client_secret" not in second.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_a_machine_makes_no_machine(intake: Intake, caller: Caller) -> None:
    body = {"name": "more", "scopes": ["intake.read"]}
    for method, path in (
        ("POST", MACHINES),
        ("GET", MACHINES),
        ("POST", f"{MACHINES}/{new_id()}/rotate"),
        ("DELETE", f"{MACHINES}/{new_id()}"),
    ):
        answer = await caller.http.request(method, path, json=body if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_two_secrets_open_until_one_is_removed(intake: Intake, caller: Caller) -> None:
    async with administrator(intake, caller) as admin:
        made = await registered(admin)
        machine = f"{MACHINES}/{made['id']}"
        rotated = await admin.post(f"{machine}/rotate")
        assert rotated.status_code == 201
        second = rotated.json()
        assert len(second["secrets"]) == 2
        third = await admin.post(f"{machine}/rotate")
        assert (third.status_code, third.json()["code"]) == (409, "too_many_secrets")
        for secret in (made["client_secret"], second["client_secret"]):
            assert (await ask_by_secret(intake, made["client_id"], secret)).status_code == 200
        removed = await admin.delete(f"{machine}/secrets/{made['secret_id']}")
        assert [one["id"] for one in removed.json()["secrets"]] == [second["secret_id"]]
        again = await admin.delete(f"{machine}/secrets/{made['secret_id']}")
        assert again.status_code == 404
        last = await admin.delete(f"{machine}/secrets/{second['secret_id']}")
        assert (last.status_code, last.json()["code"]) == (409, "last_way_in")
    refused = await ask_by_secret(intake, made["client_id"], made["client_secret"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    opened = await ask_by_secret(intake, made["client_id"], second["client_secret"])
    assert opened.status_code == 200


async def test_keys_replace_secrets_and_secrets_keys(intake: Intake, caller: Caller) -> None:
    async with administrator(intake, caller) as admin:
        made = await registered(admin, jwks=jwks(P384, RSA))
        assert made["key_ids"] == ["p384", "rsa"]
        assert made["secrets"] == []
        assert "client_secret" not in made
        machine = f"{MACHINES}/{made['id']}"
        last = await admin.put(f"{machine}/keys", json={"keys": []})
        assert (last.status_code, last.json()["code"]) == (409, "last_way_in")
        secret = (await admin.post(f"{machine}/rotate")).json()["client_secret"]
        none = await admin.put(f"{machine}/keys", json={"keys": []})
        assert none.json()["key_ids"] == []
    assert (await ask_by_secret(intake, made["client_id"], secret)).status_code == 200
    refused = await ask(intake, signed(claims(made["client_id"])))
    assert refused.status_code == 401


async def test_a_revoked_machine_gets_no_token_and_nothing_more(
    intake: Intake, caller: Caller
) -> None:
    async with administrator(intake, caller) as admin:
        made = await registered(admin)
        machine = f"{MACHINES}/{made['id']}"
        for _ in range(2):
            assert (await admin.delete(machine)).json()["revoked"] is True
        assert (await admin.post(f"{machine}/rotate")).status_code == 409
        assert (await admin.put(f"{machine}/keys", json=jwks(P384))).status_code == 409
    refused = await ask_by_secret(intake, made["client_id"], made["client_secret"])
    assert refused.status_code == 401
    assert len(await revoked(intake, made["id"])) == 1


async def revoked(intake: Intake, integration_id: str) -> list[Any]:
    rows = await intake.events("IntegrationRevoked")
    return [row for row in rows if integration_id in row["stream"]]


async def test_machines_of_others_are_not_there(
    intake: Intake, caller: Caller, stranger: Caller
) -> None:
    async with administrator(intake, caller) as ours, administrator(intake, stranger) as theirs:
        made = await registered(ours)
        machine = f"{MACHINES}/{made['id']}"
        answers = [
            await theirs.get(machine),
            await theirs.delete(machine),
            await theirs.post(f"{machine}/rotate"),
            await theirs.put(f"{machine}/keys", json=jwks(P384)),
            await theirs.delete(f"{machine}/secrets/{made['secret_id']}"),
        ]
        assert {answer.status_code for answer in answers} == {404}
        listed = (await theirs.get(MACHINES)).json()["items"]
    assert made["id"] not in {one["id"] for one in listed}


async def test_lists_of_machines_come_by_pages(intake: Intake, caller: Caller) -> None:
    async with administrator(intake, caller) as admin:
        wanted = [(await registered(admin, name=str(n), jwks=jwks(P384)))["id"] for n in range(3)]
        found: list[str] = []
        following: str | None = f"{MACHINES}?limit=2"
        while following:
            page = await admin.get(following)
            found += [one["id"] for one in page.json()["items"]]
            link = page.links.get("next")
            following = link["url"] if link else None
    assert found[1:] == wanted


PRIVATE = P384.as_dict(private=True)
P256 = ECKey.generate_key("P-256", parameters={"kid": "p256"}).as_dict(private=False)
SMALL = RSAKey.generate_key(1024, parameters={"kid": "small"}).as_dict(private=False)
SHARED = OctKey.generate_key(256, parameters={"kid": "shared"}).as_dict(private=True)
PUBLIC = P384.as_dict(private=False)


@pytest.mark.parametrize(
    "keys",
    [
        [PRIVATE],
        [RSA.as_dict(private=True)],
        [SHARED],
        [P256],
        [SMALL],
        [PUBLIC, PUBLIC],
        [{name: value for name, value in PUBLIC.items() if name != "kid"}],
        [PUBLIC | {"kid": ""}],
        [PUBLIC | {"x": "AAAA"}],
        [PUBLIC | {"x": 1}],
        [PUBLIC | {"crv": "P-256"}],
        [{"kid": "a", "kty": "RSA", "n": "AQAB", "e": "AQAB"}],
        [{"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": PUBLIC["x"]}],
        [{}],
        ["x"],
        [PUBLIC] * 11,
    ],
)
async def test_only_public_keys_that_may_sign_are_taken(
    intake: Intake, caller: Caller, keys: list[Any]
) -> None:
    async with administrator(intake, caller) as admin:
        machine = f"{MACHINES}/{caller.credentials.client_id.partition('.')[2]}"
        answer = await admin.put(f"{machine}/keys", json={"keys": keys})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert (await admin.get(machine)).json()["key_ids"] == []


async def test_nothing_but_the_public_key_is_kept(intake: Intake, caller: Caller) -> None:
    async with administrator(intake, caller) as admin:
        told = PUBLIC | {"x5u": "http://attacker.test", "use": "sig", "note": "canary"}
        await registered(admin, jwks={"keys": [told]})
    row = (await intake.events("IntegrationKeysSet"))[-1]
    assert b"canary" not in row["data"]
    assert b"attacker" not in row["data"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["everything"]},
        {"name": "", "scopes": ["intake.read"]},
        {"name": "a", "scopes": ["intake.read"], "secret": "mine"},
    ],
)
async def test_a_machine_holds_scopes_that_there_are(
    intake: Intake, caller: Caller, body: dict[str, Any]
) -> None:
    async with administrator(intake, caller) as admin:
        answer = await admin.post(MACHINES, json=body)
    assert answer.status_code == 422
