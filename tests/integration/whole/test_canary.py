"""What a client said is found in the clear nowhere but where it must be: in answers and views.

Words and a total that occur nowhere else are planted by the API; then everything that rests or
travels is searched for them. A control, the client's pseudonym, is found by the same search, so
that a search that looks at nothing does not pass.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from tests.support.front_door import FrontDoor, episode_of, phq9
from tests.support.leaks import SERVICES, everything, files
from tests.support.observed import Observed
from tests.support.waiting import eventually_async

NAME, NOTE, OUTCOME, OUTSIDE = "Zephyrine", "quokkas at dawn", "vermilion plan", "mrn-hippogriff"
WORDS = [word.encode() for word in (NAME, NOTE, OUTCOME, OUTSIDE)]

TOTAL = 33.7
# As points or as tenths, but not as a part of a longer number, a time or an identifier.
TOTALS = re.compile(rb"(?<![\w.:\-])(33\.7|337)(?![\w.\-:])")

MAY_HOLD_VALUES = {
    "table outcomes.views",
    "table outcomes.summaries",
    "table outcomes.assessor_states",
}
"""Projections: charts and sums need what was said in the clear, names and words never."""

# Starting all of it may take a while where many things run.
pytestmark = pytest.mark.timeout(300)


class Planted(NamedTuple):
    """The client of whom it was all said."""

    client_id: str
    episode_id: str


@pytest.fixture(scope="module")
async def planted(platform: Observed) -> Planted:
    """All of it said by one client, and arrived everywhere."""
    door = FrontDoor(platform.up)
    once = {"Idempotency-Key": "canary"}
    client = await door.post(
        "/intake/v1/clients",
        {
            "given_name": NAME,
            "external_id": OUTSIDE,
            "identifiers": [{"system": "urn:mrn", "value": OUTSIDE}],
        },
        headers=once,
    )
    episode = await door.post("/intake/v1/episodes", episode_of(client_external_id=OUTSIDE))
    rating = {
        "episode_id": episode["id"],
        "measure": "ors",
        "occurred_at": datetime.now(UTC).isoformat(),
        "total": TOTAL,
        "note": NOTE,
    }
    await door.post("/feedback/v1/ratings", rating, headers=once)
    async with door.alerts() as stream:
        await door.post("/feedback/v1/ratings", phq9(episode["id"], 3))
        alert = await anext(stream)
    review = {"seen_how": "by telephone", "outcome": OUTCOME, "actor": NAME}
    await door.post(f"{alert.data['link']}/review", review, headers=once)

    async def arrived() -> bool:
        view = (await door.http.get(f"/outcomes/v1/clients/{client['id']}")).text
        return str(TOTAL) in view and NOTE in view

    assert await eventually_async(arrived, seconds=20)
    assert OUTCOME in (await door.call("GET", alert.data["link"])).text
    await door.close()
    return Planted(client["id"], episode["id"])


async def test_what_was_said_is_nowhere_in_the_clear(platform: Observed, planted: Planted) -> None:
    control = planted.client_id.encode()
    seen: set[str] = set()
    async for place, content in everything(platform):
        if control in content:
            seen.add(place)
        assert [word for word in WORDS if word in content] == [], place
        if (found := TOTALS.search(content)) and place not in MAY_HOLD_VALUES:
            raise AssertionError((place, content[max(0, found.start() - 60) : found.end() + 60]))
    assert {f"topic heroic.{service}.events" for service in SERVICES[:3]} <= seen
    assert {f"table {service}.events" for service in SERVICES} <= seen


def test_no_file_of_the_platform_holds_a_word(platform: Observed, planted: Planted) -> None:
    control = planted.client_id.encode()
    seen = set()
    for part, file in files(platform.home):
        content = file.read_bytes()
        assert [word for word in WORDS if word in content] == [], file
        if control in content:
            seen.add(part)
    assert {"kafka", "postgres"} <= seen
