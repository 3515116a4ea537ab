"""Erasure while events are in flight, and processes die at ten points of it: nothing is left, the
receipts are complete, and all is as if the person had never been there."""

import asyncio
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.faults.dying import PLACES
from tests.faults.real import Platform, open_platform, patiently
from tests.support.erased import STAYS, TABLES
from tests.support.front_door import FrontDoor

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

POINTS = {
    "intake-worker": [
        "begun, key not destroyed",
        "key destroyed, nobody told",
        "events appended, not committed",
        "erasure committed, not published",
        "erasure published, checkpoint not moved",
        "confirmation heard, not written",
    ],
    "feedback-worker": ["confirmation appended, rows not gone"],
    "outcomes-worker": ["rows gone, not committed"],
    "alerts-rules": ["forgotten, keys still in memory"],
    "alerts-worker": ["confirmation committed, not published"],
}
"""Where each worker dies, one after another."""

ERASED, KEPT = 6, 4
DEATH_SECONDS, SETTLE_SECONDS = 60, 60
PAUSE_SECONDS = 0.05
BETWEEN_SECONDS = 1.0
"""Nothing is waited for: so that erasures are spread over the deaths, each meeting some."""

SERVICES = ("intake", "feedback", "outcomes", "alerts")


@dataclass
class Person:
    """A client in care whose ratings keep coming."""

    name: str
    id: str = ""
    episode_id: str = ""
    sent: int = 0
    refused: set[int] = field(default_factory=set)


@dataclass
class Drill:
    """Two organisations with the same clients, of whom one also has those who will be erased."""

    platform: Platform
    doors: list[FrontDoor]
    erased: list[Person]
    kept: list[list[Person]]
    people: list[str]
    requests: dict[str, str] = field(default_factory=dict)

    async def register(self, door: FrontDoor, person: Person) -> None:
        """Take somebody into care."""
        body = {"external_id": person.name, "family_name": f"Family of {person.name}"}
        person.id = (await door.post("/intake/v1/clients", body))["id"]
        opening = {
            "client_id": person.id,
            "external_id": person.name,
            "opened_at": (datetime.now(UTC) - timedelta(days=30)).isoformat(),
            "kind": "individual",
            "age_group": "adult",
        }
        person.episode_id = (await door.post("/intake/v1/episodes", opening))["id"]

    async def rate(self, door: FrontDoor, person: Person) -> int:
        """One more rating, which may say of risk; the status of the answer."""
        number = person.sent
        body = {
            "episode_id": person.episode_id,
            "measure": "phq-9",
            "external_id": f"{person.name}-{number}",
            "occurred_at": (datetime.now(UTC) - timedelta(hours=100 - number)).isoformat(),
            "items": {str(item): (number + item) % 4 for item in range(1, 10)},
        }
        answer = await door.tried("POST", "/feedback/v1/ratings", json=body)
        if answer.status_code == httpx.codes.CREATED:
            person.sent += 1
        return answer.status_code

    async def rate_until(self, enough: asyncio.Event, person: Person) -> None:
        """Ratings of somebody keep coming, whatever is answered; none after ninety."""
        while not enough.is_set() and person.sent < 90:
            person.refused.add(await self.rate(self.doors[0], person))
            await asyncio.sleep(PAUSE_SECONDS)

    async def erase(self, person: Person) -> None:
        """Ask for it, and approve; it is executed at once."""
        door, [first, second] = self.doors[0], self.people
        asked = {"reason": "She asked.", "actor": first}
        path = f"/intake/v1/clients/{person.id}/erasure-requests"
        request_id = (await door.post(path, asked))["id"]
        self.requests[person.name] = request_id
        path = f"/intake/v1/erasure-requests/{request_id}/approve"
        await door.post(path, {"actor": second})

    async def receipt(self, person: Person) -> dict[str, Any]:
        """What is known of an erasure."""
        path = f"/intake/v1/erasure-requests/{self.requests[person.name]}"
        return await self.doors[0].get(path)

    async def dies_at(self, name: str, points: Iterable[str]) -> None:
        """A worker dies at one point after another, then another one goes on without dying."""
        self.platform.kill(name)
        for point in points:
            child = self.platform.start(name, dies=point)
            code = await asyncio.to_thread(child.process.wait, DEATH_SECONDS)
            assert code == -signal.SIGKILL, f"{name} at {point!r}: {child.last_words()[-2000:]}"
        self.platform.start(name)


