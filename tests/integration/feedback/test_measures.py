"""An organisation's own measures: published, scored with, continued, retired, put into words."""

import asyncio
from typing import Any

import pytest

from shared.contracts.feedback import (
    MeasurePublished,
    MeasureRetired,
    RatingSubmitted,
    WordingLicensed,
)
from shared.ids import new_id
from tests.support.feedback import Databases, Feedback, open_feedback

ITEM = {"low": 0, "high": 5, "step": 1}
MOOD: dict[str, Any] = {
    "key": "mood",
    "version": 1,
    "title": "Mood today",
    "kind": "outcome",
    "better": "higher",
    "items": [{"id": "1", "axis": "Mood", **ITEM}, {"id": "2", "axis": "Energy", **ITEM}],
    "total": {"low": 0, "high": 10, "step": 1},
    "missing": {"most": 0},
    "cutoffs": {"adult": {"value": 4.5, "clinical": "<"}},
    "reliable_change": {"value": 3.25, "reached": ">=", "basis": "published"},
    "licence": {"holder": "Us", "ships": "scoring", "note": "Ours."},
    "source": "Our own pilot.",
}
ANSWERS: dict[str, Any] = {"items": {"1": 2, "2": 3}, "total": None, "measure": "mood"}
WORDS: dict[str, Any] = {
    "language": "de",
    "wording": {
        "title": "Wie es mir geht",
        "items": {"1": "Einzeln", "2": "Zu zweit", "3": "Sozial", "4": "Insgesamt"},
        "attribution": "Miller und Duncan",
        "source": "Licensed copy",
    },
    "licence": "Group licence 7",
    "attested_by": "A. Person",
}


@pytest.fixture(autouse=True)
async def organisation(feedback: Feedback) -> None:
    """It has been registered."""
    await feedback.registered()


async def publish(feedback: Feedback, **changes: Any) -> int:
    answer = await feedback.post("/v1/measures", MOOD | changes)
    return answer.status_code


async def versions_rated(feedback: Feedback, episode: str) -> list[int]:
    return [
        one.data.definition_version
        for one in await feedback.events(episode)
        if isinstance(one.data, RatingSubmitted)
    ]


