"""An organisation's clinics, teams and policies: whole, by administrators, and secrets unseen."""

from typing import Any

import asyncpg
import pytest

from shared.ids import new_id
from tests.integration.staff.house import House

ORGANISATION = "/intake/v1/organisation"
PROVIDER = {
    "issuer": "https://login.example.org/",
    "client_id": "heroic",
    "client_secret": "canary-of-the-provider",
    "group_roles": {"therapists": ["clinician"]},
}


async def test_clinics_and_teams_are_seen_at_once(house: House) -> None:
    clinic = {"name": "North", "timezone": "Europe/Berlin"}
    north = (await house.admin.post("/intake/v1/clinics", json=clinic)).json()
    assert (await house.admin.get("/intake/v1/clinics")).json()["items"] == [north]
    lead, member = await house.invite("supervisor"), await house.invite("clinician")
    body = {"name": "A", "clinic_id": north["id"], "lead_ids": [lead], "member_ids": [member]}
    team = (await house.admin.post("/intake/v1/teams", json=body)).json()
    assert (await house.admin.get("/intake/v1/teams")).json()["items"] == [team]
    changed = await house.admin.put(f"/intake/v1/teams/{team['id']}", json=body | {"name": "B"})
    assert changed.json() == team | {"name": "B"}
    dissolved = await house.admin.put(f"/intake/v1/teams/{team['id']}", json={"name": "B"})
    assert dissolved.status_code == 200
    assert (await house.admin.get("/intake/v1/teams")).json()["items"] == []


async def test_a_team_is_of_people_and_in_a_clinic_of_the_organisation(
    house: House, neighbours: House
) -> None:
    theirs = await neighbours.invite()
    clinic = {"name": "North", "timezone": "Europe/Berlin"}
    north = (await neighbours.admin.post("/intake/v1/clinics", json=clinic)).json()
    for body, pointer in (
        ({"name": "A", "member_ids": [theirs]}, "/member_ids/0"),
        ({"name": "A", "lead_ids": [new_id()]}, "/lead_ids/0"),
        ({"name": "A", "clinic_id": north["id"]}, "/clinic_id"),
    ):
        answer = await house.admin.post("/intake/v1/teams", json=body)
        assert answer.status_code == 422
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    unknown = await house.admin.put(f"/intake/v1/teams/{new_id()}", json={"name": "A"})
    assert unknown.status_code == 404


async def test_policies_are_set_whole_and_read_back(house: House) -> None:
    consents = {"defaults": {"research": True, "supervision": False}}
    answer = await house.admin.put(f"{ORGANISATION}/consent-policy", json=consents)
    assert answer.json()["consent_policy"] == consents
    sign_in = {"second_factor_roles": ["administrator"], "erasure_wait_days": 14}
    await house.admin.put(f"{ORGANISATION}/sign-in-policy", json=sign_in)
    found = (await house.admin.get(ORGANISATION)).json()
    assert found["consent_policy"] == consents
    assert found["sign_in_policy"] == sign_in
    assert found["name"] == "Clinic network"


async def test_the_secret_of_a_provider_is_sealed_and_never_shown(house: House) -> None:
    path = f"{ORGANISATION}/identity-provider"
    headers = {"Idempotency-Key": "provider"}
    told = await house.admin.put(path, json=PROVIDER, headers=headers)
    read = await house.admin.get(ORGANISATION)
    for answer in (told, read):
        assert answer.status_code == 200
        assert "canary-of-the-provider" not in answer.text
        assert answer.json()["identity_provider"]["issuer"] == "https://login.example.org"
    connection = await asyncpg.connect(house.platform.urls["intake"].reader)
    try:
        for table in ("events", "idempotency"):
            rows = await connection.fetch(f"SELECT {table}::text AS row FROM {table}")  # noqa: S608
            for row in rows:
                assert b"canary-of-the-provider".hex() not in row["row"]
                assert "canary-of-the-provider" not in row["row"]
    finally:
        await connection.close()
    off = await house.admin.put(path, json={"issuer": ""})
    assert "identity_provider" not in off.json() or off.json()["identity_provider"] is None


async def test_a_secret_that_is_left_out_stays(house: House) -> None:
    path = f"{ORGANISATION}/identity-provider"
    await house.admin.put(path, json=PROVIDER)
    without = {name: value for name, value in PROVIDER.items() if name != "client_secret"}
    changed = without | {"group_roles": {"doctors": ["supervisor"]}}
    await house.admin.put(path, json=changed)
    organisations = house.platform.apps["intake"].state.organisations
    provider = (await organisations.get(house.tenant)).provider
    assert provider.client_secret == "canary-of-the-provider"
    assert provider.group_roles == {"doctors": ["supervisor"]}
    # It was given to one provider, and is told to no other.
    moved = await house.admin.put(path, json=without | {"issuer": "https://other.example.org"})
    assert moved.status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("consent-policy", {"defaults": {"everything": True}}),
        ("consent-policy", {}),
        ("sign-in-policy", {"second_factor_roles": ["owner"]}),
        ("sign-in-policy", {"erasure_wait_days": -1}),
        ("sign-in-policy", {"erasure_wait_days": 10_000}),
        ("identity-provider", PROVIDER | {"issuer": "javascript:alert(1)"}),
        ("identity-provider", PROVIDER | {"issuer": "https://"}),
        ("identity-provider", PROVIDER | {"issuer": "https://a@b.example.org"}),
        ("identity-provider", PROVIDER | {"issuer": "https://a.example.org/?x=1"}),
        ("identity-provider", PROVIDER | {"group_roles": {"a": ["owner"]}}),
        ("identity-provider", PROVIDER | {"client_secret": ""}),
    ],
)
async def test_a_policy_that_is_none_is_refused(
    house: House, path: str, body: dict[str, Any]
) -> None:
    answer = await house.admin.put(f"{ORGANISATION}/{path}", json=body)
    assert answer.status_code == 422


async def test_only_administrators_decide_for_the_organisation(house: House) -> None:
    somebody = await house.invite("supervisor")
    async with house.platform.http(house.token(somebody, "supervisor")) as supervisor:
        assert (await supervisor.get(ORGANISATION)).status_code == 200
        for method, path, body in (
            ("PUT", f"{ORGANISATION}/consent-policy", {"defaults": {}}),
            ("PUT", f"{ORGANISATION}/sign-in-policy", {}),
            ("PUT", f"{ORGANISATION}/identity-provider", {"issuer": ""}),
            ("POST", "/intake/v1/clinics", {"name": "A", "timezone": "UTC"}),
            ("POST", "/intake/v1/teams", {"name": "A"}),
            ("PUT", f"/intake/v1/teams/{new_id()}", {"name": "A"}),
        ):
            assert (await supervisor.request(method, path, json=body)).status_code == 403
