"""Many ratings in one call."""

import asyncio
from collections import Counter
from typing import Any

from services.feedback.bulk import CHUNK
from shared.contracts.feedback import RatingCorrected, RatingSubmitted
from tests.support.feedback import Feedback


def line(number: int = 0, **changes: Any) -> dict[str, Any]:
    fields = {
        "episode_external_id": "e-1",
        "external_id": f"r-{number}",
        "measure": "ors",
        "occurred_at": f"2026-02-01T10:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "total": number % 400 / 10,
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [one["status"] for one in results]


async def test_each_line_gets_its_own_outcome_in_the_order_of_the_lines(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode(external_id="e-1")
    results = await feedback.bulk(
        [
            line(1),
            line(2, total=99),
            line(3, episode_external_id=None, episode_id=episode),
            line(4, episode_external_id="nobody"),
            line(5, measure="mood"),
            {"words": "none of ours"},
            line(6, occurred_at="2999-01-01T00:00:00Z"),
            line(7, external_id=None),
        ]
    )
    assert [one["line"] for one in results] == list(range(1, 9))
    assert statuses(results) == [
        "created", "refused", "created", "refused", "refused", "refused", "refused", "created",
    ]  # fmt: skip
    assert results[1]["error"]["errors"][0]["pointer"] == "/total"
    assert results[3]["error"]["code"] == "not_found"
    assert [event.id for event in await feedback.events(episode)] == [
        results[number]["id"] for number in (0, 2, 7)
    ]


async def test_blank_lines_are_skipped_and_lines_count_as_in_the_file(feedback: Feedback) -> None:
    await feedback.episode(external_id="e-1")
    raw = b'\n\n{"bad":1}\n'
    answer = await feedback.http.post(
        "/v1/ratings/bulk",
        content=raw,
        headers=feedback.headers(Content_Type="application/x-ndjson"),
    )
    assert answer.json()["line"] == 3


async def test_sent_again_nothing_changes(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-1")
    lines = [line(number) for number in range(20)]
    first, again = await feedback.bulk(lines), await feedback.bulk(lines)
    assert statuses(first) == ["created"] * 20
    assert statuses(again) == ["unchanged"] * 20
    assert [one["id"] for one in again] == [one["id"] for one in first]
    assert len(await feedback.events(episode)) == 20


async def test_other_content_is_a_conflict_or_a_correction(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-1")
    [first] = await feedback.bulk([line(1)])
    [refused] = await feedback.bulk([line(1, total=33)])
    assert (refused["status"], refused["id"]) == ("conflict", first["id"])
    [corrected] = await feedback.bulk([line(1, total=33)], "?on_conflict=correct&mode=history")
    assert (corrected["status"], corrected["id"]) == ("corrected", first["id"])
    [same] = await feedback.bulk([line(1, total=33)])
    assert same["status"] == "unchanged"
    _, event = await feedback.events(episode)
    assert isinstance(event.data, RatingCorrected)
    assert event.data.imported


async def test_history_is_marked_as_such(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-1")
    await feedback.bulk([line(1)], "?mode=history")
    await feedback.bulk([line(2)])
    events = [event.data for event in await feedback.events(episode)]
    assert [isinstance(one, RatingSubmitted) and one.imported for one in events] == [True, False]


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-1")
    await feedback.bulk([line(1)])
    lines = [line(1), line(1, total=9), line(2), line(2), line(2, total=9), line(3, total=999)]
    rehearsed = await feedback.bulk(lines, "?dry_run=true")
    assert len(await feedback.events(episode)) == 1
    done = await feedback.bulk(lines)
    expected = ["unchanged", "conflict", "created", "unchanged", "conflict", "refused"]
    assert statuses(rehearsed) == statuses(done) == expected


async def test_an_external_id_twice_in_one_call_is_one_rating(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-1")
    results = await feedback.bulk(
        [line(1), line(1), line(1, total=9), line(1, total=9), line(1, total=8)],
        "?on_conflict=correct",
    )
    assert statuses(results) == ["created", "unchanged", "corrected", "unchanged", "corrected"]
    assert len({one["id"] for one in results}) == 1
    assert len(await feedback.events(episode)) == 3


async def test_an_external_id_of_another_episode_is_a_conflict(feedback: Feedback) -> None:
    await feedback.episode(external_id="e-1")
    other = await feedback.episode(external_id="e-2")
    results = await feedback.bulk([line(1), line(1, episode_external_id="e-2")])
    assert statuses(results) == ["created", "conflict"]
    assert await feedback.events(other) == []


async def test_the_ratings_of_one_episode_over_many_chunks_keep_their_order(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode(external_id="e-1")
    count = 2 * CHUNK + 500
    results = await feedback.bulk([line(number) for number in range(count)])
    assert Counter(statuses(results)) == {"created": count}
    events = await feedback.events(episode)
    assert [event.version for event in events] == list(range(1, count + 1))
    assert [event.id for event in events] == [one["id"] for one in results]


async def test_bulk_and_single_calls_at_once_lose_and_double_nothing(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-1")
    lines = [line(number) for number in range(300)]
    same, twin, *answers = await asyncio.gather(
        feedback.bulk(lines),
        feedback.bulk(lines),
        *(feedback.submit(episode, external_id=f"s-{number}") for number in range(20)),
    )
    created = Counter(statuses(same) + statuses(twin))
    assert created == {"created": 300, "unchanged": 300}
    assert {answer.status_code for answer in answers} == {201}
    versions = [event.version for event in await feedback.events(episode)]
    assert versions == list(range(1, 321))


async def test_another_type_of_body_is_refused(feedback: Feedback) -> None:
    answer = await feedback.http.post(
        "/v1/ratings/bulk", json=[line(1)], headers=feedback.headers()
    )
    assert answer.status_code == 415
