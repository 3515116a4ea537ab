"""What is private in any event at all is found in the clear nowhere, names and words not even in
projections.

Every type of event is written with canaries in every private field, whatever consumers make of it:
what they cannot apply is parked, logged and counted. Then every call of the API that is about
somebody is made with canaries in every field, good or bad.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.environment import KEYS_DATABASE
from deploy.local.home import Home
from deploy.setup import databases
from shared.contracts import CATALOGUE, envelope_bytes
from shared.database import create_database
from shared.eventstore import Append, EventStore, NewEvent, Write
from shared.ids import new_id
from shared.privacy import Keyring, open_keyring
from tests.support import canaries
from tests.support.canaries import Planted, every_event
from tests.support.filled_calls import Filler
from tests.support.front_door import FrontDoor, episode_of, phq9
from tests.support.leaks import SERVICES, everything, partitions, readers
from tests.support.observed import Observed
from tests.support.waiting import eventually_async

WORDS = re.compile(rb"%b|%b" % (canaries.WORD.encode(), canaries.DAY.encode()))
FIGURES = re.compile(
    rb"(?<![\w.:\-])(%d|%d)(?![\w\-:])|%b"
    % (canaries.NUMBER, canaries.NUMBER * 10, canaries.FIGURE.encode())
)
IDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

MAY_HOLD_FIGURES = {
    f"table {name}"
    for name in (
        "outcomes.views",
        "outcomes.summaries",
        "outcomes.assessor_states",
        "alerts.alerts",
        "alerts.forms",
        "alerts.judgements",
    )
}
"""Projections: charts, sums and rules need figures in the clear; names and words never."""

BEHIND = """
SELECT topic, partition, min(next_offset) AS offset FROM consumer_checkpoints GROUP BY 1, 2
"""

pytestmark = pytest.mark.timeout(300)


class Told(NamedTuple):
    """Of whom it was all said, and how many private fields there were."""

    tenant: str
    client_id: str
    events: int
    fields: int


class Stores(NamedTuple):
    """The stores of an installation as its services write them."""

    services: dict[str, EventStore]
    keyring: Keyring


@pytest.fixture(scope="module")
async def stores(platform: Observed) -> AsyncIterator[Stores]:
    """All four."""
    secrets, dsns = Home(platform.home).secrets(), platform.up["postgres"]

    def urls(service: str, name: str) -> str:
        return databases.urls(dsns[service], secrets.role_passwords, name).app

    keys = create_database(urls("intake", KEYS_DATABASE))
    keyring = open_keyring(keys, secrets.key_encryption_key)
    opened = {name: create_database(urls(name, f"heroic_{name}")) for name in SERVICES}
    services = {
        name: EventStore(database, keyring, service=name) for name, database in opened.items()
    }
    for store in services.values():
        await store.start()
    yield Stores(services, keyring)
    for store in services.values():
        await store.stop()
    await keyring.close()
    for database in opened.values():
        await database.dispose()


@pytest.fixture(scope="module")
async def told(platform: Observed, stores: Stores) -> Told:
    """Everything that can be said of somebody, said, relayed and consumed."""
    tenant, client = new_id(), new_id()
    await stores.keyring.create([(tenant, client)])
    planted = list(every_event())
    for number, one in enumerate(planted):
        service = one.event.type.split(".")[1]
        await stores.services[service].write(write_of(one, number, tenant, client))

    async def consumed() -> bool:
        ends = await end_offsets(platform.up["kafka"])
        for dsn in readers(platform).values():
            for topic, partition, offset in await checkpoints(dsn):
                if offset < ends[topic, partition]:
                    return False
        return len(await rows_of(readers(platform), "events", tenant)) >= len(planted)

    assert await eventually_async(consumed, seconds=60)
    return Told(tenant, client, len(planted), sum(one.fields for one in planted))


def write_of(one: Planted, number: int, tenant: str, client: str) -> Write:
    """The event, of this client, in a stream of its own."""
    event = one.event
    if hasattr(event, "client_id"):
        event = msgspec.structs.replace(event, client_id=client)
    append = Append(
        tenant=tenant,
        stream=f"canary-{number}",
        expected=0,
        events=[NewEvent(id=new_id(), data=event)],
        subject=client,
        secret_of=client,
    )
    return Write(tenant=tenant, appends=[append])


async def end_offsets(kafka: str) -> dict[tuple[str, int], int]:
    """Where each partition ends now."""
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        ends = await consumer.end_offsets(await partitions(kafka))
    return {(place.topic, place.partition): end for place, end in ends.items()}


async def checkpoints(dsn: str) -> list[asyncpg.Record]:
    """Up to where the slowest group has consumed each partition of events."""
    connection = await asyncpg.connect(dsn)
    known = await connection.fetchval("SELECT to_regclass('consumer_checkpoints')")
    found: list[asyncpg.Record] = await connection.fetch(BEHIND) if known else []
    await connection.close()
    return [row for row in found if row["topic"].endswith(".events")]


async def rows_of(dsns: dict[str, str], table: str, tenant: str) -> list[asyncpg.Record]:
    """The rows of an organisation in a table of every service."""
    found: list[asyncpg.Record] = []
    for service in SERVICES:
        connection = await asyncpg.connect(dsns[service])
        query = f"SELECT * FROM {table} WHERE tenant = $1"  # noqa: S608 - a name of ours
        if await connection.fetchval("SELECT to_regclass($1)", table):
            found += await connection.fetch(query, tenant)
        await connection.close()
    return found


def leaks(place: str, content: bytes) -> list[bytes]:
    """What of the canaries is in the clear there, each with what stands around it."""
    found = [*WORDS.finditer(content)]
    if place not in MAY_HOLD_FIGURES:
        found += FIGURES.finditer(content)
    return [content[max(0, one.start() - 40) : one.end() + 40] for one in found]


def test_every_private_field_of_every_event_is_planted() -> None:
    private = {c.type for c in CATALOGUE.contracts.values() if c.private is not None}
    planted = {one.event.type: one for one in every_event()}
    assert set(planted) == private
    assert all(one.fields for one in planted.values())


async def test_nothing_private_of_any_event_is_in_the_clear(platform: Observed, told: Told) -> None:
    assert told.fields > told.events > 30
    control = told.client_id.encode()
    seen: set[str] = set()
    async for place, content in everything(platform):
        if control in content:
            seen.add(place)
        assert leaks(place, content) == [], place
    # A search that looks at nothing finds nothing.
    assert {f"topic heroic.{name}.events" for name in SERVICES} <= seen
    assert {f"table {name}.events" for name in SERVICES} <= seen
    # What could not be applied was parked as it came.
    assert any(place.endswith(".parked") for place in seen)


async def test_what_was_planted_opens_for_whoever_holds_the_key(told: Told, stores: Stores) -> None:
    """The canaries are there: it is their cipher that hides them."""
    found = 0
    for store in stores.services.values():
        for number in range(told.events):
            for event in await store.read(told.tenant, f"canary-{number}"):
                found += bool(leaks("", msgspec.json.encode(event.data)))
    assert found == told.events


async def test_calls_with_canaries_everywhere_leave_none(platform: Observed) -> None:
    door = FrontDoor(platform.up, number=1)
    client = await door.post("/intake/v1/clients", {"given_name": canaries.WORD})
    episode = await door.post("/intake/v1/episodes", episode_of(client_id=client["id"]))
    rating = phq9(episode["id"], 1) | {"note": canaries.WORD}
    await door.post("/feedback/v1/ratings", rating)
    ids = {"client_id": client["id"], "episode_id": episode["id"]}
    answers: Counter[int] = Counter()
    for service in SERVICES:
        document = await door.get(f"/{service}/openapi.json")
        for method, path, params, headers, content in Filler(document, ids).calls():
            if path.endswith("/stream"):
                continue
            answer = await door.http.request(
                method, f"/{service}{path}", params=params, headers=headers, content=content
            )
            answers[answer.status_code] += 1
    await door.close()
    # Some are taken, most are not, and nothing breaks.
    assert answers.total() > 40
    assert answers[200] + answers[201] > 5
    assert not [status for status in answers if status == 500]
    async for place, content in everything(platform):
        assert leaks(place, content) == [], place


async def test_metrics_name_nobody(platform: Observed, told: Told) -> None:
    seen = 0
    async for place, content in everything(platform):
        if place.startswith("metrics"):
            assert IDS.findall(content) == [], place
            seen += 1
    assert seen > 4


async def test_one_event_that_was_not_sealed_is_found(platform: Observed) -> None:
    """The search is worth something: with one encryption broken, it fails."""
    planted = next(one for one in every_event() if "ClientRegistered" in one.event.type)
    raw = unsealed(planted)
    kafka, topic = platform.up["kafka"], f"heroic.canary-{uuid4().hex[:8]}.events"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    try:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            await producer.send_and_wait(topic, raw)
        found = {place async for place, content in everything(platform) if leaks(place, content)}
    finally:
        await admin.delete_topics([topic])
        await admin.close()
    assert found == {f"topic {topic}"}


def unsealed(planted: Planted) -> bytes:
    """The event as it would travel if nobody sealed it."""
    tenant, subject = new_id(), new_id()
    return envelope_bytes(
        event_type=planted.event.type,
        event_id=new_id(),
        subject=subject,
        recorded_at=datetime.now(UTC),
        tenant=tenant,
        stream=f"client-{subject}",
        version=1,
        epoch=1,
        position=1,
        schema_version=planted.event.version,
        correlation_id=new_id(),
        causation_id=None,
        traceparent=None,
        data=msgspec.json.encode(planted.event),
    )
