"""An organisation's own measure from its publication to alerts and views; a rating moved on it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.front_door import FrontDoor, episode_of
from tests.support.waiting import eventually_async

ITEM = {"low": 0, "high": 5, "step": 1}

# Starting all of it may take a while where many things run.
pytestmark = pytest.mark.timeout(300)


def definition(key: str) -> dict[str, Any]:
    """A form of two questions; the second one asks about risk."""
    return {
        "key": key,
        "version": 1,
        "title": "Burden",
        "kind": "outcome",
        "better": "lower",
        "items": [{"id": "1", "axis": "Burden", **ITEM}, {"id": "2", "axis": "Safety", **ITEM}],
        "total": {"low": 0, "high": 10, "step": 1},
        "missing": {"most": 0},
        "cutoffs": {"adult": {"value": 5.5, "clinical": ">="}},
        "reliable_change": {"value": 3.25, "reached": ">=", "basis": "published"},
        "risk": [{"item": "2", "target": "self"}],
        "licence": {"holder": "Us", "ships": "scoring", "note": "Ours."},
        "source": "Our own pilot.",
    }


async def client(door: FrontDoor) -> tuple[str, str]:
    """A new client, and their episode."""
    registered = await door.post("/intake/v1/clients", {})
    opened_at = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    body = episode_of(client_id=registered["id"]) | {"opened_at": opened_at}
    return registered["id"], (await door.post("/intake/v1/episodes", body))["id"]


async def series(door: FrontDoor, client_id: str) -> list[dict[str, Any]]:
    """What the client's view shows of their episode; nothing while nothing is there."""
    answer = await door.http.get(f"/outcomes/v1/clients/{client_id}")
    if answer.status_code != 200:
        return []
    return [one for episode in answer.json()["episodes"] for one in episode["series"]]


async def test_an_own_measure_is_scored_assessed_and_alerts_and_a_moved_rating_goes_with_it(
    door: FrontDoor,
) -> None:
    key = f"burden-{uuid4().hex[:8]}"
    assert (await door.post("/feedback/v1/measures", definition(key)))["version"] == 1
    (one, episode), (other, other_episode) = await client(door), await client(door)

    async def rate(items: dict[str, int], days_ago: int) -> str:
        at = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
        body = {"episode_id": episode, "measure": key, "occurred_at": at, "items": items}
        return str((await door.post("/feedback/v1/ratings", body))["id"])

    await rate({"1": 5, "2": 1}, 2)
    await rate({"1": 2, "2": 0}, 1)
    async with door.alerts() as stream:
        at_risk = await rate({"1": 5, "2": 4}, 0)
        while (message := await anext(stream)).data["episode_id"] != episode:
            pass
        assert (message.data["severity"], message.data["rule"]) == ("urgent", "risk_item")

    async def judged() -> bool:
        [found] = await series(door, one) or [{}]
        return [rating["total"] for rating in found.get("ratings", [])] == [6, 2, 9]

    assert await eventually_async(judged, seconds=20)
    path = f"/feedback/v1/ratings/{at_risk}/move"
    moved = await door.post(path, {"episode_id": other_episode, "reason": "Of her sister."})
    assert moved["id"] == at_risk

    async def settled() -> bool:
        [left], [came] = await series(door, one) or [{}], await series(door, other) or [{}]
        return (left.get("classification"), [r["id"] for r in came.get("ratings", [])]) == (
            "recovered",
            [at_risk],
        )

    assert await eventually_async(settled, seconds=20)
    [left] = await series(door, one)
    assert (left["change"], left["reliable_change"]) == (-4, 3.25)
    assert (left["measure"], left["definition_version"]) == (key, 1)
