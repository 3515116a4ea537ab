"""One member of a consumer group: records from Kafka, partition by partition, into transactions.

FastStream runs the poll loop and hands over whole batches of several partitions. What was processed
is decided in the database alone.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextvars import copy_context
from itertools import chain

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from shared import contracts
from shared.consuming.assignment import Assignment
from shared.consuming.batch import Batches
from shared.consuming.failures import is_transient
from shared.consuming.polling import Polls
from shared.consuming.records import Decode, Handler
from shared.consuming.replaying import Replays
from shared.consuming.state import Position
from shared.consuming.topic_ids import TopicIds
from shared.consuming.work import PARTITIONS_AT_ONCE, Batch, Work
from shared.database import Database
from shared.eventstore import EventStore
from shared.telemetry import describe

log = logging.getLogger(__name__)

POLL_MS = 100
"""How long to wait for records. What was fetched from before a seek goes only with a poll, and
the partition is not asked for until then, so that a seek may take this long."""

FETCH_WAIT_MS = 500
"""How long the broker waits for a first record before it answers that there is none."""

GATHER_BYTES = 100_000
"""With so many at hand nothing is held back in order to gather more."""

SESSION_SECONDS = 6
"""How long a member may be silent before its partitions go to others; no broker allows less."""

METADATA_SECONDS = 10
"""How soon a topic is found that was not there before."""

HOUSEKEEPING_SECONDS = 1.0
CHECK_TOPICS_EVERY = 5


def create_broker(bootstrap: str) -> KafkaBroker:
    """The broker that the consumers of one process subscribe through; it produces nothing."""
    return KafkaBroker(
        bootstrap,
        client_id="heroic",
        metadata_max_age_ms=METADATA_SECONDS * 1000,
        apply_types=False,
        consumer_only=True,
        allow_auto_create_topics=False,
        graceful_timeout=15,
        logger=logging.getLogger("heroic.kafka"),
        log_level=logging.DEBUG,
    )


class Consumer:
    """A group's member; give it to a Worker, or start its broker and then `start` it.

    `versions=False` is for a group that takes each event by itself, once by its id: no order, no
    gaps, and nothing waits behind a parked event; such a group may ask for `only` some types, and
    remembers nothing of the others. With `tombstones` the service keeps the tables of access, and
    nothing that comes of an erased client is applied. A handler may bring a `decode` that reads
    only what it uses. `instance` makes the membership static (one name a process): a restart within
    the session's time then moves no partition. For `gather_seconds` the broker may hold back
    records of a group that nobody waits for, so that many events cost few transactions.
    """

    def __init__(
        self,
        *,
        group: str,
        topics: Sequence[str],
        handler: Handler,
        database: Database,
        store: EventStore | None,
        broker: KafkaBroker,
        decode: Decode = contracts.decode,
        versions: bool = True,
        tombstones: bool = False,
        only: Collection[str] = (),
        max_records: int = 250,
        gather_seconds: float = 0.0,
        instance: str | None = None,
    ) -> None:
        self.group = group
        self.topics = tuple(topics)
        self.database = database
        self.stopped: asyncio.Event = asyncio.Event()
        self.failure: Exception | None = None
        self._batches = Batches(
            group, handler, database, store, versions=versions, tombstones=tombstones, only=only
        )
        self.bootstrap = bootstrap_of(broker)
        self._topic_ids = TopicIds(self.bootstrap)
        self._assignment = Assignment(
            group, database, self._topic_ids, self._raw_consumer, self._stop_because
        )
        self._replays = Replays(self._batches, decode, self._assignment)
        self._work = Work(
            self._batches,
            self._assignment,
            decode,
            max_records,
            only=only,
            stopped=self.stopped,
            on_failure=self._stop_because,
        )
        self._housekeeping: asyncio.Task[None] | None = None
        self._context = copy_context()
        self._subscriber = broker.subscriber(
            *topics,
            batch=True,
            group_id=group,
            group_instance_id=instance,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            # Over topics with as many partitions each, this one gives a member the same numbers.
            partition_assignment_strategy=(RangePartitionAssignor,),
            fetch_min_bytes=GATHER_BYTES if gather_seconds else 1,
            fetch_max_wait_ms=round(1000 * gather_seconds) or FETCH_WAIT_MS,
            session_timeout_ms=SESSION_SECONDS * 1000,
            heartbeat_interval_ms=1_500,
            listener=self._assignment,
            parser=parse,
            decoder=decode_nothing,
        )
        self._subscriber(self._handle)
        self._max_records = max_records * PARTITIONS_AT_ONCE
        self._polls = Polls()
        # FastStream's own sleeps after a poll that brought nothing, whatever comes in then, and
        # tells nobody of it.
        self._subscriber.get_msg = self._polls.counted(self._poll)  # type: ignore[method-assign]

    async def start(self) -> None:
        """Begin the housekeeping; records come once the broker is started."""
        self._housekeeping = asyncio.create_task(self._keep_house())

    async def stop(self) -> None:
        """Take no more batches; the broker is stopped after this."""
        self.stopped.set()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.gather(self._housekeeping, return_exceptions=True)
        if self._subscriber.consumer is not None:
            await self._assignment.commit_hint()
        await self._assignment.close()
        await self._topic_ids.close()

    @property
    def ready(self) -> bool:
        """Whether it has partitions and works on them."""
        return self.failure is None and bool(self._assignment.positions)

    @property
    def poll_age(self) -> float | None:
        """Seconds since it last asked for records; None before it first did."""
        return self._polls.age

    def position(self, topic: str, partition: int) -> Position | None:
        """Where this member stands in a partition; None where it has no business there."""
        return self._assignment.positions.get(TopicPartition(topic, partition))

    async def _poll(self, consumer: AIOKafkaConsumer) -> Batch:
        """The records of one poll, as soon as there are any; none where none come."""
        found = await consumer.getmany(timeout_ms=POLL_MS, max_records=self._max_records)
        return tuple(chain.from_iterable(found.values()))

    async def _handle(self, batch: Batch) -> None:
        # FastStream keeps the batch in the context of this task, and every connection that is
        # opened in a context keeps that for as long as it lives: 5 MB each.
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work.do(batch), context=self._context.copy())

    async def _keep_house(self) -> None:
        """Each second: replays that were asked for, a hint to Kafka, and now and then topic ids."""
        rounds = 0
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            rounds += 1
            try:
                await self._replays.run()
                await self._assignment.commit_hint()
                if rounds % CHECK_TOPICS_EVERY == 0:
                    await self._assignment.check_topics()
            except Exception as error:
                if not is_transient(error):
                    self._stop_because(error)
                    raise
                log.warning("%s: housekeeping: %s", self.group, describe(error))

    def _stop_because(self, error: Exception) -> None:
        if self.failure is None:
            self.failure = error
            log.critical("%s: stopped: %s", self.group, describe(error))
        self.stopped.set()

    def _raw_consumer(self) -> AIOKafkaConsumer:
        if self._subscriber.consumer is None:
            raise IllegalStateError("not started")
        return self._subscriber.consumer


def bootstrap_of(broker: KafkaBroker) -> str:
    """The addresses that `broker` was made with."""
    return ",".join(broker.specification.url)


async def parse(batch: Batch) -> KafkaMessage:
    """A batch as FastStream wants it. Headers stay as they are: ours carry nothing, and decoding
    a foreign one that is no UTF-8 would fail the whole batch."""
    return KafkaMessage(raw_message=batch, body=b"", correlation_id="-", consumer=FAKE_CONSUMER)


async def decode_nothing(message: KafkaMessage) -> object:
    """The raw records: one msgspec pass of ours follows."""
    return message.raw_message
