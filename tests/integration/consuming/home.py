"""A consumer group on a real topic and a real database, with a handler that does as it is told."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.setup.databases import DatabaseUrls
from shared.consuming import Consumer, Incoming, Plan, create_broker, schema
from shared.contracts import envelope_bytes
from shared.contracts.feedback import RatingDeclined
from shared.database import Database, create_database, driver
from shared.ids import new_id
from shared.migrations import upgrade_from
from tests.conftest import MakeDatabase
from tests.support.waiting import eventually_async

MIGRATIONS = Path(__file__).with_name("migrations")
PARTITIONS = 4
WHEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Applied(NamedTuple):
    """One application of one event."""

    stream: str
    version: int
    event_id: str


def event(
    stream: str,
    version: int,
    *,
    tenant: str,
    subject: str,
) -> bytes:
    """An event of `stream` as the relay would send it."""
    data = RatingDeclined(episode_id=subject, client_id=subject, measure="ors", at=WHEN)
    return envelope_bytes(
        event_type=RatingDeclined.type,
        event_id=new_id(),
        subject=subject,
        recorded_at=WHEN,
        tenant=tenant,
        stream=stream,
        version=version,
        epoch=1,
        position=1,
        schema_version=1,
        correlation_id="test",
        causation_id=None,
        traceparent=None,
        data=msgspec.json.encode(data),
    )


@dataclass
class Client:
    """Somebody whose events are sent. `stream` is one of theirs."""

    tenant: str = field(default_factory=new_id)
    id: str = field(default_factory=new_id)

    @property
    def stream(self) -> str:
        """The stream that `event` writes to unless told otherwise."""
        return f"feedback-{self.id}"

    def event(self, version: int, *, stream: str | None = None, **changes: Any) -> bytes:
        """An event of this client; `changes` are made to its envelope."""
        whole = event(stream or self.stream, version, tenant=self.tenant, subject=self.id)
        return msgspec.json.encode(msgspec.json.decode(whole) | changes) if changes else whole

    def events(self, *versions: int) -> list[bytes]:
        """Events of the client's stream with these versions."""
        return [self.event(version) for version in versions]


Failure = Callable[[], Exception]


@dataclass
class Recorder:
    """Writes down each event that it applies; fails on the events it is told to fail on."""

    failures: dict[str, Failure] = field(default_factory=dict)
    on_prepare: Callable[[], Exception | None] = lambda: None
    on_apply: Callable[[Sequence[Incoming]], Any] | None = None
    tries: Counter[str] = field(default_factory=Counter)
    batches: int = 0

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """A plan that writes a row for each event."""
        self.batches += 1
        if error := self.on_prepare():
            raise error
        for one in events:
            if fail := self.failures.get(one.envelope.stream):
                self.tries[one.envelope.stream] += 1
                raise fail()
        return RecorderPlan(self, events)


@dataclass
class RecorderPlan(Plan):
    """The rows of one batch."""

    recorder: Recorder
    events: Sequence[Incoming]

    async def apply(self, conn: AsyncConnection) -> None:
        """Write them."""
        if self.recorder.on_apply is not None:
            await self.recorder.on_apply(self.events)
        headers = [one.envelope for one in self.events]
        await driver(conn).executemany(
            "INSERT INTO applied (tenant, subject, stream, version, event_id)"
            " VALUES ($1, $2, $3, $4, $5)",
            [(h.tenant, h.subject, h.stream, h.streamversion, h.id) for h in headers],
        )


