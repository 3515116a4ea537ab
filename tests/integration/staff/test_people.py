"""People of an organisation: what they may do is given and taken, and somebody stays in charge."""

import asyncio

import pytest

from shared.ids import new_id
from tests.integration.staff.house import House

PEOPLE = "/intake/v1/people"


async def test_people_are_listed_in_the_order_of_their_invitation(house: House) -> None:
    invited = [await house.invite(name=f"Person {n}") for n in range(5)]
    listed, following = [], f"{PEOPLE}?limit=2"
    while following:
        page = (await house.admin.get(following)).json()
        listed += page["items"]
        following = f"{PEOPLE}?limit=2&cursor={page['next']}" if page["next"] else ""
    assert [one["id"] for one in listed] == invited
    assert listed[0] == {
        "id": invited[0],
        "name": "Person 0",
        "email": None,
        "roles": ["clinician"],
        "active": True,
        "joined": False,
    }


async def test_roles_are_given_and_taken_once(house: House) -> None:
    somebody = await house.invite("clinician")
    roles = f"{PEOPLE}/{somebody}/roles"
    for _ in range(2):
        answer = await house.admin.post(roles, json={"role": "supervisor"})
        assert answer.json()["roles"] == ["clinician", "supervisor"]
    for _ in range(2):
        assert (await house.admin.delete(f"{roles}/clinician")).json()["roles"] == ["supervisor"]
    assert (await house.admin.get(f"{PEOPLE}/{somebody}")).json()["roles"] == ["supervisor"]
    unknown = await house.admin.post(roles, json={"role": "owner"})
    assert unknown.status_code == 422
    assert (await house.admin.delete(f"{roles}/owner")).status_code == 422


async def test_nobody_comes_back(house: House) -> None:
    somebody = await house.invite()
    for _ in range(2):
        answer = await house.admin.post(f"{PEOPLE}/{somebody}/deactivate")
        assert answer.json()["active"] is False
    granted = await house.admin.post(f"{PEOPLE}/{somebody}/roles", json={"role": "operator"})
    assert (granted.status_code, granted.json()["code"]) == (409, "conflict")


