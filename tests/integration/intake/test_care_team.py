"""Who cares for whom, and since when: transfers and care teams in time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.ids import new_id
from tests.integration.intake.house import House, Somebody
from tests.support.waiting import eventually_async

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
JANUARY = "2026-01-05T09:00:00Z"
FEBRUARY = "2026-02-01T09:00:00Z"
MARCH = "2026-03-01T09:00:00Z"


def member(person: Somebody, role: str = "lead", **times: str) -> dict[str, str]:
    """Somebody of a team, since January unless said otherwise."""
    return {"person_id": person.id, "role": role, "from": JANUARY} | times


def at(moment: datetime) -> str:
    """A time as callers write it."""
    return moment.isoformat()


async def team_of(house: House, *members: dict[str, Any], status: int = 200) -> dict[str, Any]:
    """An episode whose team is this, or what is answered to whoever would have it so."""
    episode = await house.caller.episode()
    answer = await house.feed.post(f"episodes/{episode['id']}/care-team", list(members))
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def test_a_team_is_shown_and_reaches_the_client(house: House) -> None:
    lead, cover = await house.member("clinician"), await house.member("clinician")
    supervisor, former = await house.member("supervisor"), await house.member("clinician")
    team = [
        member(lead),
        member(cover, "cover", **{"from": at(NOW - DAY), "to": at(NOW + DAY)}),
        member(supervisor, "supervisor"),
        member(former, "co", to=FEBRUARY),
    ]
    episode = await team_of(house, *team)
    assert episode["clinician_id"] == lead.id
    assert [one["role"] for one in episode["care_team"]] == ["lead", "cover", "supervisor", "co"]
    assert episode["care_team"][3]["to"] == FEBRUARY
    assert "to" not in episode["care_team"][0]
    for somebody in (lead, cover, supervisor):
        for path in (f"episodes/{episode['id']}", f"clients/{episode['client_id']}"):
            await somebody.comes_to_reach(path)
    for path in (f"episodes/{episode['id']}", f"clients/{episode['client_id']}"):
        assert not await former.reaches(path)
    again = await house.feed.post(f"episodes/{episode['id']}/care-team", team)
    assert again.json() == episode


async def test_who_is_to_care_later_does_not_reach_yet(house: House) -> None:
    lead, later = await house.member("clinician"), await house.member("clinician")
    episode = await team_of(house, member(lead), member(later, "cover", **{"from": at(NOW + DAY)}))
    await lead.comes_to_reach(f"episodes/{episode['id']}")
    assert not await later.reaches(f"episodes/{episode['id']}")
    assert not await later.reaches(f"clients/{episode['client_id']}")


async def test_a_transfer_may_be_planned_and_is_in_force_at_its_time(house: House) -> None:
    before, after = await house.member("clinician"), await house.member("clinician")
    episode = await house.feed.opened((await house.caller.client())["id"], clinician_id=before.id)
    path = f"episodes/{episode['id']}"
    planned = {"to_clinician_id": after.id, "at": at(NOW + 30 * DAY)}
    answer = await before.post(f"{path}/transfer", planned)
    assert answer.status_code == 200
    assert answer.json()["clinician_id"] == before.id
    assert [one["person_id"] for one in answer.json()["care_team"]] == [before.id, after.id]
    await before.comes_to_reach(path)
    assert not await after.reaches(path)
    too_far = {"to_clinician_id": before.id, "at": at(NOW + 100 * DAY)}
    assert (await before.post(f"{path}/transfer", too_far)).status_code == 422


async def test_a_transfer_ends_the_lead_and_leaves_the_others(house: House) -> None:
    lead, co, after = [await house.member("clinician") for _ in range(3)]
    episode = await team_of(house, member(lead), member(co, "co"))
    path = f"episodes/{episode['id']}"
    moved = await co.post(f"{path}/transfer", {"to_clinician_id": after.id, "at": FEBRUARY})
    team = {one["person_id"]: one.get("to") for one in moved.json()["care_team"]}
    assert team == {lead.id: FEBRUARY, co.id: None, after.id: None}
    await after.comes_to_reach(path)
    await co.comes_to_reach(path)

    async def out() -> bool:
        return not await lead.reaches(path)

    await eventually_async(out)
    early = {"to_clinician_id": lead.id, "at": "2026-01-01T09:00:00Z"}
    assert (await co.post(f"{path}/transfer", early)).status_code == 422


async def test_a_closed_episode_keeps_its_team(house: House) -> None:
    lead = await house.member("clinician")
    episode = await team_of(house, member(lead))
    path = f"episodes/{episode['id']}"
    end = {"closed_at": MARCH, "ending": "planned"}
    assert (await lead.post(f"{path}/close", end)).status_code == 200
    await lead.comes_to_reach(path)
    # Nobody needs to lead what is over.
    done = await house.feed.post(f"{path}/care-team", [member(lead, to=MARCH)])
    assert done.status_code == 200


async def test_who_is_gone_or_unknown_takes_on_nothing(house: House) -> None:
    lead, gone = await house.member("clinician"), await house.member("clinician")
    episode = await house.feed.opened((await house.caller.client())["id"], clinician_id=lead.id)
    path = f"episodes/{episode['id']}"
    assert (await house.feed.post(f"people/{gone.id}/deactivate")).status_code == 200
    nobody = house.somebody("clinician")
    for asker in (lead, house.feed):
        for answer in (
            await asker.post(f"{path}/transfer", {"to_clinician_id": gone.id, "at": FEBRUARY}),
            await asker.post(f"{path}/care-team", [member(lead), member(gone, "co")]),
        ):
            assert answer.status_code == 422
            assert [one["code"] for one in answer.json()["errors"]] == ["inactive"]
    # What people say must be known; a machine may know of somebody before intake does.
    unknown = [member(lead), member(nobody, "co")]
    refused = await lead.post(f"{path}/care-team", unknown)
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/1/person_id"]
    assert (await house.feed.post(f"{path}/care-team", unknown)).status_code == 200
    opening = {"client_id": episode["client_id"], "opened_at": JANUARY, "clinician_id": gone.id}
    assert (await house.feed.post("episodes", opening)).status_code == 422
    # History tells of those who have gone; and so may a team.
    assert (await house.feed.post("episodes?mode=history", opening)).status_code == 201
    past = [member(lead), member(gone, "co", to=FEBRUARY)]
    assert (await house.feed.post(f"{path}/care-team", past)).status_code == 200


@pytest.mark.parametrize(
    ("team", "pointer"),
    [
        ([], ""),
        ([{"role": "co", "from": JANUARY}], ""),
        ([{"role": "lead", "from": JANUARY, "to": FEBRUARY}], ""),
        ([{"role": "lead", "from": FEBRUARY, "to": JANUARY}], "/0/to"),
        ([{"role": "lead", "from": "2199-01-01T00:00:00Z"}], "/0/from"),
        ([{"role": "lead", "from": JANUARY}] * 2, "/1"),
        ([{"role": "lead"}], "/0/from"),
        ([{"role": "owner", "from": JANUARY}], "/0/role"),
        ([{"role": "lead", "from": JANUARY, "since": JANUARY}], "/0/since"),
        ({"members": []}, ""),
    ],
)
async def test_a_team_that_cannot_be_is_refused(house: House, team: Any, pointer: str) -> None:
    episode = await house.caller.episode()
    person = new_id()
    body = [{"person_id": person} | one for one in team] if isinstance(team, list) else team
    answer = await house.feed.post(f"episodes/{episode['id']}/care-team", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await house.feed.get(f"episodes/{episode['id']}")).json()["version"] == 1


async def test_a_team_is_changed_by_whoever_knows_how_it_stands(house: House) -> None:
    lead = await house.member("clinician")
    episode = await team_of(house, member(lead))
    path = f"episodes/{episode['id']}/care-team"
    stale = await lead.post(path, [member(lead), member(lead, "co")], **{"If-Match": '"1"'})
    assert stale.status_code == 412
    team = [member(lead), member(lead, "co")]
    fresh = await lead.post(path, team, **{"If-Match": f'"{episode["version"]}"'})
    assert fresh.status_code == 200
