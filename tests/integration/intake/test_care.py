"""The story of a client in care, told through HTTP."""

import pytest

from tests.integration.intake.home import Caller, Intake

OPENED = "2026-01-05T09:00:00Z"


async def test_a_client_is_registered_found_and_corrected(caller: Caller) -> None:
    number = {"system": "nhs", "value": "943 476 5919"}
    made = await caller.client(
        external_id="p-1", given_name="Ada", identifiers=[number], birth_date="1990-02-28"
    )
    assert made["measuring"] == "on"
    assert made["consents"] == {
        "supervision": True,
        "service_statistics": True,
        "integrations": True,
        "research": False,
    }

    for search in ({"external_id": "p-1"}, {"identifier": number}):
        found = await caller.http.post("/intake/v1/clients/search", json=search)
        assert [one["id"] for one in found.json()["items"]] == [made["id"]]
        assert found.json()["next"] is None
    nobody = await caller.http.post("/intake/v1/clients/search", json={"external_id": "p-2"})
    assert nobody.json() == {"items": [], "next": None}

    path = f"/intake/v1/clients/{made['id']}"
    other = {"system": "nhs", "value": "943 476 5870"}
    changes = {"given_name": "Augusta", "birth_date": None, "identifiers": [other]}
    corrected = await caller.http.patch(path, json=changes)
    assert corrected.status_code == 200
    now = (await caller.http.get(path)).json()
    assert now["given_name"] == "Augusta"
    assert "birth_date" not in now
    assert now["external_id"] == "p-1"
    gone = await caller.http.post("/intake/v1/clients/search", json={"identifier": number})
    assert gone.json()["items"] == []
    # The number that was given up is free for somebody else.
    assert (await caller.client(identifiers=[number]))["id"] != made["id"]


async def test_the_same_external_id_is_the_same_client(caller: Caller) -> None:
    body = {"external_id": "p-1", "given_name": "Ada"}
    made = await caller.client(**body)
    again = await caller.http.post("/intake/v1/clients", json=body)
    assert (again.status_code, again.json()) == (200, made)

    other = body | {"given_name": "Eva"}
    refused = await caller.http.post("/intake/v1/clients", json=other)
    assert (refused.status_code, refused.json()["code"]) == (409, "other_content")
    assert "Eva" not in refused.text

    corrected = await caller.http.post("/intake/v1/clients?on_conflict=correct", json=other)
    assert corrected.status_code == 200
    assert corrected.json()["id"] == made["id"]
    assert corrected.json()["given_name"] == "Eva"


async def test_an_identifier_belongs_to_one_client(caller: Caller) -> None:
    number = {"system": "mrn", "value": "17"}
    await caller.client(identifiers=[number])
    second = await caller.http.post("/intake/v1/clients", json={"identifiers": [number]})
    assert second.status_code == 409
    twice = await caller.http.post("/intake/v1/clients", json={"identifiers": [number, number]})
    assert twice.status_code in (409, 422)


async def test_consents_follow_the_last_decision_made(caller: Caller) -> None:
    client = await caller.client()
    path = f"/intake/v1/clients/{client['id']}"
    given = {"purpose": "research", "given": True, "at": "2026-02-01T10:00:00Z"}
    first = await caller.http.post(f"{path}/consents", json=given)
    assert first.status_code == 201
    again = await caller.http.post(f"{path}/consents", json=given)
    assert (again.status_code, again.json()) == (200, first.json())

    heard_late = {"purpose": "research", "given": False, "at": "2026-01-01T10:00:00Z"}
    assert (await caller.http.post(f"{path}/consents", json=heard_late)).status_code == 201
    assert (await caller.http.get(path)).json()["consents"]["research"] is True
    repeated = await caller.http.post(f"{path}/consents", json=heard_late)
    assert repeated.status_code == 200

    withdrawn = {"purpose": "research", "given": False, "at": "2026-03-01T10:00:00Z"}
    await caller.http.post(f"{path}/consents", json=withdrawn)
    assert (await caller.http.get(path)).json()["consents"]["research"] is False


