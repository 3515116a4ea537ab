"""Clients with whom nobody works: erased ones are gone, and restricted ones are only kept."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.intake.erasure.executing import Executor
from shared.clock import utc_now
from shared.database import create_database
from shared.eventstore import EventStore
from shared.ids import new_id
from shared.privacy import open_keyring
from tests.integration.intake.house import OPENED, House
from tests.support.waiting import eventually_async

AT = "2026-02-01T09:00:00Z"
NUMBER = {"system": "mrn", "value": "1"}
SESSION = {"starts_at": AT, "status": "held", "type": "treatment"}
REASON = {"reason": "She asked for it."}

Close = Callable[[str], Awaitable[None]]


@pytest.fixture
async def things(house: House) -> dict[str, str]:
    """A client with an alias, and all that they have."""
    client = await house.caller.client(external_id="p-1", identifiers=[NUMBER])
    alias = await house.caller.client(external_id="p-2")
    episode = await house.feed.opened(client["id"], external_id="e-1")
    before = await house.feed.opened(alias["id"], external_id="e-2")
    session = await house.feed.made("sessions", episode_id=episode["id"], **SESSION)
    related = await house.feed.made(f"clients/{client['id']}/related-people", relation="guardian")
    merge = {"into": client["id"], "reason": "Registered twice."}
    assert (await house.feed.post(f"clients/{alias['id']}/merge", merge)).status_code == 200
    return {
        "client": client["id"],
        "alias": alias["id"],
        "episode": episode["id"],
        "before": before["id"],
        "session": session["id"],
        "related": related["id"],
        "other": (await house.caller.client())["id"],
    }


CALLS: list[tuple[str, str, Any]] = [
    ("GET", "clients/{client}", None),
    ("GET", "clients/{alias}", None),
    ("PATCH", "clients/{client}", {"given_name": "Eva"}),
    ("POST", "clients", {"external_id": "p-1", "identifiers": [NUMBER]}),
    ("POST", "clients?on_conflict=correct", {"external_id": "p-1", "given_name": "Eva"}),
    ("POST", "clients/search", {"external_id": "p-1"}),
    ("POST", "clients/search", {"identifier": NUMBER}),
    ("POST", "clients/{client}/consents", {"purpose": "research", "given": True}),
    ("POST", "clients/{alias}/measuring", {"state": "paused"}),
    ("GET", "clients/{client}/related-people", None),
    ("POST", "clients/{client}/related-people", {"relation": "guardian"}),
    ("PUT", "clients/{client}/related-people/{related}", {"relation": "caretaker"}),
    ("DELETE", "clients/{client}/related-people/{related}", None),
    ("POST", "clients/{other}/merge", {"into": "{client}", "reason": "The same."}),
    ("POST", "clients/{client}/merge", {"into": "{other}", "reason": "The same."}),
    ("POST", "clients/{alias}/unmerge", {"reason": "Two after all."}),
    ("POST", "episodes", {"opened_at": OPENED, "client_id": "{client}"}),
    ("POST", "episodes", {"opened_at": OPENED, "client_external_id": "p-2"}),
    ("GET", "episodes/{episode}", None),
    ("GET", "episodes/{before}", None),
    ("POST", "episodes/{episode}/close", {"closed_at": AT, "ending": "planned"}),
    ("POST", "episodes/{before}/transfer", {"to_clinician_id": new_id(), "at": AT}),
    ("POST", "sessions", SESSION | {"episode_external_id": "e-1"}),
    ("PUT", "sessions/{session}", SESSION | {"medium": "video"}),
]
LINES: list[dict[str, Any]] = [
    {"kind": "client", "external_id": "p-1", "given_name": "Eva"},
    {"kind": "episode", "client_external_id": "p-2", "opened_at": OPENED},
    SESSION | {"kind": "session", "episode_external_id": "e-1"},
    SESSION | {"kind": "session", "episode_external_id": "e-2"},
    {"kind": "consent", "client_external_id": "p-1", "purpose": "research", "given": True},
]


async def said(house: House, things: dict[str, str], call: tuple[str, str, Any]) -> tuple[int, str]:
    """Status and code of what is answered to the feed."""
    method, path, body = call
    if body is not None:
        body = {
            key: value.format(**things) if isinstance(value, str) else value
            for key, value in body.items()
        }
    answer = await house.feed.http.request(method, f"/intake/v1/{path.format(**things)}", json=body)
    return answer.status_code, str(answer.json()["code"])


async def refused(house: House, things: dict[str, str], status: int, code: str) -> None:
    """Every call is refused alike, and nothing is written."""
    episodes = (f"episodes/{things['episode']}", f"episodes/{things['before']}")

    async def heard() -> bool:
        return {(await house.feed.get(path)).status_code for path in episodes} == {status}

    await eventually_async(heard)
    stored = len(await house.intake.events())
    for call in CALLS:
        assert await said(house, things, call) == (status, code), call
    results = await house.caller.bulk(LINES, "?on_conflict=correct")
    assert [one["status"] for one in results] == ["refused"] * len(LINES)
    assert len(await house.intake.events()) == stored


async def test_a_restricted_client_is_kept_and_not_worked_with(
    house: House, things: dict[str, str]
) -> None:
    administrators = [(await house.member("administrator")).id for _ in range(2)]
    request = await house.feed.post(
        f"clients/{things['client']}/erasure-requests", REASON | {"actor": administrators[0]}
    )
    assert request.status_code == 202, request.text
    refusal = REASON | {"actor": administrators[1], "restrict": True}
    path = f"erasure-requests/{request.json()['id']}/refuse"
    answer = await house.feed.post(path, refusal)
    assert answer.status_code == 200, answer.text
    await refused(house, things, 403, "restricted")
    # Nor by those whose data it is, or who cared.
    assert (await house.oneself(things["client"]).get(f"clients/{things['client']}")).json()[
        "code"
    ] == "restricted"

    lift = {"actor": administrators[1]}
    lifted = await house.feed.post(f"clients/{things['client']}/restriction/lift", lift)
    assert lifted.status_code == 204, lifted.text

    async def heard() -> bool:
        return (await house.feed.get(f"episodes/{things['before']}")).status_code == 200

    await eventually_async(heard)
    assert (await house.feed.get(f"clients/{things['alias']}")).status_code == 200


@pytest.fixture
async def erase(house: House) -> AsyncIterator[Close]:
    """Erases a client, with two administrators and a week at once."""
    settings, urls = house.intake.settings, house.intake.urls
    database, reader = create_database(urls.app), create_database(urls.reader)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    executor = Executor(
        database, reader, EventStore(database, keyring, utc_now, service="intake"), keyring, utc_now
    )

    async def done(client_id: str) -> None:
        first, second = [(await house.member("administrator")).id for _ in range(2)]
        path = f"clients/{client_id}/erasure-requests"
        request = await house.feed.post(path, REASON | {"actor": first})
        approval = f"erasure-requests/{request.json()['id']}/approve"
        assert (await house.feed.post(approval, {"actor": second})).status_code == 200
        await executor.look(utc_now() + timedelta(days=8))

    yield done
    await keyring.close()
    await database.dispose()
    await reader.dispose()


async def test_an_erased_client_is_gone_and_does_not_come_back(
    house: House, things: dict[str, str], erase: Close
) -> None:
    await erase(things["client"])
    await refused(house, things, 410, "gone")
    # Nor by a number of theirs that somebody else is said to have.
    by_number = await house.feed.post("clients", {"identifiers": [NUMBER]})
    assert (by_number.status_code, by_number.json()["code"]) == (410, "gone")
    patch = await house.feed.http.patch(
        f"/intake/v1/clients/{things['other']}", json={"identifiers": [NUMBER]}
    )
    assert patch.status_code == 410
