"""Who wrote a rating is written down before they are answered."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.eventstore import append
from shared.ids import new_id
from tests.integration.feedback.reaching import (
    GIVEN_AT,
    in_care,
    rated,
    written,
)
from tests.support.feedback import Feedback


async def test_each_rating_written_is_written_down(feedback: Feedback) -> None:
    me = new_id()
    case = await in_care(feedback, me)
    rating_id = await rated(feedback, case)
    assert await written(feedback) == [
        (
            feedback.principal,
            "integration",
            "POST /v1/ratings",
            "ratings.write",
            case.client_id,
        )
    ]
    await feedback.person(me, "clinician").post(
        f"/v1/ratings/{rating_id}/void", {"reason": "somebody else's"}
    )
    assert (await written(feedback))[1:] == [
        (me, "care", "POST /v1/ratings/{rating_id}/void", "ratings.correct", case.client_id)
    ]


async def test_a_bulk_call_writes_each_client_down_once(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.feedback.bulk.CHUNK", 4)
    cases = [await in_care(feedback) for _ in range(3)]
    lines = [
        {
            "episode_id": cases[number % 3].episode_id,
            "measure": "ors",
            "total": 20.0,
            "occurred_at": (GIVEN_AT + timedelta(hours=number)).isoformat(),
        }
        for number in range(12)
    ]
    lines.append({**lines[0], "episode_id": str(uuid4())})
    results = await feedback.bulk(lines)
    assert [one["status"] for one in results] == ["created"] * 12 + ["refused"]
    rows = await written(feedback)
    assert sorted(one[-1] for one in rows) == sorted(case.client_id for case in cases)
    assert {one[:4] for one in rows} == {
        (feedback.principal, "integration", "POST /v1/ratings/bulk", "ratings.import")
    }


async def test_a_rating_and_who_wrote_it_are_written_together_or_not_at_all(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await in_care(feedback)
    call = append.CALL_LOOKED.replace("access_looked(", "access_nothing(")
    monkeypatch.setattr(append, "CALL_LOOKED", call)
    assert not (await feedback.submit(case.episode_id)).is_success
    monkeypatch.undo()
    assert await feedback.events(case.episode_id) == []
    assert await written(feedback) == []


async def test_what_is_answered_again_is_written_down_again_and_what_lost_a_race_once(
    feedback: Feedback,
) -> None:
    case = await in_care(feedback)
    body = {
        "episode_id": case.episode_id,
        "measure": "ors",
        "occurred_at": GIVEN_AT.isoformat(),
        "total": 20.0,
    }
    answers = [await feedback.post("/v1/ratings", body, Idempotency_Key="k") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(await written(feedback)) == 2
    await asyncio.gather(*(feedback.post("/v1/ratings", body) for _ in range(10)))
    assert len(await feedback.events(case.episode_id)) == 11
    assert len(await written(feedback)) == 12
