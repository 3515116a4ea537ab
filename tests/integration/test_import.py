"""`heroic import ratings` against the whole platform: real data in, views and alerts out."""

import asyncio
import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.front_door import FrontDoor, Message, phq9
from tests.support.heroic import Heroic
from tests.support.paths import REPOSITORY
from tests.support.waiting import eventually_async

DATA = REPOSITORY.parent / "shared" / "data" / "enrichd-bdi" / "ratings.csv"
CLIENTS, RATINGS = 400, 5_346

OWN: dict[str, Any] = {
    "key": "burden",
    "version": 1,
    "title": "Burden",
    "kind": "outcome",
    "better": "lower",
    "items": [],
    "total": {"low": 0, "high": 10, "step": 1},
    "missing": {"most": 0},
    "licence": {"holder": "Us", "ships": "scoring", "note": "Ours."},
    "source": "Our own pilot.",
}

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def heroic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heroic]:
    """An installation of its own, without sample data."""
    heroic = Heroic(tmp_path_factory.mktemp("import"))
    started = heroic.make("up")
    assert started.returncode == 0, started.stderr
    yield heroic
    heroic.make("clean")


@pytest.fixture
async def door(heroic: Heroic) -> AsyncIterator[FrontDoor]:
    """The first organisation's integration."""
    door = FrontDoor(heroic.up)
    yield door
    await door.close()


