"""Many callers at once: what must be one is one."""

import asyncio

from tests.integration.intake.home import Caller, Intake

MANY = 50


async def test_one_external_id_fifty_times_at_once_is_one_client(
    caller: Caller, intake: Intake
) -> None:
    body = {"external_id": "p-1", "given_name": "Ada"}
    answers = await asyncio.gather(
        *(caller.http.post("/intake/v1/clients", json=body) for _ in range(MANY))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * (MANY - 1) + [201]
    assert len({answer.text for answer in answers}) == 1
    stored = await intake.events("ClientRegistered")
    assert len([row for row in stored if row["tenant"] == caller.organisation_id]) == 1


async def test_one_idempotency_key_fifty_times_at_once_is_one_client(
    caller: Caller, intake: Intake
) -> None:
    headers = {"Idempotency-Key": "register-ada"}
    body = {"given_name": "Ada"}
    answers = await asyncio.gather(
        *(caller.http.post("/intake/v1/clients", json=body, headers=headers) for _ in range(MANY))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    stored = await intake.events("ClientRegistered")
    assert len([row for row in stored if row["tenant"] == caller.organisation_id]) == 1

    other = await caller.http.post(
        "/intake/v1/clients", json={"given_name": "Eva"}, headers=headers
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_fifty_sessions_of_one_episode_at_once_are_all_there(caller: Caller) -> None:
    episode = await caller.episode()
    bodies = [
        {
            "episode_id": episode["id"],
            "external_id": f"s-{number}",
            "starts_at": "2026-01-12T09:00:00Z",
            "status": "held",
            "type": "treatment",
        }
        for number in range(MANY)
    ]
    answers = await asyncio.gather(
        *(caller.http.post("/intake/v1/sessions", json=body) for body in bodies)
    )
    assert {answer.status_code for answer in answers} == {201}
    now = await caller.http.get(f"/intake/v1/episodes/{episode['id']}")
    assert now.json()["version"] == 1 + MANY


async def test_fifty_clinics_at_once_are_all_open(caller: Caller, intake: Intake) -> None:
    answers = await asyncio.gather(
        *(
            caller.http.post(
                "/intake/v1/clinics", json={"name": f"Clinic {number}", "timezone": "Europe/Oslo"}
            )
            for number in range(MANY)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    stored = await intake.events("ClinicOpened")
    ours = [row["version"] for row in stored if row["tenant"] == caller.organisation_id]
    assert ours == list(range(2, MANY + 2))


async def test_two_hundred_clients_at_once_are_all_durable(caller: Caller, intake: Intake) -> None:
    answers = await asyncio.gather(*(caller.client(external_id=f"p-{i}") for i in range(200)))
    stored = await intake.events("ClientRegistered")
    ours = {row["subject"] for row in stored if row["tenant"] == caller.organisation_id}
    assert ours == {answer["id"] for answer in answers}
