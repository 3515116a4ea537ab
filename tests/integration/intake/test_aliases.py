"""What holds for a person who is several clients, and what feeds send of their aliases."""

from typing import Any

from tests.integration.intake.home import Caller
from tests.integration.intake.house import OPENED
from tests.integration.intake.merging import OLD, client_of, decide, merged, two, unmerged


async def test_the_strictest_consent_holds_and_a_refusal_holds_everywhere(caller: Caller) -> None:
    alias, one = await two(caller)
    await decide(caller, alias, "integrations", given=False)
    await decide(caller, one, "research", given=True)
    shown = await merged(caller, alias, one)
    assert shown["consents"] == {
        "supervision": True,
        "service_statistics": True,
        "integrations": False,
        "research": False,
    }
    assert shown["consents_decided"] == ["integrations", "research"]
    # The person, as one, can agree to what half of them had refused …
    await decide(caller, one, "integrations", given=True)
    await decide(caller, alias, "research", given=True)
    assert all((await client_of(caller, one))["consents"].values())
    # … and what was agreed to by a person who were two is not taken for the other's word.
    await decide(caller, one, "supervision", given=False)
    await unmerged(caller, alias)
    assert (await client_of(caller, alias))["consents"] == {
        "supervision": False,
        "service_statistics": True,
        "integrations": False,
        "research": False,
    }
    assert (await client_of(caller, one))["consents"]["research"] is True


async def test_the_strictest_measuring_holds_until_they_are_two_again(caller: Caller) -> None:
    alias, one = await two(caller)
    path = "/intake/v1/clients/{}/measuring"
    await caller.http.post(path.format(alias), json={"state": "declined"})
    assert (await merged(caller, alias, one))["measuring"] == "declined"
    resumed = await caller.http.post(path.format(one), json={"state": "on"})
    assert resumed.json()["measuring"] == "on"
    assert (await unmerged(caller, alias))["measuring"] == "declined"
    assert (await client_of(caller, one))["measuring"] == "on"


async def test_what_a_feed_sends_for_an_alias_goes_on_with_the_one(caller: Caller) -> None:
    alias, one = await two(caller)
    body = {"external_id": "e-1", "opened_at": OPENED, "client_external_id": "p-old"}
    before = await caller.made("/intake/v1/episodes", body)
    await merged(caller, alias, one)

    known = {"external_id": "p-old", "identifiers": [OLD], "given_name": "Ada"}
    again = await caller.http.post("/intake/v1/clients", json=known)
    assert (again.status_code, again.json()["id"]) == (200, one)
    # The feed knows its own record: it is corrected, and the one stays as they are.
    other = known | {"given_name": "Adele"}
    assert (await caller.http.post("/intake/v1/clients", json=other)).status_code == 409
    corrected = await caller.http.post("/intake/v1/clients?on_conflict=correct", json=other)
    assert (corrected.status_code, corrected.json()["given_name"]) == (200, "Augusta")

    same = await caller.http.post("/intake/v1/episodes", json=body)
    assert (same.status_code, same.json()["id"]) == (200, before["id"])
    fresh = await caller.made("/intake/v1/episodes", body | {"external_id": "e-2"})
    assert fresh["client_id"] == one
    lines: list[dict[str, Any]] = [
        {"kind": "client"} | other,
        {"kind": "episode", **body},
        {"kind": "episode", **body, "external_id": "e-3"},
        {
            "kind": "session",
            "episode_external_id": "e-1",
            "starts_at": OPENED,
            "status": "held",
            "type": "treatment",
        },
        {"kind": "consent", "client_external_id": "p-old", "purpose": "research", "given": True},
    ]
    results = await caller.bulk(lines)
    assert [one["status"] for one in results] == [
        "unchanged",
        "unchanged",
        "created",
        "created",
        "created",
    ]
    await unmerged(caller, alias)
    assert (await client_of(caller, alias))["given_name"] == "Adele"


async def test_an_alias_is_corrected_as_the_one_by_whoever_reads_it(caller: Caller) -> None:
    alias, one = await two(caller)
    shown = await merged(caller, alias, one)
    path = f"/intake/v1/clients/{alias}"
    headers = {"If-Match": f'"{shown["version"]}"'}
    patched = await caller.http.patch(path, json={"language": "nb"}, headers=headers)
    assert (patched.status_code, patched.json()["id"]) == (200, one)
    stale = await caller.http.patch(path, json={"language": "en"}, headers=headers)
    assert stale.status_code == 412
