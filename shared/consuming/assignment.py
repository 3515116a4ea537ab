"""Which partitions this worker has, and where it stands in them.

A partition is worked on only between `seek` to its checkpoint and the next trouble: a rebalance, a
transient failure, a lost fence. After each of these the checkpoint is read anew and Kafka is told
to go on from there, so that nothing that this process remembers can be wrong for long.
"""

import asyncio
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.consuming.failures import is_transient
from shared.consuming.sorting import Key
from shared.consuming.state import Position, load_positions
from shared.consuming.topic_ids import TopicIds
from shared.database import Database, driver
from shared.telemetry import describe

log = logging.getLogger(__name__)

FIRST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS = 0.05, 5.0


def back_off_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row; jittered, so that workers spread out."""
    longest: float = min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2 ** min(failures, 10))
    return random.uniform(longest / 2, longest)


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The partitions of one group's member. `consumer` gives aiokafka's consumer once it runs."""

    def __init__(
        self,
        group: str,
        database: Database,
        topic_ids: TopicIds,
        consumer: Callable[[], AIOKafkaConsumer],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.group = group
        self.positions: dict[TopicPartition, Position] = {}
        self.locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._database = database
        self._topic_ids = topic_ids
        self._consumer = consumer
        self._on_failure = on_failure
        self._assigned: set[TopicPartition] = set()
        self._failures: Counter[TopicPartition] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the partitions that are being worked on."""
        return sorted({partition.partition for partition in self.positions})

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget them; what is under way meets the fence if somebody else goes on."""
        self._assigned.clear()
        self.positions.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Hold them until the database has said where to go on. Never waits here: heartbeats
        begin only afterwards."""
        self._assigned = set(assigned)
        self.positions.clear()
        if assigned:
            self._consumer().pause(*assigned)
            self._spawn(self._take(self._assigned, 0.0))

    def restart(self, partitions: Iterable[TopicPartition], error: Exception) -> None:
        """Leave `partitions` alone for a while, then go on from their checkpoints."""
        mine = [p for p in partitions if p in self._assigned]
        if not mine:
            return
        for partition in mine:
            self.positions.pop(partition, None)
            self._failures[partition] += 1
        self._quietly(self._consumer().pause, *mine)
        wait = back_off_seconds(max(self._failures[p] for p in mine))
        names = ", ".join(f"{p.topic}[{p.partition}]" for p in mine)
        log.warning("%s: %s again in %.2f s: %s", self.group, names, wait, describe(error))
        self._spawn(self._take(set(mine), wait))

    def done(self, partition: TopicPartition) -> None:
        """A batch of `partition` went through."""
        del self._failures[partition]

    def forget(self, stream: Key) -> None:
        """The head of `stream` moves on by other ways than a batch."""
        for position in self.positions.values():
            position.heads.pop(stream, None)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset`."""
        self._quietly(self._consumer().seek, partition, offset)

    async def check_topics(self) -> None:
        """Start over in topics that have been made anew since. Raises KafkaError."""
        if not self.positions:
            return
        ids = await self._topic_ids.of({p.topic for p in self.positions})
        changed = [p for p, pos in self.positions.items() if ids[p.topic] != pos.topic_id]
        if changed:
            self.restart(changed, KafkaError("the topic has been made anew"))

    async def commit_hint(self) -> None:
        """Tell Kafka how far we are, for those who look at lag; the checkpoint is the truth."""
        offsets = {p: position.next_offset for p, position in self.positions.items()}
        if not offsets:
            return
        try:
            await self._consumer().commit(offsets)
        except KafkaError as error:
            # A partition lost in a rebalance, or no coordinator for now.
            log.debug("%s: offsets not committed: %r", self.group, error)

    async def close(self) -> None:
        """Stop waiting for anything."""
        self._assigned.clear()
        self.positions.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, partitions: set[TopicPartition], wait: float) -> None:
        """Read checkpoints, however long it takes, and let the records come from there."""
        await asyncio.sleep(wait)
        found = await self._load(partitions)
        for partition, position in found.items():
            # Another rebalance may have come in the meantime, and a task of its own with it.
            if partition not in self._assigned or partition in self.positions:
                continue
            self.seek(partition, position.next_offset)
            self.positions[partition] = position
            self._quietly(self._consumer().resume, partition)

    async def _load(self, partitions: set[TopicPartition]) -> dict[TopicPartition, Position]:
        failures = 0
        while True:
            try:
                ids = await self._topic_ids.of({p.topic for p in partitions})
                async with self._database.session() as connection:
                    return await load_positions(
                        driver(connection), self.group, sorted(partitions), ids
                    )
            except Exception as error:
                if not is_transient(error):
                    raise
                failures += 1
                log.warning("%s: no checkpoints yet: %s", self.group, describe(error))
            await asyncio.sleep(back_off_seconds(failures))

    def _quietly(self, action: Callable[..., Any], *args: Any) -> None:
        try:
            action(*args)
        except IllegalStateError:
            # Not ours any more: the next assignment will tell.
            log.debug("%s: lost in a rebalance: %s", self.group, args)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._on_failure(error)
