"""The running platform says of 400 real series what `heroic analyse rules` says of their file:
as they were imported, and after many a correction, void, move and late form."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any, Literal

import pandas as pd
import pytest

from deploy.cli.analyse import encode
from deploy.cli.analyse_rules import assessed
from deploy.cli.rows import Columns, read_rows
from shared.contracts import Recorded
from shared.contracts.feedback import RatingSubmitted
from shared.contracts.outcomes import (
    AssessmentRevised,
    AssessmentWithdrawn,
    RatingAssessed,
)
from tests.reference import gains, losses
from tests.reference.exact import exact
from tests.support.book import Book, Clerk
from tests.support.front_door import FrontDoor
from tests.support.heroic import Heroic
from tests.support.paths import REPOSITORY
from tests.support.stored import Stores, open_stores
from tests.support.waiting import until_equal

DATA = REPOSITORY.parent / "shared" / "data" / "enrichd-bdi" / "ratings.csv"
COLUMNS = Columns("client", "bdi", day="day", start=date(2020, 1, 6))
CLIENTS, RATINGS, ALERTS = 400, 5_346, 708

THINGS, SEED = 200, 20260105
SETTLED_SECONDS = 60

Word = RatingAssessed | AssessmentRevised

Said = dict[str, Any]
"""By client: what is said of each rating, or which alerts there are."""

pytestmark = [
    # Starting all of it and the import may take a while where many things run.
    pytest.mark.timeout(400),
    pytest.mark.skipif(not DATA.exists(), reason="the ENRICHD data are not on this machine"),
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heroic]:
    """A platform of its own that has taken in the real series."""
    heroic = Heroic(tmp_path_factory.mktemp("numbers") / "home")
    started = heroic.make("up")
    assert started.returncode == 0, started.stdout + started.stderr
    columns = ("--client-column", "client", "--value-column", "bdi", "--day-column", "day")
    imported = json.loads(
        command(heroic, "import", "ratings", str(DATA), "--measure", "bdi", *columns)
    )
    assert (imported["clients"], imported["created"]) == (CLIENTS, RATINGS)
    yield heroic
    assert heroic.make("clean").returncode == 0


@pytest.fixture
async def stores(installation: Heroic) -> AsyncIterator[Stores]:
    """What it keeps."""
    async with open_stores(installation) as stores:
        yield stores


@pytest.fixture
async def door(installation: Heroic) -> AsyncIterator[FrontDoor]:
    """The integration of the organisation that imported them."""
    door = FrontDoor(installation.up)
    yield door
    await door.close()


async def test_what_was_imported_is_judged_as_its_file_is(
    stores: Stores, door: FrontDoor, tmp_path: Path
) -> None:
    book = await opened_book(stores)
    said = await agree(stores, door, book, tmp_path / "imported.csv")
    assert len(said) == CLIENTS
    assert sum(map(len, said.values())) == ALERTS


async def test_after_any_changes_it_is_judged_as_the_file_that_they_would_give(
    stores: Stores, door: FrontDoor, tmp_path: Path
) -> None:
    book = await opened_book(stores)
    await Clerk(door, book, Random(SEED)).work(THINGS)
    await agree(stores, door, book, tmp_path / "changed.csv")
    assert sum(map(book.is_late, book.clients)) > 0


async def test_views_show_what_was_said_of_each_rating_and_the_gains_among_them(
    stores: Stores, door: FrontDoor
) -> None:
    words = await last_words(stores)
    shown = 0
    async for client in door.items("/outcomes/v1/clients"):
        view = await door.get(f"/outcomes/v1/clients/{client['client_id']}")
        [episode] = view["episodes"]
        [series] = [one for one in episode["series"] if one["ratings"]] or [None]
        if series is None:
            continue
        said = words[episode["id"]]
        for rating in series["ratings"]:
            told = said[rating["id"]].private
            assert told is not None
            assert rating["total"] == told.total / 10
            held = [(one.rule, one.severity) for one in told.verdicts if one.holds]
            assert [(one["rule"], one["severity"]) for one in rating["signals"]] == held
        last = said[series["ratings"][-1]["id"]].private
        assert last is not None
        assert series["classification"] == last.classification
        assert series["change"] == last.change / 10
        assert leaps(series, "sudden_gains") == leaps_of_reference(series, gains)
        assert leaps(series, "sudden_losses") == leaps_of_reference(series, losses)
        shown += 1
    assert shown > CLIENTS * 0.9


async def agree(stores: Stores, door: FrontDoor, book: Book, file: Path) -> Said:
    """Wait until assessments and alerts are those of a file of all ratings; the alerts of it."""
    book.write(file)
    columns = ("--client", "client", "--time", "time", "--value", "bdi")
    report = json.loads(run("analyse", "rules", str(file), "--measure", "bdi", *columns, "--json"))
    assert (report["n_ratings"], report["unreadable"]) == (len(book.ratings), [])
    of_file = {one["client"]: one for one in report["clients"]}
    wanted = {client: ratings_of(book, client, one) for client, one in of_file.items()}
    await until_equal(lambda: assessments(stores, book), wanted, SETTLED_SECONDS)
    alerts = {client: sorted(map(alert_of, one["alerts"])) for client, one in of_file.items()}
    of_rules = set(report["rules"])
    await until_equal(lambda: raised(door, book, of_rules), alerts, SETTLED_SECONDS)
    return alerts


def ratings_of(book: Book, client: str, analysed: dict[str, Any]) -> list[dict[str, Any]]:
    """What the file says of a client's ratings, each with its id. It knows no openings: so not
    that a baseline came late."""
    late = {"classification": None} if book.is_late(client) else {}
    pairs = zip(book.of_client(client), analysed["ratings"], strict=True)
    return [{"id": rating_id} | one | late for (rating_id, _), one in pairs]


async def assessments(stores: Stores, book: Book) -> Said:
    """What the store of outcomes says last of every rating, in the same words."""
    found: Said = {}
    for episode_id, words in (await last_words(stores)).items():
        told = [(one, one.private) for one in words.values() if one.private is not None]
        found[book.client_of[episode_id]] = [
            {"id": word.rating_id}
            | json.loads(encode(assessed(word.occurred_at.isoformat(), said)))
            for word, said in sorted(told, key=lambda one: one[1].ordinal)
        ]
    return found


async def last_words(stores: Stores) -> dict[str, dict[str, Word]]:
    """The last that was said of each rating that stands, by episode and rating."""
    latest: defaultdict[str, dict[str, Word]] = defaultdict(dict)
    events: list[Recorded[Word | AssessmentWithdrawn]] = await stores.events(
        "outcomes", RatingAssessed, AssessmentRevised, AssessmentWithdrawn
    )
    for word in (event.data for event in events):
        if isinstance(word, AssessmentWithdrawn):
            del latest[word.episode_id][word.rating_id]
        else:
            latest[word.episode_id][word.rating_id] = word
    return {episode: words for episode, words in latest.items() if words}


def leaps(series: dict[str, Any], kind: str) -> list[tuple[Any, ...]]:
    """The sudden gains or losses of a view: from which rating to which, size, reversed."""
    return [(one["from"], one["to"], one["size"], one["reversed"]) for one in series[kind]]


def leaps_of_reference(
    series: dict[str, Any], find: Callable[[pd.DataFrame, int, Literal[-1]], pd.DataFrame]
) -> list[tuple[Any, ...]]:
    """Those that the second implementation finds in the ratings of a view."""
    ids = [one["id"] for one in series["ratings"]]
    totals = pd.DataFrame([[one["total"] for one in series["ratings"]]], columns=ids)
    columns = ["from", "to", "size", "reversed"]
    return list(find(totals, exact(7), -1)[columns].itertuples(index=False, name=None))


async def raised(door: FrontDoor, book: Book, rules: set[str]) -> Said:
    """The alerts of these rules that stand, by client."""
    found: Said = {client: [] for client in book.clients}
    async for alert in door.items("/alerts/v1/alerts"):
        if alert["status"] != "withdrawn" and alert["rule"]["id"] in rules:
            assert alert["historical"]
            cause = book.ratings[alert["history"][0]["cause_id"]]
            rule, is_open = alert["rule"]["id"], alert["status"] == "open"
            told = rule, cause.occurred_at, alert["severity"], is_open
            found[book.client_of[alert["episode_id"]]].append(told)
    return {client: sorted(alerts) for client, alerts in found.items()}


def alert_of(analysed: dict[str, Any]) -> tuple[str, datetime, str, bool]:
    """An alert of the file: rule, time of the rating that raised it, severity, open."""
    at = datetime.fromisoformat(analysed["opened"])
    return analysed["rule"], at, analysed["severity"], analysed["ended"] is None


async def opened_book(stores: Stores) -> Book:
    """A book of what was imported."""
    rows = read_rows(DATA, "bdi", COLUMNS)
    submitted = {
        event.data.private.external_id: event.data
        for event in await stores.events("feedback", RatingSubmitted)
        if event.data.private is not None
    }
    book = Book(rows.opened_at())
    for row in rows.ratings:
        event = submitted[row.external_id]
        book.client_of[event.episode_id] = row.client
        book.put(event.rating_id, row.client, row.at, int(row.value))
    return book


def command(heroic: Heroic, *words: str) -> str:
    """What `heroic` says of an installation."""
    return run("--up-file", str(heroic.up_file), *words, "--start", "2020-01-06", "--json")


def run(*words: str) -> str:
    """What `heroic` says."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
