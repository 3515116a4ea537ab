"""What clients agree to: the organisation's defaults, and their own decisions above them."""

from typing import Any

import pytest

from tests.integration.intake.house import OPENED, House
from tests.support.waiting import eventually_async

PURPOSES = ("supervision", "service_statistics", "integrations", "research")


async def policy(house: House, **defaults: bool) -> None:
    """The organisation leaves this to consent from now on."""
    path = "/intake/v1/organisation/consent-policy"
    answer = await house.caller.http.put(path, json={"defaults": defaults})
    assert answer.status_code == 200, answer.text


async def consents(house: House, client_id: str) -> dict[str, bool]:
    """What is in force for a client."""
    return dict((await house.feed.get(f"clients/{client_id}")).json()["consents"])


async def test_the_organisation_sets_what_holds_until_a_client_decides(house: House) -> None:
    undecided, decided = [(await house.caller.client())["id"] for _ in range(2)]
    body = {"purpose": "supervision", "given": True}
    await house.feed.made(f"clients/{decided}/consents", **body)
    platform = {
        "supervision": True,
        "service_statistics": True,
        "integrations": True,
        "research": False,
    }
    assert await consents(house, undecided) == platform
    await policy(house, supervision=False, research=True)
    changed = platform | {"supervision": False, "research": True}

    async def in_force() -> bool:
        return await consents(house, undecided) == changed

    await eventually_async(in_force, 5)
    assert await consents(house, decided) == changed | {"supervision": True}
    shown = (await house.feed.get(f"clients/{decided}")).json()
    assert shown["consents_decided"] == ["supervision"]
    # The policy is whole: what it does not name is as the platform has it.
    await policy(house, integrations=False)

    async def taken_back() -> bool:
        return await consents(house, undecided) == platform | {"integrations": False}

    await eventually_async(taken_back, 5)


async def test_a_default_of_one_organisation_is_nothing_to_another(
    house: House, stranger: Any
) -> None:
    theirs = await stranger.client()
    await policy(house, supervision=False)
    ours = (await house.caller.client())["id"]

    async def in_force() -> bool:
        return not (await consents(house, ours))["supervision"]

    await eventually_async(in_force, 5)
    found = await stranger.http.get(f"/intake/v1/clients/{theirs['id']}")
    assert found.json()["consents"]["supervision"] is True


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_client_decides_for_themselves(house: House, purpose: str) -> None:
    client, other = await house.caller.client(), await house.caller.client()
    oneself = house.oneself(client["id"])
    for given in (True, False):
        body = {"purpose": purpose, "given": given, "given_by": "Dr Who"}
        decided = await oneself.made(f"clients/{client['id']}/consents", **body)
        assert (decided["given"], decided["given_by"]) == (given, "client")
        assert (await consents(house, client["id"]))[purpose] is given
        refused = await oneself.post(f"clients/{other['id']}/consents", body)
        assert refused.status_code == 404
    assert (await house.audited(oneself))[0][1:] == (client["id"], "self")


@pytest.mark.parametrize("state", ["paused", "declined"])
async def test_a_client_pauses_and_declines_and_care_goes_on(house: House, state: str) -> None:
    clinician = await house.member("clinician")
    client = await clinician.made("clients")
    episode = await clinician.opened(client["id"])
    oneself = house.oneself(client["id"])
    path = f"clients/{client['id']}/measuring"
    answer = await oneself.post(path, {"state": state, "reason": "Enough of forms."})
    assert answer.json()["measuring"] == state
    session = {
        "episode_id": episode["id"],
        "starts_at": OPENED,
        "status": "held",
        "type": "treatment",
    }
    assert (await clinician.post("sessions", session)).status_code == 201
    assert (await oneself.post(path, {"state": "on"})).json()["measuring"] == "on"


async def test_for_a_child_it_is_kept_who_decided(house: House) -> None:
    clinician = await house.member("clinician")
    client = await clinician.made("clients", birth_date="2016-05-01")
    body = {
        "purpose": "research",
        "given": True,
        "given_by": "Mo Doe, mother",
        "wording_version": "2026-01",
    }
    decided = await clinician.made(f"clients/{client['id']}/consents", **body)
    assert decided["given_by"] == "Mo Doe, mother"


async def test_supervision_alone_decides_nothing(house: House) -> None:
    client = await house.caller.client()
    supervisor = await house.member("supervisor")
    body = {"purpose": "supervision", "given": True}
    refused = await supervisor.post(f"clients/{client['id']}/consents", body)
    assert refused.status_code == 403