async def test_a_published_measure_is_scored_with_by_both_calls_at_once(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    assert (await feedback.submit(episode, **ANSWERS)).status_code == 422
    assert await publish(feedback) == 201
    answer = await feedback.submit(episode, **ANSWERS)
    assert (answer.status_code, answer.json()["total"]) == (201, 5.0)
    line = {"episode_id": episode, "occurred_at": "2026-02-02T10:00:00Z", "measure": "mood"}
    results = await feedback.bulk([line | {"total": 7}, line | {"total": 11}])
    assert [one["status"] for one in results] == ["created", "refused"]


async def test_the_longest_name_of_an_item_can_be_answered(feedback: Feedback) -> None:
    episode, name = await feedback.episode(), "x" * 40
    items = [{"id": name, "axis": "Mood", **ITEM}]
    total = {"low": 0, "high": 5, "step": 1}
    assert await publish(feedback, items=items, total=total) == 201
    answer = await feedback.submit(episode, measure="mood", total=None, items={name: 3})
    assert (answer.status_code, answer.json()["total"]) == (201, 3.0)


async def test_every_process_scores_with_the_version_published_last(
    feedback: Feedback, databases: Databases
) -> None:
    episode = await feedback.episode()
    async with open_feedback(databases) as other:
        other.tenant, other.principal = feedback.tenant, feedback.principal
        await publish(feedback)
        for process in (feedback, other):
            await process.submit(episode, **ANSWERS)
        await publish(other, version=2, title="Mood now")
        for process in (feedback, other):
            await process.submit(episode, **ANSWERS)
    assert await versions_rated(feedback, episode) == [1, 1, 2, 2]


async def test_published_again_it_is_unchanged_and_other_content_is_a_conflict(
    feedback: Feedback,
) -> None:
    assert await publish(feedback) == 201
    assert await publish(feedback) == 200
    assert await publish(feedback, title="Another") == 409
    assert len(await feedback.said_of("mood")) == 1


async def test_fifty_at_once_publish_one_version(feedback: Feedback) -> None:
    statuses = await asyncio.gather(*(publish(feedback) for _ in range(50)))
    assert sorted(statuses) == [200] * 49 + [201]
    [event] = await feedback.said_of("mood")
    assert isinstance(event, MeasurePublished)
    assert event.published_by == feedback.principal


async def test_a_correction_is_scored_as_the_rating_was(feedback: Feedback) -> None:
    episode = await feedback.episode()
    await publish(feedback)
    rating = (await feedback.submit(episode, **ANSWERS)).json()
    await publish(feedback, version=2, missing={"most": 1})
    path = f"/v1/ratings/{rating['id']}/correct"
    answer = await feedback.post(path, {"items": {"1": 2}, "reason": "misread"})
    # Version 2 would have prorated it.
    assert (answer.json()["total"], answer.json()["flags"]) == (None, ["incomplete"])
    newer = await feedback.submit(episode, **ANSWERS | {"items": {"1": 2}})
    assert newer.json()["flags"] == ["prorated"]


async def test_a_shipped_measure_is_continued_with_norms_of_ones_own(feedback: Feedback) -> None:
    shipped = (await feedback.get("/v1/measures/bdi-ii")).json()
    norms = [shipped["norms"][0] | {"confirmed": True, "source": "Our own clients."}]
    own = {name: value for name, value in shipped.items() if name not in ("retired", "position")}
    assert (await feedback.post("/v1/measures", own)).status_code == 200
    answer = await feedback.post("/v1/measures", own | {"version": 2, "norms": norms})
    assert answer.status_code == 201
    stranger = {"Authorization": f"Bearer {feedback.token(tenant=new_id())}"}
    theirs = await feedback.http.get("/v1/measures/bdi-ii", headers=stranger)
    ours = await feedback.get("/v1/measures/bdi-ii")
    assert (theirs.json()["version"], ours.json()["version"]) == (1, 2)
    assert (await feedback.get("/v1/measures/bdi-ii?version=1")).json() == shipped | {
        "position": ours.json()["position"]
    }


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"version": 3}, "/version", "not_next"),
        ({"version": 2, "better": "lower", "cutoffs": {}}, "/better", "other_measure"),
        ({"version": 2, "kind": "alliance"}, "/kind", "other_measure"),
        (
            {"version": 2, "items": [], "total": {"low": 0, "high": 20, "step": 1}},
            "/total/high",
            "other_measure",
        ),
    ],
)
async def test_what_could_not_stand_in_one_series_is_refused_by_its_field(
    feedback: Feedback, changes: dict[str, Any], pointer: str, code: str
) -> None:
    await publish(feedback)
    answer = await feedback.post("/v1/measures", MOOD | changes)
    assert answer.status_code == 422
    assert {"pointer": pointer, "code": code}.items() <= answer.json()["errors"][0].items()
    assert len(await feedback.said_of("mood")) == 1


async def test_no_version_of_a_shipped_form_is_silent_about_risk(feedback: Feedback) -> None:
    shipped = (await feedback.get("/v1/measures/phq-9")).json()
    own = {name: value for name, value in shipped.items() if name not in ("risk", "wording")}
    answer = await feedback.post("/v1/measures", own | {"version": 2})
    assert [one["code"] for one in answer.json()["errors"]] == ["risk_dropped"]


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"items": [MOOD["items"][0]] * 2}, {"/items/1/id"}),
        ({"cutoffs": {"adult": {"value": 40, "clinical": "<"}}}, {"/cutoffs/adult/value"}),
        ({"cutoffs": {"adult": {"value": 4, "clinical": "~"}}}, {"/cutoffs/adult/clinical"}),
        (
            {
                "bands": [
                    {"from": 0, "to": 4, "name": "low"},
                    {"from": 4, "to": 10, "name": "high"},
                ]
            },
            {"/bands/1/from"},
        ),
        (
            {
                "norms": [
                    {
                        "age_groups": ["adult"],
                        "clinical": {"mean": 4, "sd": 0},
                        "reliability": {"value": 1, "kind": "alpha"},
                        "source": "A guess.",
                    }
                ]
            },
            {"/norms/0/clinical/sd", "/norms/0/reliability/value"},
        ),
        ({"favourite_colour": "blue"}, {""}),
        ({"items": [MOOD["items"][0]] * 201}, {"/items"}),
    ],
)
async def test_every_contradiction_is_named(
    feedback: Feedback, changes: dict[str, Any], pointers: set[str]
) -> None:
    answer = await feedback.post("/v1/measures", MOOD | changes)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointers <= {one["pointer"] for one in answer.json()["errors"]}
    assert await feedback.said_of("mood") == []


