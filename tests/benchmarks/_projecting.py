"""A worker of outcomes on a topic of its own, and what a benchmark sees of it.

    python -m tests.benchmarks._projecting < place.json

It is the worker of `services.outcomes.app` without its relay.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
import psutil
import uvloop
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.outcomes.assessor import Assessor
from services.outcomes.projector import Projector
from services.outcomes.wake import Bell
from shared.consuming import Consumer, Handler, create_broker
from shared.database import create_database
from shared.eventstore import EventStore
from shared.ids import new_id
from shared.measures import default_rules
from shared.migrations import upgrade
from shared.privacy import migrate_keys, open_keyring
from shared.topics import PARTITIONS, PROGRESS_TOPIC
from shared.worker import Worker
from tests.benchmarks._ratings import KEY
from tests.benchmarks.harness import Environment
from tests.support.waiting import eventually_async

GROUP = "outcomes.views"
# Of the slowest group: all of them read the same topic.
DONE = """
SELECT coalesce(min(done), 0)::bigint FROM (
    SELECT sum(next_offset) AS done FROM consumer_checkpoints GROUP BY group_name
) AS groups
"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a worker works; `group` is its own, since brokers may be shared."""

    kafka: str
    redis: str
    database: str
    keys: str
    topic: str
    group: str
    assess: bool = False


class Moment(NamedTuple):
    """How many events were processed at a time (seconds), and the largest process (bytes)."""

    time: float
    events: int
    memory: int


class Processed(NamedTuple):
    """What was seen while workers ran; before they began, `already` events were processed."""

    moments: list[Moment]

    def at(self, part: float, already: int = 0) -> Moment:
        """The moment at which so much of the way (0 to 1) was behind."""
        total = self.moments[-1].events - already
        return next(one for one in self.moments if one.events >= already + total * part)

    def rate(self, already: int = 0) -> float:
        """Events a second, without the beginning, when workers start, and the very end."""
        start, end = self.at(0.15, already), self.at(0.95, already)
        return (end.events - start.events) / (end.time - start.time)

    def peak(self, part: float) -> int:
        """The most bytes that a process had until so much of the way was behind."""
        end = self.at(part)
        return max(one.memory for one in self.moments if one.time <= end.time)


async def make_place(environment: Environment) -> Place:
    """Fresh databases and a fresh topic."""
    urls, keys = await environment.database(), await environment.database()
    await upgrade("outcomes", urls.owner)
    await migrate_keys(keys.owner)
    name = f"bench-{new_id()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=environment.kafka)
    await admin.start()
    topics = [NewTopic(name, PARTITIONS, 1), NewTopic(PROGRESS_TOPIC, 1, 1)]
    # Answers for each topic: that of progress may be there from a round before.
    await admin.create_topics(topics)
    await admin.close()
    return Place(
        kafka=environment.kafka,
        redis=environment.redis_url,
        database=urls.app,
        keys=keys.app,
        topic=name,
        group=f"{GROUP}.{name}",
    )


@asynccontextmanager
async def workers(place: Place, count: int) -> AsyncIterator[list[psutil.Process]]:
    """So many worker processes, for as long as the context is open."""
    running = []
    for _ in range(count):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE
        )
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(place))
            process.stdin.close()
        running.append(process)
    try:
        yield [psutil.Process(process.pid) for process in running]
    finally:
        for process in running:
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(process.wait() for process in running))


async def drain(place: Place, events: int, *, count: int, seconds: float = 300) -> Processed:
    """Run `count` workers until they have processed `events` of the topic in all."""
    database = create_database(place.database, pool_size=1)
    moments: list[Moment] = []

    async def look(processes: list[psutil.Process]) -> bool:
        async with database.raw() as conn:
            done: int = await conn.fetchval(DONE)
        memory = max(process.memory_info().rss for process in processes)
        moments.append(Moment(time.perf_counter(), done, memory))
        return done >= events

    try:
        async with workers(place, count) as processes:
            await eventually_async(lambda: look(processes), seconds)
    finally:
        await database.dispose()
    return Processed(moments)


def create_worker(place: Place) -> Worker:
    """The worker on this place."""
    database = create_database(place.database, pool_size=10)
    keyring = open_keyring(create_database(place.keys), KEY)
    bell = Bell(place.redis)
    broker = create_broker(place.kafka)
    store = EventStore(database, keyring, service="outcomes")
    handlers: dict[str, Handler] = {place.group: Projector(keyring, bell)}
    if place.assess:
        handlers[f"{place.group}.assessor"] = Assessor(keyring, default_rules())
    consumers = [
        Consumer(
            group=group,
            topics=[place.topic],
            handler=handler,
            database=database,
            store=store,
            broker=broker,
            max_records=1_000,
        )
        for group, handler in handlers.items()
    ]
    return Worker(
        "outcomes",
        relay=None,
        broker=broker,
        consumers=consumers,
        closing=[bell.close, keyring.close, database.dispose],
    )


if __name__ == "__main__":
    sys.exit(uvloop.run(create_worker(msgspec.convert(json.load(sys.stdin), Place)).run()))