async def test_measuring_can_be_paused(caller: Caller) -> None:
    client = await caller.client()
    path = f"/intake/v1/clients/{client['id']}/measuring"
    paused = await caller.http.post(path, json={"state": "paused", "reason": "on holiday"})
    assert paused.json()["measuring"] == "paused"
    again = await caller.http.post(path, json={"state": "paused"})
    assert again.json()["version"] == paused.json()["version"]


@pytest.mark.parametrize(
    ("birth_date", "stated", "expected"),
    [
        (None, None, "adult"),
        (None, "child", "child"),
        ("2013-01-06", None, "child"),
        ("2013-01-05", None, "adolescent"),
        ("2008-01-06", "adolescent", "adolescent"),
        ("2008-01-05", None, "adult"),
        ("2008-02-29", None, "adolescent"),
        ("2008-01-05", "adolescent", None),
        ("2026-01-06", None, None),
    ],
)
async def test_the_age_group_follows_from_the_birth_date(
    caller: Caller, birth_date: str | None, stated: str | None, expected: str | None
) -> None:
    client = await caller.client(**({"birth_date": birth_date} if birth_date else {}))
    body = {"client_id": client["id"], "opened_at": OPENED, "kind": "individual"}
    if stated:
        body["age_group"] = stated
    answer = await caller.http.post("/intake/v1/episodes", json=body)
    if expected is None:
        assert answer.status_code == 422
    else:
        assert answer.status_code == 201
        assert answer.json()["age_group"] == expected


async def test_an_episode_is_opened_transferred_closed_and_reopened(caller: Caller) -> None:
    await caller.client(external_id="p-1")
    episode = await caller.episode(client_external_id="p-1", external_id="e-1")
    path = f"/intake/v1/episodes/{episode['id']}"
    clinician = "0190a7d0-0000-7000-8000-000000000001"
    move = {"to_clinician_id": clinician, "at": "2026-02-01T09:00:00Z"}
    transferred = await caller.http.post(f"{path}/transfer", json=move)
    assert transferred.json()["clinician_id"] == clinician

    early = {"closed_at": "2026-01-01T09:00:00Z", "ending": "planned"}
    assert (await caller.http.post(f"{path}/close", json=early)).status_code == 422
    end = {"closed_at": "2026-03-01T09:00:00Z", "ending": "unplanned", "reason": "moved away"}
    closed = await caller.http.post(f"{path}/close", json=end)
    assert closed.json()["status"] == "closed"
    assert (await caller.http.post(f"{path}/close", json=end)).json() == closed.json()
    other = end | {"ending": "planned"}
    assert (await caller.http.post(f"{path}/close", json=other)).status_code == 409
    assert (await caller.http.post(f"{path}/transfer", json=move)).status_code in (200, 409)

    reopened = await caller.http.post(f"{path}/reopen", json={"at": "2026-04-01T09:00:00Z"})
    assert reopened.json()["status"] == "open"
    again = await caller.http.post(
        "/intake/v1/episodes",
        json={"client_external_id": "p-1", "external_id": "e-1", "opened_at": OPENED},
    )
    assert (again.status_code, again.json()["id"]) == (200, episode["id"])
    assert (await caller.http.get(path)).json()["version"] == 4


async def test_another_kind_of_episode_is_refused_for_now(caller: Caller) -> None:
    client = await caller.client()
    body = {"client_id": client["id"], "opened_at": OPENED, "kind": "couple"}
    assert (await caller.http.post("/intake/v1/episodes", json=body)).status_code == 422


async def test_a_session_is_booked_held_and_entered_in_error(caller: Caller) -> None:
    episode = await caller.episode(external_id="e-1")
    booked = {
        "episode_external_id": "e-1",
        "external_id": "s-1",
        "starts_at": "2026-01-12T09:00:00Z",
        "status": "booked",
        "type": "treatment",
        "medium": "video",
    }
    made = await caller.made("/intake/v1/sessions", booked)
    assert made["episode_id"] == episode["id"]
    again = await caller.http.post("/intake/v1/sessions", json=booked)
    assert (again.status_code, again.json()["id"]) == (200, made["id"])

    held = booked | {"status": "held", "ends_at": "2026-01-12T10:00:00Z"}
    assert (await caller.http.post("/intake/v1/sessions", json=held)).status_code == 409
    path = f"/intake/v1/sessions/{made['id']}"
    assert (await caller.http.put(path, json=held)).json()["status"] == "held"
    elsewhere = held | {"episode_external_id": "e-2"}
    assert (await caller.http.put(path, json=elsewhere)).status_code == 404
    backwards = held | {"ends_at": "2026-01-12T08:00:00Z"}
    assert (await caller.http.put(path, json=backwards)).status_code == 422

    in_error = await caller.http.put(path, json=held | {"entered_in_error": True})
    assert in_error.json()["entered_in_error"] is True
    assert (await caller.http.put(path, json=held)).status_code == 409