async def left_of(platform: Platform, service: str, ids: set[str]) -> dict[str, int]:
    """How many rows of which tables name somebody, or an episode of theirs."""
    found = {}
    wanted = "|".join(ids)
    for [table] in await platform.fetch(service, TABLES):
        if table in STAYS:
            continue
        query = f"SELECT count(*) FROM {table} AS t WHERE t::text ~ $1"  # noqa: S608 - of PostgreSQL
        [[count]] = await platform.fetch(service, query, wanted)
        if count:
            found[table] = count
    return found


async def standing(door: FrontDoor, people: list[Person]) -> dict[str, Any]:
    """What an organisation sees of its clients, without ids: views, lists and sums."""
    names = {person.id: person.name for person in people}
    views = {}
    for person in people:
        view = await door.get(f"/outcomes/v1/clients/{person.id}")
        [episode] = view["episodes"]
        views[person.name] = [
            (series["measure"], series["baseline"], series["latest"], series["change"],
             [rating["total"] for rating in series["ratings"]])
            for series in episode["series"]
        ]  # fmt: skip
    listed = (await door.get("/outcomes/v1/clients?limit=200"))["items"]
    caseload = (await door.get("/outcomes/v1/caseload?limit=200"))["items"]
    alerts = (await door.get("/alerts/v1/alerts?limit=200"))["items"]
    return {
        "views": views,
        "clients": sorted(names.get(one["client_id"], "somebody else") for one in listed),
        "caseload": sorted(
            (names.get(one["client_id"], "somebody else"), one["latest"]) for one in caseload
        ),
        "alerts": sorted(
            (names.get(one["client_id"], "somebody else"), one["rule"]["id"], one["status"])
            for one in alerts
        ),
    }


async def prepared(platform: Platform) -> Drill:
    """Everybody is in care, has ratings, and the first organisation does not wait."""
    up = msgspec.json.decode(platform.home.up_file.read_bytes())
    doors = [FrontDoor(up, number) for number in range(2)]
    await doors[0].call(
        "PUT", "/intake/v1/organisation/sign-in-policy", json={"erasure_wait_days": 0}
    )
    people = [
        (await doors[0].post("/intake/v1/people", {"name": name, "roles": ["administrator"]}))["id"]
        for name in ("Ada", "Bea")
    ]
    erased = [Person(f"erased-{number}") for number in range(ERASED)]
    kept = [[Person(f"kept-{number}") for number in range(KEPT)] for _ in doors]
    drill = Drill(platform, doors, erased, kept, people)
    for door, persons in ((doors[0], erased), *zip(doors, kept, strict=True)):
        for person in persons:
            await drill.register(door, person)
            for _ in range(3):
                assert await drill.rate(door, person) == httpx.codes.CREATED
    return drill


async def run(drill: Drill) -> None:
    """The deaths, while ratings come and one erasure follows another."""
    enough = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        flood = [group.create_task(drill.rate_until(enough, person)) for person in drill.erased[:3]]
        deaths = [group.create_task(drill.dies_at(name, points)) for name, points in POINTS.items()]
        for person in drill.erased:
            await drill.erase(person)
            await asyncio.sleep(BETWEEN_SECONDS)
        await asyncio.gather(*deaths)
        enough.set()
        await asyncio.gather(*flood)


async def test_an_erasure_survives_ten_deaths_and_leaves_nothing(tmp_path: Path) -> None:
    assert sum(map(len, POINTS.values())) == len(PLACES) == 10
    async with open_platform(tmp_path / "home") as platform:
        drill = await prepared(platform)
        await run(drill)

        async def complete() -> bool:
            receipts = [await drill.receipt(person) for person in drill.erased]
            return all(receipt["complete"] for receipt in receipts)

        await patiently(complete, SETTLE_SECONDS)
        # What was still on its way has arrived: later ratings of others have.
        for door, persons in zip(drill.doors, drill.kept, strict=True):
            for person in persons:
                assert await drill.rate(door, person) == httpx.codes.CREATED

        async def same() -> bool:
            first, second = [
                await standing(*one) for one in zip(drill.doors, drill.kept, strict=True)
            ]
            return first == second and all(len(v[0][4]) == 4 for v in first["views"].values())

        await patiently(same, SETTLE_SECONDS)
        ids = {one for person in drill.erased for one in (person.id, person.episode_id)}
        for service in SERVICES:
            assert await left_of(platform, service, ids) == {}, service
        for person in drill.erased:
            receipt = await drill.receipt(person)
            assert {one["service"] for one in receipt["confirmations"]} == set(SERVICES[1:])
            for path in (f"/intake/v1/clients/{person.id}", f"/outcomes/v1/clients/{person.id}"):
                assert (await drill.doors[0].tried("GET", path)).status_code == httpx.codes.GONE
        assert await platform.command("parked", "list") == (0, "")
        assert all(child.exit_code is None for child in platform.processes.values())
