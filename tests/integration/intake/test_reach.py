"""Who reaches which client, and what is written down of it."""

from functools import partial
from typing import Any

import pytest

from shared.ids import new_id
from tests.integration.intake.home import Caller
from tests.integration.intake.house import OPENED, House, Somebody
from tests.support.waiting import eventually_async

AT = "2026-02-01T09:00:00Z"
SESSION = {"starts_at": AT, "status": "held", "type": "treatment"}
NUMBER = {"system": "mrn", "value": "17"}


async def test_a_clinician_reaches_whom_they_registered_and_opened_for_at_once(
    house: House,
) -> None:
    clinician = await house.member("clinician")
    client = await clinician.made("clients", given_name="Ada")
    assert (await clinician.get(f"clients/{client['id']}")).status_code == 200
    episode = await clinician.opened(client["id"])
    assert episode["clinician_id"] == clinician.id
    await clinician.comes_to_reach(f"episodes/{episode['id']}")
    session = SESSION | {"episode_id": episode["id"]}
    assert (await clinician.post("sessions", session)).status_code == 201
    # Still, once word of it has gone round.
    await house.until(
        "SELECT count(*) = 1 FROM access_care WHERE tenant = $1 AND episode_id = $2",
        episode["id"],
    )
    await clinician.comes_to_reach(f"clients/{client['id']}")


async def test_who_registered_somebody_is_out_once_another_opens_an_episode(house: House) -> None:
    clinician, other = await house.member("clinician"), await house.member("clinician")
    client = await clinician.made("clients")
    await clinician.comes_to_reach(f"clients/{client['id']}")
    await house.feed.opened(client["id"], clinician_id=other.id)
    await other.comes_to_reach(f"clients/{client['id']}")
    await eventually_async(lambda: _out(clinician, f"clients/{client['id']}"))


async def test_a_former_clinician_is_out_and_the_present_one_is_in(house: House) -> None:
    before, after = await house.member("clinician"), await house.member("clinician")
    episode = await house.feed.opened((await house.caller.client())["id"], clinician_id=before.id)
    paths = [f"clients/{episode['client_id']}", f"episodes/{episode['id']}"]
    for path in paths:
        await before.comes_to_reach(path)
    move = {"to_clinician_id": after.id, "at": AT}
    assert (await before.post(f"episodes/{episode['id']}/transfer", move)).status_code == 200
    for path in paths:
        await after.comes_to_reach(path)
        await eventually_async(partial(_out, before, path))


CALLS: list[tuple[str, str, Any]] = [
    ("GET", "clients/{client}", None),
    ("PATCH", "clients/{client}", {"given_name": "Eva"}),
    ("POST", "clients/{client}/consents", {"purpose": "research", "given": True}),
    ("POST", "clients/{client}/measuring", {"state": "paused"}),
    ("GET", "clients/{client}/related-people", None),
    ("POST", "clients/{client}/related-people", {"relation": "guardian"}),
    ("PUT", "clients/{client}/related-people/{related}", {"relation": "guardian"}),
    ("DELETE", "clients/{client}/related-people/{related}", None),
    ("POST", "episodes", {"opened_at": OPENED, "client_id": "{client}"}),
    ("GET", "episodes/{episode}", None),
    ("POST", "episodes/{episode}/close", {"closed_at": AT, "ending": "planned"}),
    ("POST", "episodes/{episode}/reopen", {"at": AT}),
    ("POST", "episodes/{episode}/transfer", {"to_clinician_id": "{related}", "at": AT}),
    ("POST", "episodes/{episode}/care-team", []),
    ("POST", "sessions", SESSION | {"episode_id": "{episode}"}),
    ("PUT", "sessions/{session}", SESSION),
]


async def things_of(caller: Caller) -> dict[str, str]:
    """A client with all that a client can have."""
    episode = await caller.episode(client_id=(await caller.client(identifiers=[NUMBER]))["id"])
    path = f"/intake/v1/clients/{episode['client_id']}/related-people"
    related = await caller.made(path, {"relation": "guardian"})
    session = await caller.made("/intake/v1/sessions", SESSION | {"episode_id": episode["id"]})
    return {
        "client": episode["client_id"],
        "episode": episode["id"],
        "session": session["id"],
        "related": related["id"],
    }


async def test_what_is_out_of_reach_looks_like_what_never_was(
    house: House, stranger: Caller
) -> None:
    clinician = await house.member("clinician")
    ours, theirs = await things_of(house.caller), await things_of(stranger)
    nobodys = {name: new_id() for name in ours}
    stored = len(await house.intake.events())
    for method, path, body in CALLS:
        seen = [
            await _said(clinician, method, path, body, things) for things in (nobodys, ours, theirs)
        ]
        assert seen[0][0] == 404, path
        assert seen[1] == seen[0], path
        assert seen[2] == seen[0], path
    assert len(await house.intake.events()) == stored
    assert await house.audited(clinician) == []


async def test_a_search_finds_whom_one_reaches(house: House) -> None:
    await house.caller.client(identifiers=[NUMBER], external_id="p-1")
    clinician = await house.member("clinician")
    for search in ({"identifier": NUMBER}, {"external_id": "p-1"}):
        assert (await clinician.post("clients/search", search)).json() == {
            "items": [],
            "next": None,
        }
    client = await clinician.made("clients", identifiers=[NUMBER | {"value": "18"}])
    found = await clinician.post("clients/search", {"identifier": NUMBER | {"value": "18"}})
    assert [one["id"] for one in found.json()["items"]] == [client["id"]]


