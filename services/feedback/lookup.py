"""What a command must know before it is decided, in one query for many commands."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

import asyncpg

from services.feedback.domain.episode import Episode
from shared.database import Database, driver
from shared.errors import NotFound

CONCURRENT = 2
"""Queries at a time: while they run, questions gather for the next one."""


def stream_of(episode_id: str) -> str:
    """The stream of an episode's ratings."""
    return f"feedback-{episode_id}"


def episode_of(stream: str) -> str:
    """The episode that a stream of ratings belongs to."""
    return stream.removeprefix("feedback-")


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
    """Episodes by their id or by the hash of their external id, and claims by their stream."""

    ids: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()

    @staticmethod
    def all(questions: Iterable["Question"]) -> "Question":
        """All of them in one."""
        many = list(questions)
        return Question(
            frozenset().union(*(one.ids for one in many)),
            frozenset().union(*(one.hashes for one in many)),
            frozenset().union(*(one.claims for one in many)),
        )


class Found(NamedTuple):
    """The answers that there are."""

    by_id: dict[str, Known]
    by_hash: dict[str, Known]
    claims: dict[str, Holder]


EPISODES = """
SELECT episode_id, client_id, age_group, opened_at, closed_at, external_hash,
    (SELECT version FROM streams
     WHERE streams.tenant = $1 AND streams.stream = 'feedback-' || episode_id) AS version
FROM episodes
"""
BY_ID = EPISODES + "WHERE tenant = $1 AND episode_id = ANY($2::text[])"
BY_HASH = EPISODES + "WHERE tenant = $1 AND external_hash = ANY($2::text[])"
CLAIMS = "SELECT stream, ref FROM streams WHERE tenant = $1 AND stream = ANY($2::text[])"
STREAM_OF_RATING = "SELECT stream FROM events WHERE tenant = $1 AND id = $2"


async def look_up(database: Database, tenant: str, asked: Question) -> Found:
    """Answer `asked` in one transaction of the tenant."""
    by_id: list[asyncpg.Record] = []
    by_hash: list[asyncpg.Record] = []
    claims: list[asyncpg.Record] = []
    async with database.session(tenant) as conn:
        raw = driver(conn)
        if asked.ids:
            by_id = await raw.fetch(BY_ID, tenant, list(asked.ids))
        if asked.hashes:
            by_hash = await raw.fetch(BY_HASH, tenant, list(asked.hashes))
        if asked.claims:
            claims = await raw.fetch(CLAIMS, tenant, list(asked.claims))
    return Found(
        {row["episode_id"]: known(row) for row in by_id},
        {row["external_hash"]: known(row) for row in by_hash},
        {row["stream"]: Holder(*row["ref"].split("/")) for row in claims},
    )


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
        row["episode_id"], row["client_id"], row["age_group"], row["opened_at"], row["closed_at"]
    )
    return Known(episode, row["version"] or 0)


class Batch:
    """Questions about one tenant that wait for the same query."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answer: asyncio.Task[Found]


class Reader:
    """Answers questions that are asked at the same moment together, one query a tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[str, Batch] = {}
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
        async with self._free:
            del self._open[tenant]
            return await look_up(self._database, tenant, Question.all(batch.questions))
