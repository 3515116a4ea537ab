"""Many lines in one call: the same rules as one by one, and nothing twice."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from shared.errors import Unavailable
from shared.eventstore import EventStore
from tests.integration.intake.home import NDJSON, Caller, Intake

EPISODE = {"kind": "episode", "opened_at": "2020-01-06T00:00:00Z"}
SESSION = {
    "kind": "session",
    "starts_at": "2020-01-06T00:00:00Z",
    "status": "held",
    "type": "treatment",
}


def history_of(number: int) -> list[dict[str, Any]]:
    """A client with an episode, a session and a decision, each referring to the one before."""
    client, episode = f"c-{number}", f"e-{number}"
    return [
        {"kind": "client", "external_id": client, "given_name": f"Name {number}"},
        EPISODE | {"client_external_id": client, "external_id": episode},
        SESSION | {"episode_external_id": episode, "external_id": f"s-{number}"},
        {
            "kind": "consent",
            "client_external_id": client,
            "purpose": "research",
            "given": True,
            "at": "2020-01-06T00:00:00Z",
        },
    ]


def statuses(results: list[dict[str, Any]]) -> Counter[str]:
    return Counter(result["status"] for result in results)


async def test_lines_refer_to_earlier_ones_and_again_nothing_changes(
    caller: Caller, intake: Intake
) -> None:
    lines = [line for number in range(600) for line in history_of(number)]
    first = await caller.bulk(lines, "?mode=history")
    assert [result["line"] for result in first] == list(range(1, len(lines) + 1))
    assert statuses(first) == {"created": len(lines)}
    before = len(await intake.events())
    again = await caller.bulk(lines, "?mode=history")
    assert statuses(again) == {"unchanged": len(lines)}
    assert [result["id"] for result in again] == [result["id"] for result in first]
    assert len(await intake.events()) == before
    opened = await intake.events("EpisodeOpened", "SessionRecorded")
    ours = [row for row in opened if row["tenant"] == caller.organisation_id]
    assert len(ours) == 1200
    assert all(b'"imported":true' in row["data"] for row in ours)


async def test_order_in_the_file_does_not_matter_across_a_chunk_of_clients(caller: Caller) -> None:
    """All clients first, then all episodes: the way of an import."""
    clients = [history_of(number)[0] for number in range(700)]
    episodes = [history_of(number)[1] for number in range(700)]
    assert statuses(await caller.bulk([*clients, *episodes])) == {"created": 1400}


async def test_other_content_is_a_conflict_or_a_correction(caller: Caller) -> None:
    lines = history_of(1)
    await caller.bulk(lines)
    changed = [
        lines[0] | {"given_name": "Other"},
        lines[1] | {"opened_at": "2021-01-06T00:00:00Z"},
        lines[2] | {"status": "missed"},
        lines[3] | {"given": False, "at": "2020-02-06T00:00:00Z"},
    ]
    first = [result["status"] for result in await caller.bulk(changed)]
    assert first == ["conflict", "conflict", "conflict", "created"]
    corrected = await caller.bulk(changed, "?on_conflict=correct")
    # When an episode began cannot be changed afterwards: there is no event that says so.
    assert [one["status"] for one in corrected] == [
        "corrected",
        "conflict",
        "corrected",
        "unchanged",
    ]
    again = await caller.bulk(changed, "?on_conflict=correct")
    assert [one["status"] for one in again] == ["unchanged", "conflict", "unchanged", "unchanged"]


async def test_a_dry_run_says_the_same_and_changes_nothing(caller: Caller, intake: Intake) -> None:
    clients = [history_of(number)[0] for number in range(700)]
    episodes = [history_of(number)[1] for number in range(700)]
    bad = {"kind": "client", "given_name": 3}
    before = len(await intake.events())
    rehearsed = await caller.bulk([*clients, *episodes, bad], "?dry_run=true")
    assert statuses(rehearsed) == {"created": 1400, "refused": 1}
    assert len(await intake.events()) == before
    played = await caller.bulk([*clients, *episodes, bad])
    assert [one["status"] for one in played] == [one["status"] for one in rehearsed]


async def test_a_bad_line_is_refused_alone(caller: Caller) -> None:
    good = b'{"kind":"client","external_id":"good"}'
    bad = [
        b"not json",
        b"[]",
        b'{"kind":"alien"}',
        b'{"kind":["client"]}',
        b'{"external_id":"x"}',
        b'{"kind":"client","external_id":"x","external_id":"y"}',
        b'{"kind":"client","given_name":"\\u0000"}',
        b'{"kind":"client","given_name":"\\ud800"}',
        b'{"kind":"client","shoe_size":43}',
        b'{"kind":"episode","opened_at":"2020-01-06T00:00:00Z"}',
        b'{"kind":"episode","client_external_id":"nobody","opened_at":"2020-01-06T00:00:00Z"}',
        b'{"kind":"client","given_name":"' + b"x" * 300_000 + b'"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ]
    content = b"\n".join([*bad, b"", good])
    answer = await caller.http.post("/intake/v1/bulk", content=content, headers=NDJSON)
    results = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    assert [one["status"] for one in results] == ["refused"] * len(bad) + ["created"]
    assert results[-1]["line"] == len(bad) + 2
    for one in results[:-1]:
        assert one["error"]["code"]
        assert "alien" not in str(one)


async def test_two_clients_want_one_number_and_one_gets_it(caller: Caller) -> None:
    number = [{"system": "mrn", "value": "7"}]
    lines = [{"kind": "client", "external_id": f"c-{i}", "identifiers": number} for i in (1, 2)]
    results = await caller.bulk(lines)
    assert [one["status"] for one in results] == ["created", "refused"]


@pytest.mark.parametrize("calls", [8])
async def test_the_same_file_sent_at_once_by_many_is_one_file(
    caller: Caller, intake: Intake, calls: int
) -> None:
    lines = [line for number in range(50) for line in history_of(number)]
    answers = await asyncio.gather(*(caller.bulk(lines) for _ in range(calls)))
    total = sum((statuses(answer) for answer in answers), Counter[str]())
    assert total == {"created": len(lines), "unchanged": len(lines) * (calls - 1)}
    assert len({tuple(one["id"] for one in answer) for answer in answers}) == 1
    stored = [row for row in await intake.events() if row["tenant"] == caller.organisation_id]
    assert len(stored) == len(lines) + 2


async def test_a_call_that_is_too_large_changes_nothing(caller: Caller, intake: Intake) -> None:
    line = b'{"kind":"client","external_id":"first"}\n'
    content = line + b" " * (64 * 1024 * 1024)
    before = len(await intake.events())
    answer = await caller.http.post("/intake/v1/bulk", content=content, headers=NDJSON)
    assert answer.status_code == 413
    assert len(await intake.events()) == before


async def test_a_number_given_up_and_taken_back_in_one_call_stays(caller: Caller) -> None:
    def line(number: str) -> dict[str, Any]:
        identifiers = [{"system": "mrn", "value": number}]
        return {"kind": "client", "external_id": "c-1", "identifiers": identifiers}

    await caller.bulk([line("1")])
    back = await caller.bulk([line("2"), line("1")], "?on_conflict=correct")
    assert [one["status"] for one in back] == ["corrected", "corrected"]
    for number, count in (("1", 1), ("2", 0)):
        search = {"identifier": {"system": "mrn", "value": number}}
        found = await caller.http.post("/intake/v1/clients/search", json=search)
        assert len(found.json()["items"]) == count


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
async def test_what_a_database_that_is_away_leaves_undone_is_refused_line_by_line(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("the database is not available")

    monkeypatch.setattr(EventStore, "heads", away)
    results = await caller.bulk(history_of(1), query)
    assert [one["line"] for one in results] == [1, 2, 3, 4]
    assert {(one["status"], one["error"]["code"]) for one in results} == {
        ("refused", "unavailable")
    }
