"""Clients in care, what can be done to their ratings, and what is written down of it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from shared.contracts.intake import (
    EpisodeOpened,
    MeasuringChanged,
    MeasuringState,
)
from shared.database import driver
from tests.support.feedback import OPENED, Feedback

GIVEN_AT = datetime(2026, 2, 1, 10, tzinfo=UTC)
"""When the ratings that `submit` sends were given."""


class Case:
    """A client with an episode of a clinician's; not new, so that nobody waits for word of them."""

    def __init__(self, client_id: str, episode_id: str) -> None:
        self.client_id, self.episode_id = client_id, episode_id


async def in_care(feedback: Feedback, clinician: str | None = None) -> Case:
    """A client whose episode intake has opened, in the care of a clinician if one is named."""
    case = Case(str(uuid4()), str(uuid4()))
    opened = EpisodeOpened(
        episode_id=case.episode_id,
        client_id=case.client_id,
        age_group="adult",
        opened_at=OPENED,
        clinician_id=clinician,
    )
    await feedback.keyring.create([(feedback.tenant, case.client_id)])
    await feedback.apply(opened)
    await feedback.know(opened)
    return case


async def rated(feedback: Feedback, case: Case) -> str:
    """The id of a rating that the organisation's machine has sent."""
    answer = await feedback.submit(case.episode_id)
    assert answer.status_code == 201, answer.text
    rating_id: str = answer.json()["id"]
    return rating_id


async def written(feedback: Feedback) -> list[tuple[str, ...]]:
    """What is written down: who, by which right, did what, by which permission, to whom."""
    async with feedback.database.session(feedback.tenant) as conn:
        rows = await driver(conn).fetch(
            "SELECT principal_id, why, action, permission, client_id FROM audit"
            " WHERE tenant = $1 ORDER BY audit_id",
            feedback.tenant,
        )
    return [tuple(row) for row in rows]


async def every_change(feedback: Feedback, case: Case, rating_id: str) -> list[httpx.Response]:
    """The answers to everything that can be done to a rating and to an episode."""
    path, why = f"/v1/ratings/{rating_id}", {"reason": "a mistake"}
    declined = {"episode_id": case.episode_id, "measure": "ors"}
    return [
        await feedback.submit(case.episode_id),
        await feedback.post("/v1/ratings/decline", declined),
        await feedback.post(f"{path}/correct", {"total": 21.0, **why}),
        await feedback.post(f"{path}/move", {"episode_id": case.episode_id, **why}),
        await feedback.post(f"{path}/void", why),
    ]


def told(answer: httpx.Response) -> dict[str, Any]:
    """What is said, without what belongs to the one request."""
    return {**answer.json(), "instance": "", "trace_id": ""}


async def decides(feedback: Feedback, client_id: str, state: MeasuringState, at: datetime) -> None:
    """The client decides on measuring, as recorded `at` that time."""
    await feedback.know(MeasuringChanged(client_id=client_id, state=state), at=at)
