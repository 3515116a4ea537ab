"""One rating at a time: submitted, corrected, voided, declined."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.feedback import (
    RatingContent,
    RatingCorrected,
    RatingDeclined,
    RatingSubmitted,
    RatingVoided,
    RiskFlag,
)
from shared.eventstore.position import decode_position
from shared.ids import new_id
from shared.measures import newest
from tests.support.feedback import Feedback

PHQ: dict[str, Any] = {"measure": "phq-9", "total": None}


async def content(feedback: Feedback, episode_id: str) -> RatingContent:
    [event] = await feedback.events(episode_id)
    assert isinstance(event.data, RatingSubmitted)
    assert event.data.private is not None
    return event.data.private


async def test_a_rating_is_stored_with_its_score_and_every_word(feedback: Feedback) -> None:
    episode = await feedback.episode()
    items = {"1": 4.5, "2": 3.8, "3": 5.1, "4": 4.2}
    note = "<script>alert('she said')</script>"
    answer = await feedback.submit(episode, items=items, total=None, note=note, mode="paper")
    assert answer.status_code == 201
    rating = answer.json()
    assert (rating["total"], rating["flags"], rating["version"]) == (17.6, [], 1)
    assert decode_position(rating["position"])[:2] == ("feedback", f"feedback-{episode}")
    stored = await content(feedback, episode)
    assert (stored.total, stored.note) == (176, note)
    assert stored.items == {"1": 45, "2": 38, "3": 51, "4": 42}


async def test_risk_is_flagged_in_the_submission_itself(feedback: Feedback) -> None:
    episode = await feedback.episode()
    await feedback.submit(episode, items={"9": 3}, **PHQ)
    stored = await content(feedback, episode)
    assert (stored.risk, stored.total) == ([RiskFlag("9", "self", 30)], None)


async def test_ratings_of_a_closed_episode_and_from_before_it_are_taken_and_marked(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    await feedback.close_episode(episode, datetime(2026, 1, 31, tzinfo=UTC))
    for occurred_at, flags in (
        ("2026-01-31T00:00:00Z", []),
        ("2026-02-01T00:00:00Z", ["follow_up"]),
        ("2025-12-31T23:59:59Z", ["pre_episode"]),
    ):
        answer = await feedback.submit(episode, occurred_at=occurred_at)
        assert (answer.status_code, answer.json()["flags"]) == (201, flags)


async def test_a_rating_from_long_before_or_from_the_future_is_refused(feedback: Feedback) -> None:
    episode = await feedback.episode()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for occurred_at in ("2025-10-01T00:00:00Z", tomorrow):
        answer = await feedback.submit(episode, occurred_at=occurred_at)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/occurred_at"
    assert await feedback.events(episode) == []


async def test_the_episode_can_be_named_by_the_callers_own_id(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-1")
    answer = await feedback.submit(None, episode_external_id="e-1")
    assert answer.status_code == 201
    assert len(await feedback.events(episode)) == 1


async def test_the_same_external_id_with_the_same_content_changes_nothing(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    first = await feedback.submit(episode, external_id="r-1")
    again = await feedback.submit(episode, external_id="r-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(await feedback.events(episode)) == 1


async def test_other_content_is_a_conflict_unless_a_correction_is_asked_for(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    rating = (await feedback.submit(episode, external_id="r-1")).json()
    refused = await feedback.submit(episode, external_id="r-1", total=21)
    assert refused.status_code == 409
    corrected = await feedback.submit(episode, "?on_conflict=correct", external_id="r-1", total=21)
    assert corrected.status_code == 200
    assert (corrected.json()["id"], corrected.json()["total"]) == (rating["id"], 21.0)
    first, second = await feedback.events(episode)
    assert isinstance(second.data, RatingCorrected)
    assert (first.version, second.version) == (1, 2)


async def test_an_external_id_belongs_to_one_episode(feedback: Feedback) -> None:
    one, other = await feedback.episode(), await feedback.episode()
    await feedback.submit(one, external_id="r-1")
    answer = await feedback.submit(other, "?on_conflict=correct", external_id="r-1")
    assert answer.status_code == 409
    assert await feedback.events(other) == []


async def test_a_correction_replaces_what_it_names_and_keeps_the_rest(feedback: Feedback) -> None:
    episode = await feedback.episode()
    rating = (await feedback.submit(episode, note="tired", external_id="r-1")).json()
    answer = await feedback.post(
        f"/v1/ratings/{rating['id']}/correct", {"total": 30, "reason": "misread"}
    )
    assert (answer.status_code, answer.json()["total"]) == (200, 30.0)
    corrected = (await feedback.events(episode))[-1].data
    assert isinstance(corrected, RatingCorrected)
    assert corrected.private is not None
    assert (corrected.private.note, corrected.private.reason) == ("tired", "misread")
    assert corrected.occurred_at == datetime(2026, 2, 1, 10, tzinfo=UTC)


async def test_a_void_rating_stays_void(feedback: Feedback) -> None:
    episode = await feedback.episode()
    rating = (await feedback.submit(episode)).json()
    path = f"/v1/ratings/{rating['id']}"
    for _ in range(2):
        answer = await feedback.post(f"{path}/void", {"reason": "wrong client"})
        assert answer.status_code == 200
    late = await feedback.post(f"{path}/correct", {"total": 30, "reason": "misread"})
    assert late.status_code == 409
    events = [event.data for event in await feedback.events(episode)]
    assert [type(event) for event in events] == [RatingSubmitted, RatingVoided]


async def test_declining_is_an_event_and_no_score(feedback: Feedback) -> None:
    episode = await feedback.episode()
    body = {"episode_id": episode, "measure": "ors"}
    assert (await feedback.post("/v1/ratings/decline", body)).status_code == 201
    [event] = await feedback.events(episode)
    assert isinstance(event.data, RatingDeclined)


async def test_a_change_to_a_version_that_is_gone_is_refused(feedback: Feedback) -> None:
    episode = await feedback.episode()
    rating = (await feedback.submit(episode)).json()
    path, body = f"/v1/ratings/{rating['id']}/correct", {"total": 30, "reason": "misread"}
    assert (await feedback.post(path, body, If_Match='"7"')).status_code == 412
    assert (await feedback.post(path, body, If_Match='"1"')).status_code == 200
    assert (await feedback.post(path, body | {"total": 31}, If_Match='"1"')).status_code == 412


async def test_one_idempotency_key_fifty_times_is_one_rating_and_one_answer(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    body = {
        "episode_id": episode,
        "measure": "ors",
        "occurred_at": "2026-02-01T10:00:00Z",
        "total": 20,
    }
    answers = await asyncio.gather(
        *(feedback.post("/v1/ratings", body, Idempotency_Key="k-1") for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await feedback.events(episode)) == 1
    other = await feedback.post("/v1/ratings", body | {"total": 21}, Idempotency_Key="k-1")
    assert other.status_code == 422


async def test_a_correction_repeated_under_its_key_gets_its_first_answer(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    rating = (await feedback.submit(episode)).json()
    path, body = f"/v1/ratings/{rating['id']}/correct", {"total": 30, "reason": "misread"}
    first = await feedback.post(path, body, Idempotency_Key="k-2")
    await feedback.post(path, body | {"total": 31})
    again = await feedback.post(path, body, Idempotency_Key="k-2")
    assert again.content == first.content
    assert len(await feedback.events(episode)) == 3


async def test_fifty_ratings_of_an_episode_at_once_get_versions_without_a_gap(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    answers = await asyncio.gather(
        *(feedback.submit(episode, total=number / 2) for number in range(50))
    )
    counts = Counter(answer.status_code for answer in answers)
    assert counts.keys() <= {201, 409}
    versions = sorted(answer.json()["version"] for answer in answers if answer.is_success)
    assert versions == list(range(1, counts[201] + 1))
    assert [event.version for event in await feedback.events(episode)] == versions


async def test_one_external_id_fifty_times_at_once_is_one_rating(feedback: Feedback) -> None:
    episode = await feedback.episode(external_id="e-2")
    answers = await asyncio.gather(
        *(
            feedback.submit(episode, external_id="r-1")
            if number % 2
            else feedback.submit(None, episode_external_id="e-2", external_id="r-1")
            for number in range(50)
        )
    )
    counts = Counter(answer.status_code for answer in answers)
    assert counts == {201: 1, 200: 49}
    assert len(await feedback.events(episode)) == 1


async def test_fifty_equal_corrections_at_once_are_one_event(feedback: Feedback) -> None:
    episode = await feedback.episode()
    rating = (await feedback.submit(episode)).json()
    body = {"total": 30, "reason": "misread"}
    answers = await asyncio.gather(
        *(feedback.post(f"/v1/ratings/{rating['id']}/correct", body) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await feedback.events(episode)) == 2


async def test_another_organisation_finds_neither_episode_nor_rating(feedback: Feedback) -> None:
    episode = await feedback.episode()
    rating = (await feedback.submit(episode)).json()
    stranger = {"Authorization": f"Bearer {feedback.token(tenant=new_id())}"}
    for path, body in (
        ("", {"episode_id": episode, "measure": "ors", "occurred_at": "2026-02-01T10:00:00Z"}),
        (f"/{rating['id']}/void", {"reason": "mischief"}),
        (f"/{rating['id']}/correct", {"total": 1, "reason": "mischief"}),
        ("/decline", {"episode_id": episode, "measure": "ors"}),
    ):
        answer = await feedback.http.post(f"/v1/ratings{path}", json=body, headers=stranger)
        assert answer.status_code == 404, path
    assert len(await feedback.events(episode)) == 1


async def test_the_scope_to_write_is_needed(feedback: Feedback) -> None:
    episode = await feedback.episode()
    body = {"episode_id": episode, "measure": "ors", "occurred_at": "2026-02-01T10:00:00Z"}
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": f"Bearer {feedback.token('feedback.read')}"}, 403),
    ):
        answer = await feedback.http.post("/v1/ratings", json=body, headers=headers)
        assert answer.status_code == status


async def test_measures_are_served_as_data(feedback: Feedback) -> None:
    listed = await feedback.http.get("/v1/measures?limit=3", headers=feedback.headers())
    page = listed.json()
    rest = await feedback.http.get(
        f"/v1/measures?limit=200&cursor={page['next']}", headers=feedback.headers()
    )
    keys = [one["key"] for one in (*page["items"], *rest.json()["items"])]
    assert keys == sorted(newest())
    assert rest.json()["next"] is None
    bdi = await feedback.http.get("/v1/measures/bdi", headers=feedback.headers())
    assert bdi.json()["reliable_change"]["value"] == 8.46
    missing = await feedback.http.get("/v1/measures/mood", headers=feedback.headers())
    assert missing.status_code == 404


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?limit=1e9", "?cursor=nonsense"])
async def test_a_page_that_does_not_exist_is_refused(feedback: Feedback, query: str) -> None:
    answer = await feedback.http.get(f"/v1/measures{query}", headers=feedback.headers())
    assert answer.status_code == 422