def run(heroic: Heroic, file: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and summary of one import."""
    columns = ["--client-column", "client", "--value-column", "bdi", "--day-column", "day"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "deploy.cli", "--up-file", str(heroic.up_file)),
            *("import", "ratings", str(file), "--measure", "bdi", *columns),
            *("--start", "2020-01-06", "--json", *options),
        ],
        env=heroic.environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


async def run_beside(heroic: Heroic, file: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """The same, while others go on."""
    return await asyncio.to_thread(run, heroic, file, *options)


@asynccontextmanager
async def listening(door: FrontDoor) -> AsyncIterator[list[Message]]:
    """Whatever comes on the stream of alerts while the context is open."""
    heard: list[Message] = []
    async with door.alerts() as stream:

        async def listen() -> None:
            async for message in stream:
                heard.append(message)

        task = asyncio.create_task(listen())
        yield heard
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def counts(summary: dict[str, Any]) -> dict[str, int]:
    statuses = ("created", "unchanged", "corrected", "conflict", "refused")
    return {status: summary[status] for status in statuses if summary[status]}


def changed(folder: Path) -> tuple[Path, str]:
    """The real file with one value changed: the last rating of a client that ends well, to the
    worst there is. The file, and that client."""
    rows = list(csv.DictReader(DATA.open(newline="")))
    client = rows[0]["client"]
    last = max(number for number, row in enumerate(rows) if row["client"] == client)
    rows[last]["bdi"] = "63"
    file = folder / "changed.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return file, client


async def all_pages(door: FrontDoor, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await door.get(path, params={"limit": 200} | ({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


async def of_rule(door: FrontDoor, rule: str) -> list[dict[str, Any]]:
    alerts = await all_pages(door, "/alerts/v1/alerts")
    return [alert for alert in alerts if alert["rule"]["id"] == rule]


async def deteriorations(door: FrontDoor) -> list[dict[str, Any]]:
    return await of_rule(door, "reliable_deterioration")


def test_a_file_with_bad_rows_is_taken_but_for_those(heroic: Heroic, tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text("client,day,bdi\na,0,20\na,7,99\n,7,20\nb,x,20\nb,0,20\n")
    second = ("--organisation", heroic.up["organisations"][1]["id"])
    rehearsed = run(heroic, file, *second, "--dry-run")
    code, summary = run(heroic, file, *second)
    assert rehearsed[0] == code == 1
    assert counts(rehearsed[1]) == counts(summary) == {"created": 2, "refused": 3}
    assert [problem["line"] for problem in summary["problems"]] == [3, 4, 5]


async def test_a_measure_of_the_organisation_is_imported_by_its_definition(
    heroic: Heroic, tmp_path: Path
) -> None:
    second = FrontDoor(heroic.up, 1)
    await second.post("/feedback/v1/measures", OWN)
    await second.close()
    file = tmp_path / "own.csv"
    file.write_text("client,day,bdi\no,0,8\no,7,10.5\no,14,9\n")
    # Of an option that is given twice the last one counts.
    organisation = heroic.up["organisations"][1]["id"]
    code, summary = run(heroic, file, "--measure", OWN["key"], "--organisation", organisation)
    assert (code, counts(summary)) == (1, {"created": 2, "refused": 1})
    assert [problem["line"] for problem in summary["problems"]] == [3]


@pytest.mark.skipif(not DATA.exists(), reason="the ENRICHD data lie beside the project, not here")
async def test_real_series_become_views_and_alerts(
    heroic: Heroic, door: FrontDoor, tmp_path: Path
) -> None:
    async with listening(door) as heard:
        await import_once(heroic, door)
        await see_all_silent(door)
        assert counts((await run_beside(heroic, DATA))[1]) == {"unchanged": RATINGS}
        await correct_one_value(heroic, door, tmp_path)

        # The stream was open all the while: it has what is for it, and nothing of history.
        episode = await door.episode()
        await door.post("/feedback/v1/ratings", phq9(episode, 3))

        async def delivered() -> bool:
            return bool(heard)

        await eventually_async(delivered)
    assert [message.data["episode_id"] for message in heard] == [episode]


async def see_all_silent(door: FrontDoor) -> None:
    """The clock goes: all these episodes fell silent long ago, each of which is listed."""

    async def silent() -> list[dict[str, Any]]:
        return await of_rule(door, "gap")

    async def told() -> bool:
        return len(await silent()) == CLIENTS

    await eventually_async(told, 60)
    assert all(alert["historical"] for alert in await silent())


async def import_once(heroic: Heroic, door: FrontDoor) -> None:
    """All clients have views, and the alerts are those of an independent count."""
    code, summary = await run_beside(heroic, DATA)
    assert (code, summary["clients"], counts(summary)) == (0, CLIENTS, {"created": RATINGS})

    async def settled() -> bool:
        return Counter(alert["status"] for alert in await deteriorations(door)) == {
            "open": 7,
            "resolved": 50,
        }

    await eventually_async(settled, 60)
    alerts = await deteriorations(door)
    assert all(alert["historical"] for alert in alerts)
    assert len({alert["client_id"] for alert in alerts}) == 51
    clients = await all_pages(door, "/outcomes/v1/clients")
    assert len({client["client_id"] for client in clients}) == CLIENTS


async def correct_one_value(heroic: Heroic, door: FrontDoor, folder: Path) -> None:
    """It is a conflict unless it is said to be a correction; then view and alerts follow."""
    file, client = changed(folder)
    code, summary = await run_beside(heroic, file)
    assert (code, counts(summary)) == (0, {"unchanged": RATINGS - 1, "conflict": 1})
    code, summary = await run_beside(heroic, file, "--on-conflict", "correct")
    assert (code, counts(summary)) == (0, {"unchanged": RATINGS - 1, "corrected": 1})

    found = await door.post("/intake/v1/clients/search", {"external_id": client})
    [client_found] = found["items"]

    async def followed() -> bool:
        view = await door.get(f"/outcomes/v1/clients/{client_found['id']}")
        [series] = view["episodes"][0]["series"]
        is_open = [one["status"] for one in await deteriorations(door)].count("open")
        return bool(series["latest"] == 63 and is_open == 8)

    await eventually_async(followed, 30)


def test_views_built_anew_from_the_journal_are_the_live_ones(heroic: Heroic) -> None:
    def projections(*words: str) -> str:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "deploy.cli", "--up-file", str(heroic.up_file)),
                *("projections", *words),
            ],
            env=heroic.environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert projections("verify", "1") == "Version 1 is what the journal says.\n"
    assert projections("rebuild") == "Built version 2.\n"
    assert projections("verify", "2") == "Version 2 is what the journal says.\n"
    assert projections("switch", "2") == "Version 2 is live.\n"
    assert " live " in projections("list").splitlines()[-1]
