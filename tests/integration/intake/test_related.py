"""People close to a client, and what they may see: nothing, unless somebody who may says so."""

from functools import partial
from typing import Any

import pytest

from shared.ids import new_id
from tests.integration.intake.house import House, Somebody
from tests.support.waiting import eventually_async

CHILD, ADULT = "2016-05-01", "1990-05-01"
WORDS = ["outcomes", "words"]


async def cared_for(house: House, **fields: Any) -> tuple[Somebody, dict[str, Any]]:
    """A clinician, and a client whom they care for."""
    clinician = await house.member("clinician")
    client = await clinician.made("clients", **fields)
    await clinician.opened(client["id"])
    return clinician, client


def people_of(client: dict[str, Any]) -> str:
    """Where those are who are close to a client."""
    return f"clients/{client['id']}/related-people"


async def test_somebody_is_added_listed_changed_and_removed(house: House) -> None:
    clinician, client = await cared_for(house, birth_date=CHILD)
    path = people_of(client)
    made = await clinician.made(path, relation="guardian", name="Mo Doe")
    assert made["may_see"] == []
    assert [one["name"] for one in (await clinician.get(path)).json()["items"]] == ["Mo Doe"]

    put = f"/intake/v1/{path}/{made['id']}"
    body = {"relation": "caretaker", "name": "Mo Doe", "may_see": ["words"]}
    changed = await clinician.http.put(put, json=body)
    # Words belong to outcomes.
    assert changed.json()["may_see"] == WORDS
    again = await clinician.http.put(put, json=body)
    assert again.json() == changed.json()
    assert (await clinician.http.delete(put)).status_code == 204
    assert (await clinician.get(path)).json() == {"items": [], "next": None}
    assert (await clinician.http.delete(put)).status_code == 404
    assert (await clinician.http.put(put, json=body)).status_code == 404


async def test_a_childs_words_are_opened_by_the_care_team_alone(house: House) -> None:
    clinician, client = await cared_for(house, birth_date=CHILD)
    administrator = await house.member("administrator")
    both = await house.member("administrator", "clinician")
    oneself, path = house.oneself(client["id"]), people_of(client)
    letting = {"relation": "caretaker", "may_see": WORDS}
    for somebody in (administrator, both, oneself):
        refused = await somebody.post(path, letting)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        # To see the outcomes is another matter.
        less = letting | {"may_see": ["outcomes"]}
        assert (await somebody.post(path, less)).status_code == 201
    assert (await clinician.post(path, letting)).status_code == 201
    assert (await house.feed.post(path, letting)).status_code == 201
    team = [
        {"person_id": one.id, "role": role, "from": "2026-01-05T09:00:00Z"}
        for one, role in ((clinician, "lead"), (both, "co"))
    ]
    episode = await clinician.opened(client["id"])
    assert (await clinician.post(f"episodes/{episode['id']}/care-team", team)).status_code == 200

    async def may() -> bool:
        return (await both.post(path, letting)).status_code == 201

    await eventually_async(may)


@pytest.mark.parametrize(("birth_date", "status"), [(ADULT, 201), (CHILD, 403), (None, 403)])
async def test_a_client_opens_their_words_once_they_are_known_to_be_of_age(
    house: House, birth_date: str | None, status: int
) -> None:
    client = await house.caller.client(**({"birth_date": birth_date} if birth_date else {}))
    oneself = house.oneself(client["id"])
    answer = await oneself.post(people_of(client), {"relation": "collateral", "may_see": WORDS})
    assert answer.status_code == status


async def test_words_once_open_stay_so_and_can_be_closed_by_anybody_who_may_change(
    house: House,
) -> None:
    clinician, client = await cared_for(house, birth_date=CHILD)
    administrator = await house.member("administrator")
    made = await clinician.made(people_of(client), relation="caretaker", may_see=WORDS)
    put = f"/intake/v1/{people_of(client)}/{made['id']}"
    renamed = {"relation": "caretaker", "may_see": WORDS, "name": "Mo Doe"}
    assert (await administrator.http.put(put, json=renamed)).status_code == 200
    closed = renamed | {"may_see": ["outcomes"]}
    assert (await administrator.http.put(put, json=closed)).status_code == 200
    assert (await administrator.http.put(put, json=renamed)).status_code == 403


async def test_a_related_person_sees_little_of_the_client_and_gives_themselves_nothing(
    house: House,
) -> None:
    clinician, client = await cared_for(
        house,
        birth_date=CHILD,
        given_name="Ada",
        family_name="Doe",
        external_id="p-1",
        contacts=[{"channel": "email", "value": "ada@example.org", "allowed": True}],
    )
    path, people = f"clients/{client['id']}", people_of(client)
    blind = await clinician.made(people, relation="caretaker")
    caretaker = await clinician.made(people, relation="caretaker", may_see=["outcomes"])
    guardian = await clinician.made(people, relation="guardian", may_see=["outcomes"])
    for related in (caretaker, guardian):
        close = house.oneself(related["id"])
        await eventually_async(partial(close.reaches, path))
        seen = (await close.get(path)).json()
        assert seen["withheld"] == ["related"]
        assert seen["given_name"] == "Ada"
        assert not seen.keys() & {"family_name", "external_id", "contacts", "identifiers"}
        assert (await close.get(people)).status_code == 403
        mine = f"/intake/v1/{people}/{related['id']}"
        letting = {"relation": "guardian", "may_see": WORDS}
        assert (await close.http.put(mine, json=letting)).status_code == 403
        assert (await close.post(people, {"relation": "collateral"})).status_code == 403
        assert (await close.http.delete(mine)).status_code == 403
    assert not await house.oneself(blind["id"]).reaches(path)
    assert not await house.oneself(new_id()).reaches(path)

    consent = {"purpose": "research", "given": True, "given_by": "Dr Who"}
    assert (await house.oneself(caretaker["id"]).post(f"{path}/consents", consent)).status_code == (
        403
    )
    pause = {"state": "paused"}
    assert (await house.oneself(caretaker["id"]).post(f"{path}/measuring", pause)).status_code == (
        403
    )
    decided = await house.oneself(guardian["id"]).post(f"{path}/consents", consent)
    assert decided.status_code == 201
    # Who decides is known by who asks, whatever they say.
    assert decided.json()["given_by"] == "guardian"

    gone = await clinician.http.delete(f"/intake/v1/{people}/{guardian['id']}")
    assert gone.status_code == 204

    async def out() -> bool:
        answer = await house.oneself(guardian["id"]).get(path)
        return answer.status_code in (401, 404)

    await eventually_async(out)


@pytest.mark.parametrize(
    "body",
    [
        {"relation": "friend"},
        {"relation": "guardian", "may_see": ["everything"]},
        {"relation": "guardian", "may_see": "words"},
        {"name": "Mo Doe"},
        {"relation": "guardian", "name": ""},
        {"relation": "guardian", "related_id": "x"},
    ],
)
async def test_who_is_close_is_said_as_it_must_be(house: House, body: dict[str, Any]) -> None:
    client = await house.caller.client()
    assert (await house.feed.post(people_of(client), body)).status_code == 422


async def test_there_is_an_end_to_how_many_are_close(house: House) -> None:
    client = await house.caller.client()
    for _ in range(20):
        await house.feed.made(people_of(client), relation="collateral")
    assert (await house.feed.post(people_of(client), {"relation": "guardian"})).status_code == 409
