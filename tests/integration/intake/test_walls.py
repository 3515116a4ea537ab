"""Another organisation's things are not there: every call, by every kind of reference."""

from typing import Any

import asyncpg
import pytest

from tests.integration.intake.home import Caller, Intake

AT = "2026-02-01T09:00:00Z"
OPENING = {"opened_at": "2026-01-05T09:00:00Z"}
SESSION = {"starts_at": AT, "status": "held", "type": "treatment"}


class Things:
    """What an organisation has."""

    def __init__(self, client: str, episode: str, session: str) -> None:
        self.client, self.episode, self.session = client, episode, session


@pytest.fixture
async def things(caller: Caller) -> Things:
    client = await caller.client(external_id="p-1", identifiers=[{"system": "a", "value": "1"}])
    episode = await caller.episode(client_id=client["id"], external_id="e-1")
    body = SESSION | {"episode_id": episode["id"], "external_id": "s-1"}
    session = await caller.made("/intake/v1/sessions", body)
    return Things(client["id"], episode["id"], session["id"])


CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "clients/{client}", None),
    ("PATCH", "clients/{client}", {"given_name": "Eva"}),
    ("POST", "clients/{client}/consents", {"purpose": "research", "given": True}),
    ("POST", "clients/{client}/measuring", {"state": "paused"}),
    ("POST", "episodes", OPENING | {"client_id": "{client}"}),
    ("POST", "episodes", OPENING | {"client_external_id": "p-1"}),
    ("GET", "episodes/{episode}", None),
    ("POST", "episodes/{episode}/close", {"closed_at": AT, "ending": "planned"}),
    ("POST", "episodes/{episode}/reopen", {"at": AT}),
    (
        "POST",
        "episodes/{episode}/transfer",
        {"to_clinician_id": "0190a7d0-0000-7000-8000-000000000001", "at": AT},
    ),
    ("POST", "sessions", SESSION | {"episode_id": "{episode}"}),
    ("POST", "sessions", SESSION | {"episode_external_id": "e-1"}),
    ("PUT", "sessions/{session}", SESSION),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_what_belongs_to_others_is_not_found(
    things: Things,
    stranger: Caller,
    intake: Intake,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    def filled(text: str) -> str:
        for name, value in vars(things).items():
            text = text.replace("{" + name + "}", value)
        return text

    filled_body = (
        {key: filled(value) for key, value in body.items() if isinstance(value, str)}
        | {key: value for key, value in body.items() if not isinstance(value, str)}
        if body
        else None
    )
    before = len(await intake.events())
    answer = await stranger.http.request(method, f"/intake/v1/{filled(path)}", json=filled_body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(await intake.events()) == before


async def test_searches_and_bulk_lines_stay_inside(things: Things, stranger: Caller) -> None:
    for search in ({"external_id": "p-1"}, {"identifier": {"system": "a", "value": "1"}}):
        found = await stranger.http.post("/intake/v1/clients/search", json=search)
        assert found.json()["items"] == []
    lines: list[dict[str, Any]] = [
        OPENING | {"kind": "episode", "client_id": things.client},
        SESSION | {"kind": "session", "episode_id": things.episode},
        {"kind": "consent", "client_id": things.client, "purpose": "research", "given": True},
        # The same outside numbers are somebody else here.
        {"kind": "client", "external_id": "p-1", "identifiers": [{"system": "a", "value": "1"}]},
    ]
    results = await stranger.bulk(lines)
    assert [one["status"] for one in results] == ["refused"] * 3 + ["created"]
    assert results[-1]["id"] != things.client


async def test_names_are_nowhere_in_the_clear(caller: Caller, intake: Intake) -> None:
    """A canary: what identifies a person is ciphertext at rest, replayable answers included."""
    canary = "Zxqvarian"
    headers = {"Idempotency-Key": "canary"}
    body = {
        "given_name": canary,
        "external_id": canary,
        "identifiers": [{"system": "mrn", "value": canary}],
    }
    made = await caller.http.post("/intake/v1/clients", json=body, headers=headers)
    assert made.status_code == 201
    connection = await asyncpg.connect(intake.urls.reader)
    try:
        for table in ("events", "streams", "idempotency"):
            rows = await connection.fetch(f"SELECT {table}::text AS row FROM {table}")  # noqa: S608
            assert rows
            for row in rows:
                assert canary not in row["row"]
                assert canary.encode().hex() not in row["row"]
    finally:
        await connection.close()
