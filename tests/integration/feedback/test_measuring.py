"""What was given after measuring was declined is not taken."""

from datetime import timedelta

import pytest

from shared.contracts.intake import (
    ClientsMerged,
    ClientsUnmerged,
    MeasuringState,
)
from tests.integration.feedback.reaching import (
    GIVEN_AT,
    decides,
    in_care,
    rated,
)
from tests.support.feedback import Feedback


async def test_declined_measuring_refuses_what_was_given_after_it(feedback: Feedback) -> None:
    case = await in_care(feedback)
    await decides(feedback, case.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    refused = await feedback.submit(case.episode_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "measuring_declined")
    before = (GIVEN_AT - timedelta(days=1)).isoformat()
    assert (await feedback.submit(case.episode_id, occurred_at=before)).status_code == 201
    lines = [
        {
            "episode_id": case.episode_id,
            "measure": "ors",
            "total": 20.0,
            "occurred_at": at,
        }
        for at in (GIVEN_AT.isoformat(), before)
    ]
    for query in ("", "?mode=history"):
        late, early = await feedback.bulk(lines, query)
        assert (late["status"], late["error"]["code"]) == ("refused", "measuring_declined")
        assert early["status"] == "created"


@pytest.mark.parametrize("state", ["on", "paused"])
async def test_what_comes_while_measuring_is_paused_or_on_again_is_taken(
    feedback: Feedback, state: MeasuringState
) -> None:
    case = await in_care(feedback)
    await decides(feedback, case.client_id, "declined", GIVEN_AT - timedelta(days=2))
    await decides(feedback, case.client_id, state, GIVEN_AT - timedelta(days=1))
    assert (await feedback.submit(case.episode_id)).status_code == 201


async def test_sending_again_what_was_taken_before_changes_nothing(feedback: Feedback) -> None:
    case, named = await in_care(feedback), {"external_id": "form 7"}
    first = await feedback.submit(case.episode_id, **named)
    await decides(feedback, case.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    again = await feedback.submit(case.episode_id, **named)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


async def test_a_rating_is_not_moved_to_who_had_declined_by_then(feedback: Feedback) -> None:
    case, declined = await in_care(feedback), await in_care(feedback)
    rating_id = await rated(feedback, case)
    await decides(feedback, declined.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    body = {"episode_id": declined.episode_id, "reason": "of her sister"}
    answer = await feedback.post(f"/v1/ratings/{rating_id}/move", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "measuring_declined")


async def test_of_merged_clients_the_strictest_decision_counts(feedback: Feedback) -> None:
    into, alias, sibling = [await in_care(feedback) for _ in range(3)]
    for one in (alias, sibling):
        await feedback.know(ClientsMerged(client_id=one.client_id, into=into.client_id))
    await decides(feedback, alias.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    for one in (into, alias, sibling):
        assert (await feedback.submit(one.episode_id)).status_code == 409
    await feedback.know(ClientsUnmerged(client_id=alias.client_id, was=into.client_id))
    for one, status in ((into, 201), (alias, 409), (sibling, 201)):
        assert (await feedback.submit(one.episode_id)).status_code == status
