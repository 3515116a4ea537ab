"""A rating that was given for another episode goes on there, under its id."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.feedback import RatingMoved, RatingSubmitted
from shared.ids import new_id
from tests.support.feedback import OPENED, Feedback

REASON = {"reason": "Of her sister."}
ITEMS: dict[str, Any] = {
    "measure": "phq-9",
    "items": {str(number): 1 for number in range(1, 10)},
    "total": None,
    "note": "I slept.",
    "mode": "paper",
}


async def move(feedback: Feedback, rating_id: str, episode: str, **more: Any) -> dict[str, Any]:
    path = f"/v1/ratings/{rating_id}/move"
    answer = await feedback.post(path, {"episode_id": episode, **REASON, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_it_leaves_one_episode_and_is_submitted_to_the_other_whole(
    feedback: Feedback,
) -> None:
    one, other = await feedback.episodes(2)
    rating = (await feedback.submit(one, **ITEMS, session_id=new_id())).json()
    session = new_id()
    moved = await move(feedback, rating["id"], other, session_id=session)
    assert (moved["id"], moved["total"], moved["version"]) == (rating["id"], 9.0, 1)
    submitted, left = [event.data for event in await feedback.events(one)]
    [came] = [event.data for event in await feedback.events(other)]
    assert isinstance(submitted, RatingSubmitted)
    assert isinstance(left, RatingMoved)
    assert isinstance(came, RatingSubmitted)
    assert left.to_episode_id == came.episode_id == other
    assert (came.moved_from, came.rating_id, came.session_id) == (one, rating["id"], session)
    assert came.client_id != submitted.client_id
    assert came.private == submitted.private
    assert (came.mode, came.occurred_at) == ("paper", submitted.occurred_at)


async def test_moved_twice_it_is_moved_once_and_moved_on_it_is_found(feedback: Feedback) -> None:
    one, two, three = await feedback.episodes(3)
    rating = (await feedback.submit(one)).json()["id"]
    first = await move(feedback, rating, two)
    assert await move(feedback, rating, two) == first
    await move(feedback, rating, three)
    await move(feedback, rating, one)
    corrected = await feedback.post(
        f"/v1/ratings/{rating}/correct", {"total": 3, "reason": "misread"}
    )
    assert corrected.json()["total"] == 3.0
    await feedback.post(f"/v1/ratings/{rating}/void", {"reason": "of nobody"})
    assert [len(await feedback.events(episode)) for episode in (one, two, three)] == [5, 2, 2]
    late = await feedback.post(f"/v1/ratings/{rating}/move", {"episode_id": two, **REASON})
    assert late.status_code == 409


async def test_many_movers_at_once_leave_it_in_one_place(feedback: Feedback) -> None:
    episodes = await feedback.episodes(5)
    rating = (await feedback.submit(episodes[0])).json()["id"]
    path = f"/v1/ratings/{rating}/move"
    answers = await asyncio.gather(
        *(
            feedback.post(path, {"episode_id": episodes[number % 5], **REASON})
            for number in range(20)
        )
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    came, left = 0, 0
    for episode in episodes:
        kinds = [type(event.data) for event in await feedback.events(episode)]
        came += kinds.count(RatingSubmitted)
        left += kinds.count(RatingMoved)
    assert came == left + 1


async def test_the_flags_are_those_of_its_new_place(feedback: Feedback) -> None:
    one = await feedback.episode()
    later = await feedback.episode(opened_at=OPENED + timedelta(days=60))
    closed = await feedback.episode()
    await feedback.close_episode(closed, datetime(2026, 1, 20, tzinfo=UTC))
    rating = (await feedback.submit(one)).json()["id"]
    assert (await move(feedback, rating, later))["flags"] == ["pre_episode"]
    assert (await move(feedback, rating, closed))["flags"] == ["follow_up"]
    assert (await move(feedback, rating, one))["flags"] == []


async def test_an_episode_that_began_too_long_after_it_cannot_have_it(feedback: Feedback) -> None:
    one, late = await feedback.episode(), await feedback.episode(opened_at=datetime.now(UTC))
    rating = (await feedback.submit(one, occurred_at="2025-10-10T10:00:00Z")).json()["id"]
    answer = await feedback.post(f"/v1/ratings/{rating}/move", {"episode_id": late, **REASON})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/episode_id"
    assert len(await feedback.events(one)) == 1
    assert await feedback.events(late) == []


async def test_its_external_id_goes_with_it(feedback: Feedback) -> None:
    one = await feedback.episode(external_id="e-1")
    other = await feedback.episode(external_id="e-2")
    rating = (await feedback.submit(one, external_id="r-1")).json()["id"]
    await move(feedback, rating, other)
    assert (await feedback.submit(one, external_id="r-1")).status_code == 409
    assert (await feedback.submit(other, external_id="r-1")).status_code == 200
    line = {
        "external_id": "r-1",
        "measure": "ors",
        "occurred_at": "2026-02-01T10:00:00Z",
        "total": 20,
    }
    results = await feedback.bulk([line | {"episode_external_id": name} for name in ("e-1", "e-2")])
    assert [one["status"] for one in results] == ["conflict", "unchanged"]
    query = "?on_conflict=correct"
    [corrected] = await feedback.bulk([line | {"episode_external_id": "e-2", "total": 21}], query)
    assert (corrected["status"], corrected["id"]) == ("corrected", rating)
    assert len(await feedback.events(one)) == 2
    assert len(await feedback.events(other)) == 2


@pytest.mark.parametrize("history", [True, False])
async def test_what_was_imported_as_history_stays_history(
    feedback: Feedback, *, history: bool
) -> None:
    one, other = await feedback.episodes(2)
    line = {"episode_id": one, "measure": "ors", "occurred_at": "2026-02-01T10:00:00Z", "total": 9}
    [taken] = await feedback.bulk([line], "?mode=history" if history else "")
    await move(feedback, taken["id"], other)
    [came] = await feedback.events(other)
    assert isinstance(came.data, RatingSubmitted)
    assert came.data.imported is history


async def test_another_organisations_episode_or_rating_is_not_found(feedback: Feedback) -> None:
    one, other = await feedback.episodes(2)
    rating = (await feedback.submit(one)).json()["id"]
    path = f"/v1/ratings/{rating}/move"
    assert (await feedback.post(path, {"episode_id": new_id(), **REASON})).status_code == 404
    stranger = {"Authorization": f"Bearer {feedback.token(tenant=new_id())}"}
    body = {"episode_id": other, **REASON}
    answer = await feedback.http.post(path, json=body, headers=stranger)
    assert answer.status_code == 404
    assert len(await feedback.events(one)) == 1


async def test_a_move_of_a_version_that_is_gone_is_refused(feedback: Feedback) -> None:
    one, other = await feedback.episodes(2)
    rating = (await feedback.submit(one)).json()["id"]
    path, body = f"/v1/ratings/{rating}/move", {"episode_id": other, **REASON}
    assert (await feedback.post(path, body, If_Match='"7"')).status_code == 412
    assert (await feedback.post(path, body, If_Match='"1"')).status_code == 200
