"""How far a group has come, as a time: through which moment it has processed a service's events.

Each relay says every second through which time everything is relayed, and which offset follows
its last record in each partition. A partition has processed that time once its checkpoint is at
that offset; a group has, once all its partitions have. Parked events count as processed.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from shared.consuming.records import UNREADABLE
from shared.database import Database, driver
from shared.errors import Unavailable
from shared.telemetry import describe
from shared.topics import PARTITIONS, PROGRESS_TOPIC, topic

log = logging.getLogger(__name__)

FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.02, 0.5
RETRY_SECONDS = 1.0

# A checkpoint of an older topic has nothing to say, and no time is ever taken back. One that is
# being moved is left for the next look: waiting for it with others in hand could be crosswise.
REACHED = """
UPDATE consumer_checkpoints c SET through = $5
FROM (
    SELECT c.partition FROM consumer_checkpoints c
    JOIN unnest($3::int[], $4::bigint[]) AS i(partition, next_offset) USING (partition)
    WHERE c.group_name = $1 AND c.topic = $2
        AND c.next_offset >= i.next_offset AND (c.through IS NULL OR c.through < $5)
    FOR NO KEY UPDATE OF c SKIP LOCKED
) reached
WHERE c.group_name = $1 AND c.topic = $2 AND c.partition = reached.partition
"""

BEHIND = """
SELECT count(*) FROM consumer_checkpoints
WHERE group_name = $1 AND topic = $2 AND (through IS NULL OR through < $3)
"""

THROUGH = """
SELECT min(through) FILTER (WHERE through IS NOT NULL), count(through) FROM consumer_checkpoints
WHERE group_name = $1 AND topic = $2
"""


class Relayed(msgspec.Struct, frozen=True):
    """What a relay says: all events with an id or a recorded time before `through` are in the
    topic, below `offsets`."""

    service: str
    epoch: int
    through: datetime
    offsets: dict[str, int]


class Watched(NamedTuple):
    """A group whose progress in `topic` is to be kept in `database`."""

    database: Database
    group: str
    topic: str


async def processed_through(database: Database, group: str, service: str) -> datetime | None:
    """Through which time (UTC) `group` has processed the events of `service`: nothing with an id
    or a recorded time before it is still to come. None where that is not known yet."""
    async with database.session() as connection:
        row = await driver(connection).fetchrow(THROUGH, group, topic(service))
    through: datetime | None = row[0] if row[1] == PARTITIONS else None
    return through


class ProgressKeeper:
    """Reads what relays say and keeps the progress of the groups of one process."""

    def __init__(self, bootstrap: str, watched: Sequence[Watched]) -> None:
        self._bootstrap = bootstrap
        self._watched = watched
        self._latest: dict[str, Relayed] = {}
        self._news = {each: asyncio.Event() for each in watched}

    async def run(self) -> None:
        """Keep it until cancelled; what fails is tried again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            for watched in self._watched:
                group.create_task(self._keep(watched))

    async def _listen(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("progress cannot be read: %s", describe(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        # Subscribed, not assigned: of a topic that is not there, this raises once. Somebody who was
        # assigned to it would ask for it again and again without a pause.
        consumer = AIOKafkaConsumer(
            PROGRESS_TOPIC, bootstrap_servers=self._bootstrap, auto_offset_reset="latest"
        )
        try:
            await consumer.start()
            async for record in consumer:
                self._heard(record.value or b"")
        finally:
            await consumer.stop()

    def _heard(self, raw: bytes) -> None:
        try:
            said = msgspec.json.decode(raw, type=Relayed)
        except UNREADABLE:
            log.warning("a record of %s is no progress", PROGRESS_TOPIC)
            return
        self._latest[topic(said.service)] = said
        for watched, news in self._news.items():
            if watched.topic == topic(said.service):
                news.set()

    async def _keep(self, watched: Watched) -> None:
        while True:
            await self._news[watched].wait()
            self._news[watched].clear()
            # Stay with what was said until it is reached: what comes later only moves further
            # away while there is much to do.
            said = self._latest[watched.topic]
            pause = FIRST_LOOK_SECONDS
            while not await self._reached(watched, said):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_LOOK_SECONDS)

    async def _reached(self, watched: Watched, said: Relayed) -> bool:
        database, group, name = watched
        numbers = range(PARTITIONS)
        offsets = [said.offsets.get(str(number), 0) for number in numbers]
        try:
            async with database.session() as connection:
                conn = driver(connection)
                await conn.execute(REACHED, group, name, list(numbers), offsets, said.through)
                behind = await conn.fetchval(BEHIND, group, name, said.through)
        except Unavailable as error:
            log.warning("%s: progress not kept: %s", group, describe(error))
            await asyncio.sleep(RETRY_SECONDS)
            return False
        return bool(behind == 0)