@dataclass
class Home:
    """One topic, one database, any number of members of one group."""

    kafka: str
    urls: DatabaseUrls
    database: Database
    reader: Database
    producer: AIOKafkaProducer
    topic: str
    group: str = field(default_factory=lambda: f"toy.{uuid4().hex[:8]}")

    async def send(self, *raw: bytes | None, key: str | None = None, headers: Any = ()) -> None:
        """Send records in order; the key is the envelope's subject unless given."""
        for one in raw:
            name = key or subject_of(one)
            await self.producer.send(self.topic, one, key=name.encode(), headers=list(headers))
        await self.producer.flush()

    @asynccontextmanager
    async def consuming(
        self, recorder: Recorder, *, topics: Sequence[str] = (), **options: Any
    ) -> AsyncIterator[Consumer]:
        """A member of the group, for as long as the context is open."""
        broker = create_broker(self.kafka)
        consumer = Consumer(
            group=self.group,
            topics=topics or [self.topic],
            handler=recorder,
            database=self.database,
            store=None,
            broker=broker,
            **options,
        )
        await consumer.start()
        await broker.start()
        try:
            yield consumer
        finally:
            await consumer.stop()
            await broker.stop()

    async def rows(self, query: str, *args: Any) -> list[Any]:
        """What a query of a role that sees every tenant answers."""
        async with self.reader.session() as connection:
            return [tuple(row) for row in await driver(connection).fetch(query, *args)]

    async def execute(self, tenant: str, statement: str, *args: Any) -> None:
        """Do something to the rows of `tenant` behind the consumer's back."""
        async with self.database.session(tenant) as connection:
            await driver(connection).execute(statement, *args)

    async def applied(self, *streams: str) -> list[Applied]:
        """Every application in its order, of all streams or of these."""
        rows = await self.rows("SELECT stream, version, event_id FROM applied ORDER BY seq")
        return [Applied(*row) for row in rows if not streams or row[0] in streams]

    async def versions(self, client: Client) -> list[int]:
        """The versions of the client's stream in the order in which they were applied."""
        return [one.version for one in await self.applied(client.stream)]

    async def parked(self) -> list[tuple[str | None, int | None, str]]:
        """(stream, version, reason) of what is parked, in its order."""
        return await self.rows(
            "SELECT stream, version, reason FROM parked WHERE status = 'parked' ORDER BY seq"
        )

    async def until_applied(self, count: int, seconds: float = 15) -> None:
        """Wait until at least so many events have been applied."""

        async def enough() -> bool:
            [(found,)] = await self.rows("SELECT count(*) FROM applied")
            return bool(found >= count)

        await eventually_async(enough, seconds)

    async def until_parked(self, count: int, seconds: float = 15) -> None:
        """Wait until at least so many events are parked."""

        async def enough() -> bool:
            return len(await self.parked()) >= count

        await eventually_async(enough, seconds)

    async def until_read(self, seconds: float = 15) -> None:
        """Wait until the checkpoints of the group are where the topic ends."""
        partitions = [0] * PARTITIONS

        async def there() -> bool:
            ends = await end_offsets(self.kafka, self.topic)
            rows = await self.rows(
                "SELECT partition, next_offset FROM consumer_checkpoints WHERE topic = $1",
                self.topic,
            )
            return dict(rows) == ends and len(rows) == len(partitions)

        await eventually_async(there, seconds)


def subject_of(raw: bytes | None) -> str:
    """The subject in an envelope; a fixed key where there is none."""
    try:
        return str(msgspec.json.decode(raw or b"")["subject"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return "unreadable"


async def end_offsets(kafka: str, topic: str) -> dict[int, int]:
    """Where each partition of the topic ends."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    try:
        numbers = consumer.partitions_for_topic(topic) or set(range(PARTITIONS))
        ends = await consumer.end_offsets([TopicPartition(topic, n) for n in numbers])
    finally:
        await consumer.stop()
    return {partition.partition: end for partition, end in ends.items()}


async def make_topic(kafka: str, name: str, partitions: int = PARTITIONS) -> None:
    """Make a topic and wait until it can be written to."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])

        async def there() -> bool:
            [described] = await admin.describe_topics([name])
            return len(described["partitions"]) == partitions

        await eventually_async(there)
    finally:
        await admin.close()


async def delete_topic(kafka: str, name: str) -> None:
    """Delete a topic and wait until it is gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_topics([name])

        async def gone() -> bool:
            return name not in await admin.list_topics()

        await eventually_async(gone)
    finally:
        await admin.close()


async def migrated(make_database: MakeDatabase) -> DatabaseUrls:
    """A database with all tables."""
    urls = await make_database()
    await upgrade_from(MIGRATIONS, urls.owner)
    return urls


@asynccontextmanager
async def open_home(kafka: str, urls: DatabaseUrls) -> AsyncIterator[Home]:
    """A fresh topic, and empty tables."""
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(f"TRUNCATE {', '.join(('applied', *schema.WALLED, *schema.OPEN))}")
    await owner.close()
    topic = f"toy-{uuid4().hex[:8]}"
    await make_topic(kafka, topic)
    database, reader = create_database(urls.app, pool_size=8), create_database(urls.reader)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=0
    )
    await producer.start()
    try:
        yield Home(kafka, urls, database, reader, producer, topic)
    finally:
        await producer.stop()
        await database.dispose()
        await reader.dispose()


def once_each(applied: Iterable[Applied]) -> bool:
    """Whether every stream was applied from version 1 on, in order, nothing twice."""
    seen: dict[str, list[int]] = defaultdict(list)
    for one in applied:
        seen[one.stream].append(one.version)
    return all(versions == list(range(1, len(versions) + 1)) for versions in seen.values())