async def test_a_retired_measure_takes_no_new_ratings_until_it_is_published_again(
    feedback: Feedback,
) -> None:
    episode = await feedback.episode()
    await publish(feedback)
    rating = (await feedback.submit(episode, **ANSWERS)).json()
    for _ in range(2):
        answer = await feedback.post("/v1/measures/mood/retire", {"reason": "too long"})
        assert (answer.status_code, answer.json()["retired"]) == (200, True)
    refused = await feedback.submit(episode, **ANSWERS)
    assert refused.json()["errors"][0]["code"] == "retired_measure"
    path = f"/v1/ratings/{rating['id']}/correct"
    assert (await feedback.post(path, {"total": 1, "reason": "misread"})).status_code == 200
    assert await publish(feedback) == 201
    assert (await feedback.submit(episode, **ANSWERS)).status_code == 201
    said = [type(event) for event in await feedback.said_of("mood")]
    assert said == [MeasurePublished, MeasureRetired, MeasurePublished]


async def test_licensed_words_are_kept_with_who_attested_to_what_and_shown_to_nobody_else(
    feedback: Feedback,
) -> None:
    for status in (201, 200):
        answer = await feedback.post("/v1/measures/ors/wordings", WORDS)
        assert answer.status_code == status
        assert answer.json()["wording"]["de"]["items"]["2"] == "Zu zweit"
    [event] = await feedback.said_of("ors")
    assert isinstance(event, WordingLicensed)
    assert event.private is not None
    assert (event.private.licence, event.private.attested_by) == ("Group licence 7", "A. Person")
    stranger = {"Authorization": f"Bearer {feedback.token(tenant=new_id())}"}
    theirs = await feedback.http.get("/v1/measures/ors", headers=stranger)
    assert "wording" not in theirs.json()


async def test_words_that_do_not_fit_the_items_are_refused(feedback: Feedback) -> None:
    wording = WORDS["wording"] | {"items": {"1": "Einzeln", "9": "?"}}
    answer = await feedback.post("/v1/measures/ors/wordings", WORDS | {"wording": wording})
    assert answer.status_code == 422
    assert {one["pointer"] for one in answer.json()["errors"]} >= {
        "/wording/items/2",
        "/wording/items/9",
    }
    missing = await feedback.post("/v1/measures/mood-ring/wordings", WORDS)
    assert missing.status_code == 404


async def test_own_measures_are_listed_with_those_that_ship(feedback: Feedback) -> None:
    await publish(feedback)
    listed = (await feedback.get("/v1/measures?limit=200")).json()["items"]
    keys = [one["key"] for one in listed]
    assert keys == sorted(keys)
    assert {"mood", "ors", "phq-9"} <= set(keys)
    [mood] = [one for one in listed if one["key"] == "mood"]
    assert (mood["reliable_change"]["value"], mood["cutoffs"]["adult"]["value"]) == (3.25, 4.5)


async def test_one_idempotency_key_publishes_once(feedback: Feedback) -> None:
    answers = [await feedback.post("/v1/measures", MOOD, Idempotency_Key="k-1") for _ in range(2)]
    assert {answer.status_code for answer in answers} == {201}
    assert answers[0].content == answers[1].content
