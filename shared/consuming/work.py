"""What a group's member does with the records of a poll: the transactions that they become."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from shared.consuming.assignment import Assignment
from shared.consuming.batch import Apart, Batches, HandlerFailed
from shared.consuming.failures import is_transient
from shared.consuming.isolation import Isolation
from shared.consuming.parts import Part
from shared.consuming.records import Decode, Record, read
from shared.consuming.state import Fenced, Position
from shared.errors import Conflict

log = logging.getLogger(__name__)

Batch = tuple[ConsumerRecord, ...]

PARTITIONS_AT_ONCE = 4
"""Transactions of one consumer at the same time: while one waits for the disk, another computes."""

REREAD_EVERY_SECONDS = 60.0
"""A partition is read again for a missing event at most this often; until then gaps are parked."""


class Fetched(NamedTuple):
    """Records of one partition, and where the group stood there when they came: as soon as it
    starts over from another position, they are to come again."""

    position: Position
    records: Sequence[ConsumerRecord]


Ready = Mapping[TopicPartition, Fetched]


class Work:
    """Takes poll after poll; never raises: what cannot go on is told to `on_failure`."""

    def __init__(
        self,
        batches: Batches,
        assignment: Assignment,
        decode: Decode,
        max_records: int,
        *,
        only: Collection[str] = (),
        stopped: asyncio.Event,
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._batches = batches
        self._assignment = assignment
        self._decode = decode
        self._max_records = max_records
        self._only = [f'"{name}"'.encode() for name in only]
        self._stopped = stopped
        self._on_failure = on_failure
        self._reread_at: dict[TopicPartition, float] = {}
        self._holes: dict[TopicPartition, int] = {}
        self._conflicts: Counter[TopicPartition] = Counter()
        self._at_once = asyncio.Semaphore(PARTITIONS_AT_ONCE)

    async def do(self, batch: Batch) -> None:
        """In one transaction where they are few, else those of one partition number in turn and
        others at once."""
        ready = self._ready(batch)
        try:
            few = len(ready) > 1 and len(batch) <= self._max_records
            if few and await self._try_together(ready):
                return
        except Exception as error:  # noqa: BLE001 - FastStream would drop it and go on
            self._on_failure(error)
            return
        async with asyncio.TaskGroup() as group:
            for number in {partition.partition for partition in ready}:
                mine = {p: fetched for p, fetched in ready.items() if p.partition == number}
                group.create_task(self._handle_number(number, mine))

    def _ready(self, batch: Batch) -> dict[TopicPartition, Fetched]:
        """The records by partition, of those that are being worked on."""
        by_partition: dict[TopicPartition, list[ConsumerRecord]] = {}
        for record in batch:
            partition = TopicPartition(record.topic, record.partition)
            by_partition.setdefault(partition, []).append(record)
        ready = {}
        for partition, records in by_partition.items():
            position = self._assignment.positions.get(partition)
            # Without a position, records are from before a seek, which will bring them again.
            if position is None or self._is_hole(partition, position, records[0].offset):
                continue
            if records := [r for r in records if r.offset >= position.next_offset]:
                ready[partition] = Fetched(position, self._wanted(records))
        return ready

    def _wanted(self, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        """Those that may be of a type that is asked for, and the last, which moves the
        checkpoint."""
        if not self._only:
            return records
        *others, last = records
        return [r for r in others if any(name in (r.value or b"") for name in self._only)] + [last]

    def _goes_on(self, partition: TopicPartition, position: Position) -> bool:
        return not self._stopped.is_set() and self._assignment.positions.get(partition) is position

    async def _try_together(self, ready: Ready) -> bool:
        """Whether nothing is left to do of `ready`; where something is wrong with one partition,
        nothing has been written, and each is to be tried by itself."""
        async with AsyncExitStack() as held:
            await held.enter_async_context(self._at_once)
            for number in sorted({partition.partition for partition in ready}):
                await held.enter_async_context(self._assignment.locks[number])
            if not all(self._goes_on(p, fetched.position) for p, fetched in ready.items()):
                return False
            parts = [Part(f.position, self._decoded(f.records)) for f in ready.values()]
            try:
                await self._batches.apply(parts, {}, reread=True)
            except (Apart, HandlerFailed, Fenced) as error:
                log.debug("%s: each partition by itself: %r", self._batches.group, error)
                return False
            except Exception as error:
                if not is_transient(error):
                    raise
                self._assignment.restart(ready, error)
                return True
            for partition in ready:
                self._done(partition)
            return True

    def _done(self, partition: TopicPartition) -> None:
        self._assignment.done(partition)
        del self._conflicts[partition]

    async def _handle_number(self, number: int, partitions: Ready) -> None:
        try:
            async with self._at_once, self._assignment.locks[number]:
                for partition, fetched in partitions.items():
                    await self._try_partition(partition, fetched)
        except Exception as error:  # noqa: BLE001 - FastStream would drop it and go on
            self._on_failure(error)

    async def _try_partition(self, partition: TopicPartition, fetched: Fetched) -> None:
        try:
            await self._handle_partition(partition, fetched)
        except Exception as error:
            if not is_transient(error):
                raise
            self._conflicts[partition] += isinstance(error, Conflict)
            self._assignment.restart([partition], error)

    async def _handle_partition(self, partition: TopicPartition, fetched: Fetched) -> None:
        position, records = fetched
        for start in range(0, len(records), self._max_records):
            part = records[start : start + self._max_records]
            if not self._goes_on(partition, position) or not await self._apply(
                partition, position, part
            ):
                return
        self._done(partition)

    async def _apply(
        self, partition: TopicPartition, position: Position, records: Sequence[ConsumerRecord]
    ) -> bool:
        reread = time.monotonic() > self._reread_at.get(partition, 0.0)
        isolation = Isolation(
            self._batches, position, reread=reread, conflicts=self._conflicts[partition]
        )
        if await isolation.apply(self._decoded(records)):
            return True
        log.error("%s: an event is missing in %s: reading it again", self._batches.group, partition)
        self._reread_at[partition] = time.monotonic() + REREAD_EVERY_SECONDS
        self._assignment.seek(partition, position.next_offset)
        return False

    def _decoded(self, records: Sequence[ConsumerRecord]) -> list[Record]:
        return [read(r.topic, r.partition, r.offset, r.value or b"", self._decode) for r in records]

    def _is_hole(self, partition: TopicPartition, position: Position, first: int) -> bool:
        """Whether records between the checkpoint and `first` were left out: ask for them once."""
        expected = position.next_offset
        if first <= expected or self._holes.get(partition) == expected:
            return False
        self._holes[partition] = expected
        self._assignment.seek(partition, expected)
        return True
