"""Numbers of the outside world: whose they are, what is newer, and what nobody may do with them."""

from typing import Any

import pytest

from tests.integration.intake.home import Caller, Intake

NUMBER, OTHER = {"system": "mrn", "value": "1"}, {"system": "mrn", "value": "2"}
MONDAY, TUESDAY, WEDNESDAY = (f"2026-02-{day:02}T09:00:00Z" for day in (2, 3, 4))
CORRECT = "/intake/v1/clients?on_conflict=correct"


async def test_what_was_so_earlier_does_not_correct_what_was_so_later(caller: Caller) -> None:
    body = {"external_id": "p-1", "given_name": "Ada", "as_of": TUESDAY}
    client = await caller.client(**body)
    late = body | {"given_name": "Eva", "as_of": MONDAY}
    stale = await caller.http.post(CORRECT, json=late)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    # What says the same is no correction, whenever it was so.
    same = await caller.http.post("/intake/v1/clients", json=body | {"as_of": MONDAY})
    assert (same.status_code, same.json()["version"]) == (200, client["version"])
    fresh = await caller.http.post(CORRECT, json=late | {"as_of": WEDNESDAY})
    assert (fresh.json()["given_name"], fresh.json()["as_of"]) == ("Eva", WEDNESDAY)
    # At the same moment the last word counts.
    again = await caller.http.post(CORRECT, json=body | {"as_of": WEDNESDAY})
    assert again.json()["given_name"] == "Ada"
    results = await caller.bulk([{"kind": "client"} | late], "?on_conflict=correct")
    assert results[0]["status"] == "conflict"


async def test_a_feed_does_not_undo_what_people_correct_after_it(caller: Caller) -> None:
    body = {"external_id": "p-1", "given_name": "Ada", "as_of": MONDAY}
    client = await caller.client(**body)
    patch = await caller.http.patch(
        f"/intake/v1/clients/{client['id']}", json={"given_name": "Augusta"}
    )
    assert patch.status_code == 200
    late = await caller.http.post(CORRECT, json=body | {"as_of": WEDNESDAY})
    assert (late.status_code, late.json()["code"]) == (409, "stale")
    # Who does not say when, says it of now.
    now = await caller.http.post(CORRECT, json={"external_id": "p-1", "given_name": "Ada"})
    assert now.json()["given_name"] == "Ada"
    future = await caller.http.post(CORRECT, json=body | {"as_of": "2099-01-01T00:00:00Z"})
    assert future.status_code == 422


async def test_what_still_is_so_is_not_corrected_by_what_was_so_in_between(caller: Caller) -> None:
    body = {"external_id": "p-1", "given_name": "Ada"}
    client = await caller.client(**body, as_of=MONDAY)
    still = body | {"as_of": WEDNESDAY}
    plain = await caller.http.post("/intake/v1/clients", json=still)
    assert (plain.status_code, plain.json()["version"]) == (200, client["version"])
    kept = await caller.http.post(CORRECT, json=still)
    assert (kept.status_code, kept.json()["as_of"]) == (200, WEDNESDAY)
    late = await caller.http.post(CORRECT, json=body | {"given_name": "Eva", "as_of": TUESDAY})
    assert (late.status_code, late.json()["code"]) == (409, "stale")


async def test_a_feed_corrects_by_the_version_that_it_has_seen(caller: Caller) -> None:
    client = await caller.client(external_id="p-1", given_name="Ada")
    seen = {"If-Match": f'"{client["version"]}"'}
    body = {"external_id": "p-1", "given_name": "Eva"}
    assert (await caller.http.post(CORRECT, json=body, headers=seen)).status_code == 200
    other = body | {"given_name": "Eve"}
    assert (await caller.http.post(CORRECT, json=other, headers=seen)).status_code == 412


async def test_a_number_of_another_is_taken_by_no_correction(caller: Caller) -> None:
    await caller.client(external_id="p-1", identifiers=[NUMBER], given_name="Ada")
    client = await caller.client(external_id="p-2", identifiers=[OTHER])
    path = f"/intake/v1/clients/{client['id']}"
    for answer in (
        await caller.http.patch(path, json={"identifiers": [NUMBER]}),
        await caller.http.patch(path, json={"external_id": "p-1"}),
        await caller.http.post(CORRECT, json={"external_id": "p-2", "identifiers": [NUMBER]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "Ada" not in answer.text
    assert (await caller.http.get(path)).json() == client
    results = await caller.bulk(
        [{"kind": "client", "external_id": "p-2", "identifiers": [NUMBER]}], "?on_conflict=correct"
    )
    assert results[0]["status"] == "refused"


async def test_a_number_that_an_alias_holds_is_no_strangers(caller: Caller) -> None:
    alias = await caller.client(identifiers=[NUMBER])
    one = await caller.client(identifiers=[OTHER])
    body = {"into": one["id"], "reason": "Registered twice."}
    assert (
        await caller.http.post(f"/intake/v1/clients/{alias['id']}/merge", json=body)
    ).status_code == 200
    both = await caller.http.patch(
        f"/intake/v1/clients/{one['id']}", json={"identifiers": [OTHER, NUMBER]}
    )
    assert both.status_code == 409
    assert "alias" in both.json()["detail"]


@pytest.mark.parametrize(
    "search",
    [
        {"given_name": "Ada"},
        {"given_name": "Ada", "external_id": "p-1"},
        {"identifier": NUMBER, "external_id": "p-1"},
        {"identifier": {"value": "1"}},
        {"id": "p-1"},
        {},
    ],
)
async def test_nobody_is_found_by_a_name(caller: Caller, search: dict[str, Any]) -> None:
    await caller.client(external_id="p-1", given_name="Ada", identifiers=[NUMBER])
    answer = await caller.http.post("/intake/v1/clients/search", json=search)
    assert answer.status_code == 422


async def test_two_of_one_name_are_two(caller: Caller) -> None:
    body = {"given_name": "Ada", "family_name": "Doe", "birth_date": "1990-05-01"}
    assert (await caller.client(**body))["id"] != (await caller.client(**body))["id"]


async def test_no_number_and_no_reason_is_in_the_clear(caller: Caller, intake: Intake) -> None:
    canary = "Zxqvarian"
    alias = await caller.client(identifiers=[{"system": "mrn", "value": canary}])
    one = await caller.client()
    path = f"/intake/v1/clients/{alias['id']}"
    related = {"relation": "guardian", "name": canary}
    await caller.made(f"{path}/related-people", related)
    await caller.http.post(f"{path}/measuring", json={"state": "paused", "reason": canary})
    merge = {"into": one["id"], "reason": canary}
    assert (await caller.http.post(f"{path}/merge", json=merge)).status_code == 200
    unmerge = {"reason": canary}
    assert (await caller.http.post(f"{path}/unmerge", json=unmerge)).status_code == 200
    stored = await intake.events()
    ours = [row for row in stored if row["tenant"] == caller.organisation_id]
    assert len(ours) > 8
    for row in ours:
        assert canary.encode() not in bytes(row["data"])