async def test_the_last_administrator_stays(house: House) -> None:
    first = await house.invite("administrator", "clinician")
    for answer in (
        await house.admin.post(f"{PEOPLE}/{first}/deactivate"),
        await house.admin.delete(f"{PEOPLE}/{first}/roles/administrator"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
    assert (await house.admin.delete(f"{PEOPLE}/{first}/roles/clinician")).status_code == 200
    second = await house.invite("administrator")
    assert (await house.admin.post(f"{PEOPLE}/{first}/deactivate")).status_code == 200
    left = await house.admin.delete(f"{PEOPLE}/{second}/roles/administrator")
    assert left.status_code == 409


@pytest.mark.parametrize("repeat", range(3))
async def test_of_two_administrators_who_end_each_other_one_stays(
    house: House, repeat: int
) -> None:
    both = [await house.invite("administrator") for _ in range(2)]
    answers = await asyncio.gather(
        *(house.admin.post(f"{PEOPLE}/{one}/deactivate") for one in both)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    people = (await house.admin.get(PEOPLE)).json()["items"]
    assert sum(one["active"] for one in people) == 1


async def test_the_right_to_manage_people_is_needed(house: House) -> None:
    somebody = await house.invite("clinician")
    async with house.platform.http(house.token(somebody, "clinician")) as clinician:
        assert (await clinician.get(PEOPLE)).status_code == 200
        for answer in (
            await clinician.post(PEOPLE, json={"name": "A", "roles": ["clinician"]}),
            await clinician.post(f"{PEOPLE}/{somebody}/deactivate"),
            await clinician.post(f"{PEOPLE}/{somebody}/roles", json={"role": "administrator"}),
            await clinician.delete(f"{PEOPLE}/{somebody}/roles/clinician"),
            await clinician.get(f"{PEOPLE}/{somebody}/caseload"),
            await clinician.post(f"{PEOPLE}/{somebody}/hand-over", json={"to_person_id": somebody}),
        ):
            assert answer.status_code == 403


async def test_people_of_others_are_not_there(house: House, neighbours: House) -> None:
    theirs, successor = await neighbours.invite(), await house.invite()
    for person_id in (theirs, new_id(), "nobody"):
        path = f"{PEOPLE}/{person_id}"
        for answer in (
            await house.admin.get(path),
            await house.admin.post(f"{path}/deactivate"),
            await house.admin.post(f"{path}/roles", json={"role": "operator"}),
            await house.admin.delete(f"{path}/roles/clinician"),
            await house.admin.get(f"{path}/caseload"),
            await house.admin.post(f"{path}/hand-over", json={"to_person_id": successor}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    listed = (await house.admin.get(PEOPLE)).json()["items"]
    assert [one["id"] for one in listed] == [successor]


async def test_a_deactivated_person_is_refused_everywhere_within_five_seconds(house: House) -> None:
    somebody = await house.invite("clinician")
    token = house.token(somebody, "clinician")
    assert set((await house.statuses(token)).values()) == {200}
    await house.admin.post(f"{PEOPLE}/{somebody}/deactivate")
    await house.refused_everywhere(token)
    # Nobody who is gone comes back, whatever they hold.
    assert set((await house.statuses(house.token(somebody, "clinician"))).values()) == {401}


async def test_a_token_with_a_role_that_is_gone_is_refused_everywhere(house: House) -> None:
    somebody = await house.invite("clinician", "supervisor")
    token = house.token(somebody, "clinician", "supervisor")
    await house.admin.delete(f"{PEOPLE}/{somebody}/roles/supervisor")
    await house.refused_everywhere(token)
    assert set((await house.statuses(house.token(somebody, "clinician"))).values()) == {200}


async def test_nobody_is_left_without_a_lead(house: House) -> None:
    leaver, successor = await house.invite("clinician"), await house.invite("clinician")
    wanted = sorted([await house.episode(leaver) for _ in range(3)])
    others = await house.episode(successor)
    closed = await house.episode(leaver)
    ending = {"closed_at": "2026-02-05T09:00:00Z", "ending": "planned"}
    await house.machine.post(f"/intake/v1/episodes/{closed}/close", json=ending)
    await house.platform.carry()
    caseload = f"{PEOPLE}/{leaver}/caseload"
    led = (await house.admin.get(caseload)).json()["items"]
    assert [one["episode_id"] for one in led] == wanted
    assert not any(one["without_lead"] for one in led)

    await house.admin.post(f"{PEOPLE}/{leaver}/deactivate")
    led = (await house.admin.get(caseload)).json()["items"]
    assert [one["without_lead"] for one in led] == [True] * 3

    handed = await house.admin.post(
        f"{PEOPLE}/{leaver}/hand-over", json={"to_person_id": successor}
    )
    assert {one["status"] for one in handed.json()["items"]} == {"handed_over"}
    await house.platform.carry()
    assert (await house.admin.get(caseload)).json()["items"] == []
    taken = (await house.admin.get(f"{PEOPLE}/{successor}/caseload")).json()["items"]
    assert [one["episode_id"] for one in taken] == sorted([*wanted, others])
    again = await house.admin.post(f"{PEOPLE}/{leaver}/hand-over", json={"to_person_id": successor})
    assert again.json() == {"items": []}


async def test_only_a_clinician_with_access_takes_over(house: House) -> None:
    leaver, gone = await house.invite("clinician"), await house.invite("clinician")
    await house.admin.post(f"{PEOPLE}/{gone}/deactivate")
    path = f"{PEOPLE}/{leaver}/hand-over"
    for successor, status in (
        (gone, 409),
        (await house.invite("operator"), 409),
        (leaver, 422),
        (new_id(), 422),
    ):
        answer = await house.admin.post(path, json={"to_person_id": successor})
        assert answer.status_code == status