async def test_registering_somebody_known_to_others_tells_nothing_of_them(house: House) -> None:
    known = {"external_id": "p-1", "given_name": "Ada"}
    await house.caller.client(**known, identifiers=[NUMBER])
    clinician = await house.member("clinician")
    same = await clinician.post("clients", known | {"identifiers": [NUMBER]})
    other = await clinician.post("clients", {"external_id": "p-1", "given_name": "Eva"})
    correct = await clinician.post("clients?on_conflict=correct", {"external_id": "p-1"})
    by_number = await clinician.post("clients", {"identifiers": [NUMBER]})
    for answer in (same, other, correct, by_number):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "Ada" not in answer.text
    assert len({answer.json()["detail"] for answer in (same, other, correct, by_number)}) == 1


async def test_a_role_without_clients_gets_none(house: House) -> None:
    episode = await house.caller.episode()
    operator, nobody = house.somebody("operator"), house.somebody()
    administrator = house.somebody("administrator")
    for somebody in (operator, nobody):
        for path in (f"clients/{episode['client_id']}", f"episodes/{episode['id']}"):
            assert (await somebody.get(path)).status_code == 403
        assert (await somebody.post("clients", {})).status_code == 403
    for path in (f"clients/{episode['client_id']}", f"episodes/{episode['id']}"):
        assert (await administrator.get(path)).status_code == 200
    session = SESSION | {"episode_id": episode["id"]}
    assert (await administrator.post("sessions", session)).status_code == 403
    bulk = await administrator.http.post(
        "/intake/v1/bulk", content=b"", headers={"Content-Type": "application/x-ndjson"}
    )
    assert bulk.status_code == 403


async def test_a_supervisor_without_consent_sees_the_client_without_who_it_is(
    house: House,
) -> None:
    clinician = await house.member("clinician")
    supervisor = await house.member("supervisor")
    await house.leads(supervisor, clinician)
    client = await clinician.made(
        "clients",
        external_id="p-1",
        identifiers=[NUMBER],
        given_name="Zxqvarian",
        family_name="Zxqvarian",
        birth_date="1990-02-28",
        contacts=[{"channel": "email", "value": "zxqvarian@example.org", "allowed": True}],
    )
    episode = await clinician.opened(client["id"], external_id="zxqvarian-1")
    path = f"clients/{client['id']}"
    await eventually_async(lambda: supervisor.reaches(path))
    assert (await supervisor.get(path)).json()["given_name"] == "Zxqvarian"

    refusal = {"purpose": "supervision", "given": False}
    assert (await clinician.post(f"{path}/consents", refusal)).status_code == 201

    async def without_names() -> bool:
        return bool((await supervisor.get(path)).json().get("withheld") == ["supervision"])

    await eventually_async(without_names)
    for seen in (await supervisor.get(path), await supervisor.get(f"episodes/{episode['id']}")):
        assert seen.status_code == 200
        assert seen.json()["withheld"] == ["supervision"]
        assert "zxqvarian" not in seen.text.lower()
        assert not seen.json().keys() & {"external_id", "identifiers", "contacts", "birth_date"}
    # Nor are they found by what one knows of them.
    for search in ({"external_id": "p-1"}, {"identifier": NUMBER}):
        assert (await supervisor.post("clients/search", search)).json()["items"] == []
    assert (await supervisor.get(f"{path}/related-people")).status_code == 403
    # Whoever cares sees them as ever, and supervision writes nothing.
    assert (await clinician.get(path)).json()["family_name"] == "Zxqvarian"
    patch = await supervisor.http.patch(f"/intake/v1/{path}", json={"given_name": "Eva"})
    assert patch.status_code == 403


async def test_a_client_sees_themselves_and_nobody_else(house: House) -> None:
    client, other = await house.caller.client(given_name="Ada"), await house.caller.client()
    episode = await house.caller.episode(client_id=client["id"])
    oneself = house.oneself(client["id"])
    assert (await oneself.get(f"clients/{client['id']}")).json()["given_name"] == "Ada"
    assert (await oneself.get(f"episodes/{episode['id']}")).status_code == 200
    assert (await oneself.get(f"clients/{other['id']}")).status_code == 404
    assert (await oneself.post("clients", {})).status_code == 403
    rename = await oneself.http.patch(
        f"/intake/v1/clients/{client['id']}", json={"given_name": "Eva"}
    )
    assert rename.status_code == 403


@pytest.mark.parametrize("key", [None, "again"])
async def test_what_is_asked_again_after_the_reach_has_gone_is_refused(
    house: House, key: str | None
) -> None:
    before, after = await house.member("clinician"), await house.member("clinician")
    episode = await house.feed.opened((await house.caller.client())["id"], clinician_id=before.id)
    headers = {"Idempotency-Key": key} if key else {}
    session = SESSION | {"episode_id": episode["id"], "external_id": "s-1"}
    assert (await before.post("sessions", session, **headers)).status_code == 201
    assert (await before.post("sessions", session, **headers)).status_code in (200, 201)
    move = {"to_clinician_id": after.id, "at": AT}
    assert (await house.feed.post(f"episodes/{episode['id']}/transfer", move)).status_code == 200

    async def refused() -> bool:
        return (await before.post("sessions", session, **headers)).status_code == 404

    await eventually_async(refused)


async def _out(somebody: Somebody, path: str) -> bool:
    return not await somebody.reaches(path)


async def _said(
    somebody: Somebody, method: str, path: str, body: Any, things: dict[str, str]
) -> tuple[int, Any]:
    def filled(value: Any) -> Any:
        return value.format(**things) if isinstance(value, str) else value

    content = (
        {key: filled(value) for key, value in body.items()} if isinstance(body, dict) else (body)
    )
    answer = await somebody.http.request(method, f"/intake/v1/{filled(path)}", json=content)
    said = answer.json()
    said.pop("trace_id", None)
    return answer.status_code, said
