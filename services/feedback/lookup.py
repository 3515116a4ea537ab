"""What a command must know before it is decided, in one query for many commands."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakValueDictionary

import asyncpg

from services.feedback.domain.episode import Episode
from shared.database import Database, driver
from shared.errors import NotFound
from shared.privacy import KeyMissing, Keyring

MEASURE = "measure-"
"""How the streams of measures begin."""

CONCURRENT = 3
"""Queries at a time, each of another tenant: they leave connections for other work."""


def stream_of(episode_id: str) -> str:
    """The stream of an episode's ratings."""
    return f"feedback-{episode_id}"


def episode_of(stream: str) -> str:
    """The episode that a stream of ratings belongs to."""
    return stream.removeprefix("feedback-")


def stream_of_measure(key: str) -> str:
    """The stream of what an organisation says of a measure."""
    return f"{MEASURE}{key}"


class Known(NamedTuple):
    """An episode, and the version of the stream of its ratings (0: none yet)."""

    episode: Episode
    version: int


class Holder(NamedTuple):
    """Who has an external id: a rating of an episode."""

    episode_id: str
    rating_id: str

    @property
    def ref(self) -> str:
        """As a claim keeps it."""
        return f"{self.episode_id}/{self.rating_id}"


class Question(NamedTuple):
    """Episodes by their id or by the hash of their external id, and claims and measures by their
    streams."""

    ids: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()

    @staticmethod
    def all(questions: Iterable["Question"]) -> "Question":
        """All of them in one."""
        many = list(questions)
        return Question(
            frozenset().union(*(one.ids for one in many)),
            frozenset().union(*(one.hashes for one in many)),
            frozenset().union(*(one.streams for one in many)),
        )


class Found(NamedTuple):
    """The answers that there are; of measures the version of their stream, by key."""

    by_id: dict[str, Known]
    by_hash: dict[str, Known]
    claims: dict[str, Holder]
    measures: dict[str, int]


KNOWN = "SELECT * FROM feedback_known($1, $2, $3, $4)"
OWN_MEASURES = """
SELECT stream, version FROM streams WHERE tenant = $1 AND stream LIKE 'measure-%'
"""
STREAM_OF_RATING = "SELECT stream FROM events WHERE tenant = $1 AND id = $2"


async def look_up(database: Database, tenant: str, asked: Question) -> Found:
    """Answer `asked` in one round trip (`known.sql`)."""
    async with database.raw() as conn:
        rows = await conn.fetch(
            KNOWN, tenant, list(asked.ids), list(asked.hashes), list(asked.streams)
        )
    found = Found({}, {}, {}, {})
    for row in rows:
        name = row["asked"]
        if row["ref"] is not None:
            found.claims[name] = Holder(*row["ref"].split("/"))
        elif name.startswith(MEASURE):
            found.measures[name.removeprefix(MEASURE)] = row["version"]
        elif name in asked.ids:
            found.by_id[name] = known(row)
        else:
            found.by_hash[name] = known(row)
    return found


async def own_measures(database: Database, tenant: str) -> dict[str, int]:
    """The measures that the organisation has spoken of: the versions of their streams, by key."""
    async with database.session(tenant) as conn:
        rows = await driver(conn).fetch(OWN_MEASURES, tenant)
    return {row["stream"].removeprefix(MEASURE): row["version"] for row in rows}


async def stream_of_rating(database: Database, tenant: str, rating_id: str) -> str:
    """The stream of the rating, whose id is that of the event that submitted it."""
    async with database.session(tenant) as conn:
        stream: str | None = await driver(conn).fetchval(STREAM_OF_RATING, tenant, rating_id)
    if stream is None:
        raise NotFound("There is no such rating.")
    return stream


def known(row: asyncpg.Record) -> Known:
    """An episode out of its row."""
    episode = Episode(
        row["episode_id"],
        row["client_id"],
        row["age_group"],
        row["opened_at"],
        row["closed_at"],
        row["declined_since"],
        row["restricted"],
    )
    return Known(episode, row["version"])


class Batch:
    """Questions about one tenant that wait for the same query."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answer: asyncio.Task[Found]


class Reader:
    """Answers questions that are asked at the same moment together, one query a tenant.

    It also fetches the keys of the clients together, since what is asked about is then written.
    """

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._open: dict[str, Batch] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._free = asyncio.Semaphore(CONCURRENT)

    async def find(self, tenant: str, asked: Question) -> Found:
        """The answer to `asked`, perhaps among those to others of the same tenant."""
        batch = self._open.get(tenant)
        if batch is None:
            batch = self._open[tenant] = Batch()
            batch.answer = asyncio.create_task(self._answer(tenant, batch))
        batch.questions.append(asked)
        # One caller that goes away must not take the answer from the others.
        return await asyncio.shield(batch.answer)

    async def _answer(self, tenant: str, batch: Batch) -> Found:
        # One query of a tenant at a time: what is asked meanwhile makes the next one larger.
        async with self._turns.setdefault(tenant, asyncio.Lock()), self._free:
            del self._open[tenant]
            found = await look_up(self._database, tenant, Question.all(batch.questions))
            known = (*found.by_id.values(), *found.by_hash.values())
            # A key that is not there is for the one who needs it to stumble over.
            with suppress(KeyMissing):
                await self._keyring.load({(tenant, one.episode.client_id) for one in known})
            return found
