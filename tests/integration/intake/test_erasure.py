"""Erasure is asked for by one, approved by another, executed after a while, and final."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from services.intake.erasure.executing import Executor
from shared.clock import utc_now
from shared.database import create_database, driver
from shared.eventstore import EventStore
from shared.privacy import open_keyring
from tests.integration.intake.home import Caller, Intake
from tests.support.erased import left_of

DAYS = timedelta(days=1)

SIGN_IN = """
INSERT INTO one_time_links (tenant, token_hash, purpose, principal_id, client_id, expires_at)
VALUES ($1, 'hash', 'client', $2, $2, now())
"""
PIN = """
INSERT INTO client_pins (tenant, principal_id, client_id, pin_hash, created_at)
VALUES ($1, $2, $2, 'hash', now())
"""


@dataclass
class Office:
    """An organisation that erases: its feed, two administrators, and the loop that executes."""

    intake: Intake
    caller: Caller
    first: str
    second: str
    executor: Executor

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """A call with a JSON body."""
        return await self.caller.http.post(f"/intake/v1{path}", json=body)

    async def ask(self, client_id: str, actor: str | None = None) -> str:
        """The id of a request to erase a client."""
        body = {"reason": "She asked for it.", **({"actor": actor} if actor else {})}
        answer = await self.post(f"/clients/{client_id}/erasure-requests", **body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def approve(self, request_id: str, **body: Any) -> httpx.Response:
        """Approve as the second administrator, unless another is named."""
        return await self.post(
            f"/erasure-requests/{request_id}/approve", **{"actor": self.second, **body}
        )

    async def erase(self, client_id: str) -> str:
        """All of it at once; the id of the request."""
        request_id = await self.ask(client_id, self.first)
        assert (await self.approve(request_id)).status_code == 200
        await self.executor.look(utc_now() + 8 * DAYS)
        return request_id

    async def receipt(self, request_id: str) -> dict[str, Any]:
        """The request as it stands."""
        answer = await self.caller.http.get(f"/intake/v1/erasure-requests/{request_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def office(intake: Intake, caller: Caller) -> AsyncIterator[Office]:
    settings = intake.settings
    database, reader = create_database(intake.urls.app), create_database(intake.urls.reader)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service="intake")
    first, second = [
        (await caller.made("/intake/v1/people", {"name": name, "roles": ["administrator"]}))["id"]
        for name in ("Ada", "Bea")
    ]
    executor = Executor(database, reader, store, keyring, utc_now)
    yield Office(intake, caller, first, second, executor)
    await keyring.close()
    await database.dispose()
    await reader.dispose()


async def test_asking_again_finds_the_request_that_is_open(office: Office) -> None:
    client = await office.caller.client(family_name="Mayer")
    request_id = await office.ask(client["id"])
    again = await office.post(f"/clients/{client['id']}/erasure-requests", reason="Again.")
    assert (again.status_code, again.json()["id"]) == (200, request_id)
    assert (await office.receipt(request_id))["reason"] == "She asked for it."


async def test_two_named_people_are_needed(office: Office) -> None:
    client = await office.caller.client()
    request_id = await office.ask(client["id"], office.first)
    clinician = await office.caller.made(
        "/intake/v1/people", {"name": "Cleo", "roles": ["clinician"]}
    )
    expected = {
        None: (422, "invalid"),
        client["id"]: (422, "invalid"),
        clinician["id"]: (403, "not_administrator"),
        office.first: (409, "same_person"),
    }
    for actor, refusal in expected.items():
        body = {} if actor is None else {"actor": actor}
        answer = await office.post(f"/erasure-requests/{request_id}/approve", **body)
        assert (answer.status_code, answer.json()["code"]) == refusal
    assert (await office.receipt(request_id))["status"] == "requested"
    approved = await office.approve(request_id, reason="It is her right.")
    assert approved.json()["status"] == "approved"
    assert approved.json()["approved_by"] == office.second


async def test_it_waits_for_a_week_and_then_nothing_can_be_read(office: Office) -> None:
    client = await office.caller.client(external_id="p-1", family_name="Mayer")
    request_id = await office.ask(client["id"], office.first)
    await office.approve(request_id)
    await office.executor.look(utc_now() + 6 * DAYS)
    assert (await office.receipt(request_id))["status"] == "approved"
    await office.executor.look(utc_now() + 8 * DAYS)
    receipt = await office.receipt(request_id)
    assert receipt["status"] == "executed"
    assert receipt["client_ids"] == [client["id"]]
    assert receipt["suppressed_identifiers"] == 1
    assert "reason" not in receipt, "the words went with the key"
    expires = datetime.fromisoformat(receipt["last_key_backup_expires"])
    executed = datetime.fromisoformat(receipt["executed_at"])
    assert expires - executed == 30 * DAYS
    shown = await office.caller.http.get(f"/intake/v1/clients/{client['id']}")
    assert shown.status_code == 410
    again = await office.post(f"/clients/{client['id']}/erasure-requests", reason="Again.")
    assert again.status_code == 410


async def test_a_feed_that_sends_the_person_again_is_told_that_they_are_gone(
    office: Office,
) -> None:
    number = {"system": "nhs", "value": "943 476 5919"}
    client = await office.caller.client(external_id="p-1", identifiers=[number])
    await office.erase(client["id"])
    bodies: list[dict[str, Any]] = [
        {"external_id": "p-1"},
        {"external_id": "p-2", "identifiers": [number]},
    ]
    for body in bodies:
        answer = await office.post("/clients", **body)
        assert (answer.status_code, answer.json()["code"]) == (410, "gone"), body
    lines = await office.caller.bulk([{"kind": "client", **body} for body in bodies])
    assert [(line["status"], line["error"]["code"]) for line in lines] == [("refused", "gone")] * 2


async def test_what_was_refused_is_not_executed_and_can_be_asked_for_anew(office: Office) -> None:
    client = await office.caller.client(family_name="Mayer")
    request_id = await office.ask(client["id"])
    await office.approve(request_id)
    refused = await office.post(
        f"/erasure-requests/{request_id}/refuse", reason="The law.", actor=office.second
    )
    assert refused.json()["status"] == "refused"
    await office.executor.look(utc_now() + 8 * DAYS)
    shown = await office.caller.http.get(f"/intake/v1/clients/{client['id']}")
    assert shown.json()["family_name"] == "Mayer"
    late = await office.approve(request_id)
    assert (late.status_code, late.json()["code"]) == (409, "decided")
    assert await office.ask(client["id"]) != request_id


async def test_merged_clients_are_erased_together(office: Office) -> None:
    kept, other = [await office.caller.client(external_id=f"p-{n}") for n in range(2)]
    merged = await office.post(
        f"/clients/{other['id']}/merge", into=kept["id"], reason="The same person."
    )
    assert merged.is_success, merged.text
    receipt = await office.receipt(await office.erase(other["id"]))
    assert set(receipt["client_ids"]) == {kept["id"], other["id"]}
    for client in (kept, other):
        shown = await office.caller.http.get(f"/intake/v1/clients/{client['id']}")
        assert shown.status_code == 410
    told = [row["subject"] for row in await office.intake.events("ClientErased")]
    assert {kept["id"], other["id"]} <= set(told)


async def test_a_crash_after_the_keys_were_destroyed_is_made_good(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await office.caller.client(family_name="Mayer")
    request_id = await office.ask(client["id"])
    await office.approve(request_id)

    async def dies(*_: object) -> None:
        raise ConnectionError("kill -9")

    with monkeypatch.context() as patch:
        patch.setattr(office.executor, "_tell", dies)
        with pytest.raises(ConnectionError):
            await office.executor.look(utc_now() + 8 * DAYS)
    assert (await office.receipt(request_id))["status"] == "executing"
    too_late = await office.post(
        f"/erasure-requests/{request_id}/refuse", reason="Wait!", actor=office.second
    )
    assert (too_late.status_code, too_late.json()["code"]) == (409, "decided")
    await office.executor.look(datetime.now(UTC) + 8 * DAYS)
    assert (await office.receipt(request_id))["status"] == "executed"
    await office.executor.look(datetime.now(UTC) + 9 * DAYS)
    told = await office.intake.events("ClientErased")
    assert [row["subject"] for row in told].count(client["id"]) == 1


async def test_of_an_erased_client_intake_keeps_nothing_that_could_be_read(
    office: Office,
) -> None:
    client = await office.caller.client(external_id="p-1", family_name="Mayer")
    episode = await office.caller.episode(client_id=client["id"])
    tenant = office.caller.organisation_id
    async with office.executor._database.session(tenant) as conn:
        await driver(conn).execute(SIGN_IN, tenant, client["id"])
        await driver(conn).execute(PIN, tenant, client["id"])
    await office.erase(client["id"])
    connection = await asyncpg.connect(office.intake.urls.reader)
    try:
        assert await left_of(connection, client["id"], episode["id"]) == {}
    finally:
        await connection.close()


async def test_what_the_law_keeps_is_restricted_until_that_is_lifted(office: Office) -> None:
    client = await office.caller.client()
    for restrict in (True, False):
        request_id = await office.ask(client["id"])
        body = {"reason": "The law.", "actor": office.second, "restrict": restrict}
        refused = await office.post(f"/erasure-requests/{request_id}/refuse", **body)
        assert refused.status_code == 200
    said = await office.intake.events("ErasureRefused", "RestrictionLifted")
    mine = [row for row in said if row["subject"] == client["id"]]
    assert [b'"restricted":true' in row["data"] for row in mine] == [True, True]
    lifting = f"/clients/{client['id']}/restriction/lift"
    for _ in range(2):
        assert (await office.post(lifting, actor=office.first)).status_code == 204
    said = await office.intake.events("RestrictionLifted")
    assert [row["subject"] for row in said].count(client["id"]) == 1


async def test_requests_are_listed_by_their_status(office: Office) -> None:
    ids = [await office.ask((await office.caller.client())["id"]) for _ in range(3)]
    await office.approve(ids[1])
    first = await office.caller.http.get("/intake/v1/erasure-requests?limit=2")
    assert [one["id"] for one in first.json()["items"]] == [ids[2], ids[1]]
    rest = await office.caller.http.get(
        f"/intake/v1/erasure-requests?limit=2&cursor={first.json()['next']}"
    )
    assert [one["id"] for one in rest.json()["items"]] == [ids[0]]
    waiting = await office.caller.http.get("/intake/v1/erasure-requests?status=approved")
    assert [one["id"] for one in waiting.json()["items"]] == [ids[1]]
    assert (await office.caller.http.get("/intake/v1/erasure-requests?status=x")).status_code == 422


async def test_nobody_sees_the_requests_of_another_organisation(
    office: Office, stranger: Caller
) -> None:
    request_id = await office.ask((await office.caller.client())["id"])
    path = f"/intake/v1/erasure-requests/{request_id}"
    assert (await stranger.http.get(path)).status_code == 404
    person = await stranger.made("/intake/v1/people", {"name": "X", "roles": ["administrator"]})
    approval = await stranger.http.post(f"{path}/approve", json={"actor": person["id"]})
    assert approval.status_code == 404
    assert (await stranger.http.get("/intake/v1/erasure-requests")).json()["items"] == []