async def test_what_happens_only_later_has_not_happened(caller: Caller) -> None:
    episode = await caller.episode()
    future = "2099-01-01T00:00:00Z"
    session = {"episode_id": episode["id"], "starts_at": future, "type": "treatment"}
    booked = await caller.http.post("/intake/v1/sessions", json=session | {"status": "booked"})
    assert booked.status_code == 201
    held = await caller.http.post("/intake/v1/sessions", json=session | {"status": "held"})
    assert held.status_code == 422
    path = f"/intake/v1/episodes/{episode['id']}"
    end = {"closed_at": future, "ending": "planned"}
    assert (await caller.http.post(f"{path}/close", json=end)).status_code == 422
    opening = {"client_id": episode["client_id"], "opened_at": future}
    assert (await caller.http.post("/intake/v1/episodes", json=opening)).status_code == 422


async def test_clinics_and_people_are_known(caller: Caller, intake: Intake) -> None:
    clinic = {"name": "North", "timezone": "Europe/Oslo"}
    await caller.made("/intake/v1/clinics", clinic)
    person = {"name": "Dr Grey", "email": "grey@example.org", "roles": ["clinician"]}
    await caller.made("/intake/v1/people", person)
    stored = [row for row in await intake.events() if row["tenant"] == caller.organisation_id]
    assert [row["type"].rpartition(".")[2] for row in stored] == [
        "OrganisationRegistered",
        "IntegrationRegistered",
        "ClinicOpened",
        "PersonInvited",
    ]
    assert not any(b"Grey" in row["data"] for row in stored)


async def test_if_match_guards_against_changes_in_between(caller: Caller) -> None:
    client = await caller.client(given_name="Ada")
    path = f"/intake/v1/clients/{client['id']}"
    read = await caller.http.get(path)
    tag = {"If-Match": read.headers["ETag"]}
    first = await caller.http.patch(path, json={"given_name": "Eva"}, headers=tag)
    assert first.status_code == 200
    second = await caller.http.patch(path, json={"given_name": "Ida"}, headers=tag)
    assert second.status_code == 412
    assert (await caller.http.get(path)).json()["given_name"] == "Eva"


async def test_a_decision_about_an_older_version_is_refused(caller: Caller) -> None:
    client = await caller.client()
    path = f"/intake/v1/clients/{client['id']}"
    tag = {"If-Match": (await caller.http.get(path)).headers["ETag"]}
    await caller.http.patch(path, json={"given_name": "Eva"})
    body = {"purpose": "research", "given": True}
    stale = await caller.http.post(f"{path}/consents", json=body, headers=tag)
    assert stale.status_code == 412
    now = await caller.http.get(path)
    assert now.json()["consents"]["research"] is False
    fresh = {"If-Match": now.headers["ETag"]}
    given = await caller.http.post(f"{path}/consents", json=body, headers=fresh)
    assert given.status_code == 201


async def test_an_event_says_which_request_it_came_from(caller: Caller, intake: Intake) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    made = await caller.http.post("/intake/v1/clients", json={}, headers=headers)
    [row] = [row for row in await intake.events() if row["subject"] == made.json()["id"]]
    assert row["traceparent"][3:35] == trace_id
    assert row["correlation_id"] == trace_id
    for bad in ("nonsense", f"00-{'0' * 32}-{'0' * 16}-00", "00-" + "x" * 60):
        headers = {"traceparent": bad}
        answer = await caller.http.post("/intake/v1/clients", json={}, headers=headers)
        assert answer.status_code == 201
