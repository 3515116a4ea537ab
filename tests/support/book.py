"""The ratings of many clients as a book-keeper beside the platform has them, and what is done to
them through the front door."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.support.front_door import FrontDoor

LATE_AFTER = timedelta(days=30)
EARLIEST = timedelta(days=80)
"""How long before its episode a rating may lie (the platform takes 90 days)."""

HIGHEST = 63


class Rated(NamedTuple):
    """A rating as it stands (points); `order` is the order of recording."""

    client: str
    occurred_at: datetime
    total: int
    order: int


@dataclass
class Book:
    """Clients by the names that the caller gives them, each with one episode of BDI ratings."""

    opened: dict[str, datetime]
    client_of: dict[str, str] = field(default_factory=dict)
    """By episode."""
    ratings: dict[str, Rated] = field(default_factory=dict)
    done: int = 0

    @property
    def clients(self) -> list[str]:
        """Those who have a rating."""
        return sorted({one.client for one in self.ratings.values()})

    def of_client(self, client: str) -> list[tuple[str, Rated]]:
        """The ratings in clinical order, each with its id."""
        found = [(id_, one) for id_, one in self.ratings.items() if one.client == client]
        return sorted(found, key=lambda pair: (pair[1].occurred_at, pair[1].order))

    def is_late(self, client: str) -> bool:
        """Whether the first rating came too late to be a baseline."""
        first = self.of_client(client)[0][1].occurred_at
        return first - self.opened[client] > LATE_AFTER

    def write(self, file: Path) -> None:
        """All ratings as a CSV file of `client`, `time` and `bdi`, in the order of recording."""
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["client", "time", "bdi"])
            for one in sorted(self.ratings.values(), key=lambda rated: rated.order):
                writer.writerow([one.client, one.occurred_at.isoformat(), one.total])

    def put(self, rating_id: str, client: str, occurred_at: datetime, total: int) -> None:
        """A rating is recorded."""
        self.done += 1
        self.ratings[rating_id] = Rated(client, occurred_at, total, self.done)


@dataclass
class Clerk:
    """Does things to ratings that change what was said of others: seeded, one after another."""

    door: FrontDoor
    book: Book
    chance: Random

    async def work(self, times: int) -> None:
        """So many things, of every kind about as many."""
        kinds = [self.correct_score, self.correct_time, self.void, self.come_late, self.move]
        for number in range(times):
            await kinds[number % len(kinds)]()

    async def correct_score(self) -> None:
        """A score was misread."""
        rating_id, former = self._any()
        total = self._score()
        await self._do(rating_id, "correct", {"total": total, "reason": "misread"})
        self.book.ratings[rating_id] = former._replace(total=total)

    async def correct_time(self) -> None:
        """The date was wrong."""
        rating_id, former = self._any()
        occurred_at = self._time(former.client)
        body = {"occurred_at": occurred_at.isoformat(), "reason": "another day"}
        await self._do(rating_id, "correct", body)
        self.book.ratings[rating_id] = former._replace(occurred_at=occurred_at)

    async def void(self) -> None:
        """A rating never was: often the first one of its client."""
        rating_id, former = self._any()
        if self.chance.random() < 0.5:
            rating_id, _ = self.book.of_client(former.client)[0]
        await self._do(rating_id, "void", {"reason": "somebody else's"})
        del self.book.ratings[rating_id]

    async def come_late(self) -> None:
        """A form turns up that was filled in long ago, now and then at the time of another."""
        _, beside = self._any()
        at = beside.occurred_at if self.chance.random() < 0.2 else self._time(beside.client)
        total = self._score()
        body = {
            "episode_external_id": beside.client,
            "measure": "bdi",
            "occurred_at": at.isoformat(),
            "total": total,
        }
        said = await self.door.post("/feedback/v1/ratings", body)
        self.book.put(said["id"], beside.client, at, total)

    async def move(self) -> None:
        """A rating was filed with the wrong client."""
        rating_id, former = self._any()
        client = self._where(lambda one: former.occurred_at >= self.book.opened[one] - EARLIEST)
        body = {"episode_external_id": client, "reason": "filed wrongly"}
        await self._do(rating_id, "move", body)
        del self.book.ratings[rating_id]
        self.book.put(rating_id, client, former.occurred_at, former.total)

    async def _do(self, rating_id: str, what: str, body: Mapping[str, object]) -> None:
        await self.door.post(f"/feedback/v1/ratings/{rating_id}/{what}", dict(body))

    def _any(self) -> tuple[str, Rated]:
        return self.chance.choice(list(self.book.ratings.items()))

    def _where(self, holds: Callable[[str], bool]) -> str:
        return self.chance.choice([one for one in self.book.opened if holds(one)])

    def _score(self) -> int:
        return self.chance.randint(0, HIGHEST)

    def _time(self, client: str) -> datetime:
        """Between some weeks before the opening and half a year after it, on a second of its
        own."""
        seconds = self.chance.randint(-int(EARLIEST.total_seconds()), 180 * 86_400)
        return self.book.opened[client] + timedelta(seconds=seconds)
