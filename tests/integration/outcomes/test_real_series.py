"""Four hundred real series, folded by the service and by an independent count in plain Python."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from sqlalchemy import true

from services.outcomes.lists import Filters
from services.outcomes.rebuild import verify
from shared.contracts import Event, Recorded
from shared.ids import derived_id, new_id
from tests.integration.outcomes.home import Home
from tests.support.paths import REPOSITORY
from tests.unit.outcomes.story import Story

RATINGS = REPOSITORY.parent / "shared" / "data" / "enrichd-bdi" / "ratings.csv"
RELIABLE_CHANGE = 8.46
CUTOFF = 14.29
BATCH = 1000


def classify(first: int, last: int) -> str:
    """The class of a change of BDI totals, lower being better."""
    if last - first >= RELIABLE_CHANGE:
        return "deteriorated"
    if first - last < RELIABLE_CHANGE:
        return "unchanged"
    return "recovered" if first > CUTOFF >= last else "improved"


def read_totals(file: Path) -> dict[str, list[tuple[float, int]]]:
    """Day and total of each client's ratings, in file order."""
    totals: dict[str, list[tuple[float, int]]] = defaultdict(list)
    with file.open() as lines:
        for row in csv.DictReader(lines):
            totals[row["client"]].append((float(row["day"]), int(row["bdi"])))
    return totals


@pytest.mark.skipif(not RATINGS.exists(), reason="the real series are not on this machine")
async def test_views_and_signals_agree_with_an_independent_count(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    totals = read_totals(RATINGS)
    names = {derived_id("enrichd", name): name for name in totals}
    events = all_events(totals, tenant)
    for start in range(0, len(events), BATCH):
        await home.project(*events[start : start + BATCH])
        await home.assess(*events[start : start + BATCH])
    await home.project_assessments(events)

    found = {
        row.client_id: row
        for row in await home.views.caseload(tenant, Filters(), None, 500, true())
    }
    assert len(found) == len(totals) == 400
    assert sum(row.ratings for row in found.values()) == 5346
    for client_id, row in found.items():
        series = [total for _, total in totals[names[client_id]]]
        assert (row.baseline, row.latest) == (series[0] * 10, series[-1] * 10)
        assert row.classification == classify(series[0], series[-1]), names[client_id]
    classes = Counter(row.classification for row in found.values())
    assert classes["deteriorated"] == 4

    worse = {
        client_id
        for client_id in found
        for signals in (await signals_of(home, tenant, client_id))
        if "reliable_deterioration" in signals
    }
    assert worse == {
        client_id
        for client_id, name in names.items()
        if any(total - totals[name][0][1] >= RELIABLE_CHANGE for _, total in totals[name])
    }
    assert len(worse) == 51
    assert [one for one in await verify(home.reader, home.keyring, 1) if one.tenant == tenant] == []


def all_events(totals: dict[str, list[tuple[float, int]]], tenant: str) -> list[Recorded[Event]]:
    """Every client with their one episode and ratings."""
    events: list[Recorded[Event]] = []
    for name, series in totals.items():
        story = Story(derived_id("enrichd", name), derived_id("enrichd episode", name), tenant)
        story.register()
        story.open(day=series[0][0])
        for number, (day, total) in enumerate(series):
            story.rate(f"{tenant} {name} {number}", total * 10, day=day)
        events += story.events
    return events


async def signals_of(home: Home, tenant: str, client_id: str) -> list[set[str]]:
    """The rules that hold for each rating of a client."""
    state = (await home.views.now(tenant, client_id)).states[0]
    return [
        {one.rule for one in signals}
        for assessed in state.assessed.values()
        for signals in assessed.signals.values()
    ]
