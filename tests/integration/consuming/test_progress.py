"""How far a group has come, and waiting for what may still be on its way; with a real relay."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import msgspec
import pytest
import uuid_utils
from aiokafka import AIOKafkaConsumer

from shared.consuming.arrival import arrived
from shared.consuming.progress import ProgressKeeper, Relayed, Watched, processed_through
from shared.contracts.feedback import RatingDeclined
from shared.errors import NotYetHere
from shared.eventstore import COMMAND_DEADLINE, Append, EventStore, NewEvent, Write
from shared.ids import new_id
from shared.privacy import Keyring
from shared.relay import Relay
from shared.topics import PROGRESS_TOPIC, ensure_topics, topic
from tests.integration.consuming.home import WHEN, Home, Recorder
from tests.support.keyring import WRAPPING_KEY, MemoryKeyTable
from tests.support.waiting import eventually_async


@pytest.fixture
async def service(home: Home) -> AsyncIterator[str]:
    """A service with a topic, a relay, and the progress of the group in it."""
    name = f"toy-{uuid4().hex[:8]}"
    await ensure_topics(home.kafka, name)
    keeper = ProgressKeeper(home.kafka, [Watched(home.database, home.group, topic(name))])
    tasks = [
        asyncio.create_task(Relay(name, home.urls.reader, home.kafka).run()),
        asyncio.create_task(keeper.run()),
    ]
    yield name
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def write(home: Home, service: str, event_id: str) -> None:
    """Commit one event in the service."""
    tenant = new_id()
    keyring = Keyring(MemoryKeyTable(), WRAPPING_KEY)
    await keyring.create([(tenant, tenant)])
    store = EventStore(home.database, keyring, service=service)
    data = RatingDeclined(episode_id=event_id, client_id=event_id, measure="ors", at=WHEN)
    append = Append(
        tenant=tenant,
        stream=f"feedback-{event_id}",
        expected=0,
        events=[NewEvent(id=new_id(), data=data)],
        subject=event_id,
        secret_of=tenant,
    )
    await store.start()
    await store.write(Write(tenant=tenant, appends=[append]))
    await store.stop()


def id_made(ago: timedelta) -> str:
    """A UUIDv7 of that age."""
    millis = int((datetime.now(UTC) - ago).timestamp() * 1000)
    return str(UUID(int=(millis << 80) | (new_id_bits() & ((1 << 80) - 1))))


def new_id_bits() -> int:
    return int(uuid_utils.uuid7().int)


async def find(home: Home, name: str) -> str | None:
    """The stream of that name as the handler has written it down."""
    return name if await home.applied(name) else None


async def test_what_was_just_made_elsewhere_is_waited_for(home: Home, service: str) -> None:
    async with home.consuming(Recorder(), topics=[topic(service)]) as consumer:
        await eventually_async(lambda: is_ready(consumer))
        made = new_id()
        await write(home, service, made)
        found = await arrived(
            home.database,
            group=home.group,
            service=service,
            id=made,
            lookup=lambda: find(home, f"feedback-{made}"),
        )
    assert found == f"feedback-{made}"


async def is_ready(consumer: object) -> bool:
    return bool(getattr(consumer, "ready", False))


async def test_progress_follows_the_clock_while_nothing_happens(home: Home, service: str) -> None:
    async with home.consuming(Recorder(), topics=[topic(service)]):

        async def close_behind() -> bool:
            through = await processed_through(home.database, home.group, service)
            latest = datetime.now(UTC) - COMMAND_DEADLINE - timedelta(seconds=1.5)
            return through is not None and through > latest

        await eventually_async(close_behind)


async def test_progress_stands_still_behind_an_event_that_is_not_processed(
    home: Home, service: str
) -> None:
    blocked = asyncio.Event()

    def fail() -> Exception | None:
        return None if blocked.is_set() else ConnectionError()

    async with home.consuming(Recorder(on_prepare=fail), topics=[topic(service)]):
        await write(home, service, new_id())
        committed = datetime.now(UTC)
        limit = committed - COMMAND_DEADLINE
        await eventually_async(partial(relayed, home, service, limit))
        through = await processed_through(home.database, home.group, service)
        assert through is None or through < limit
        blocked.set()

        async def past() -> bool:
            through = await processed_through(home.database, home.group, service)
            return through is not None and through > limit

        await eventually_async(past, 20)


async def relayed(home: Home, service: str, limit: datetime) -> bool:
    """Whether the relay has said that everything through `limit` is in the topic."""
    consumer = AIOKafkaConsumer(
        PROGRESS_TOPIC, bootstrap_servers=home.kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        batches = await consumer.getmany(timeout_ms=1000)
    finally:
        await consumer.stop()
    said = [
        msgspec.json.decode(one.value or b"", type=Relayed) for b in batches.values() for one in b
    ]
    return any(one.service == service and one.through > limit for one in said)


async def test_what_never_was_is_refused_at_once_if_its_id_is_old(home: Home, service: str) -> None:
    async with home.consuming(Recorder(), topics=[topic(service)]):
        old = id_made(timedelta(minutes=1))

        async def known() -> bool:
            return await processed_through(home.database, home.group, service) is not None

        await eventually_async(known)
        started = time.monotonic()
        assert await ask(home, service, old) is None
        assert await ask(home, service, str(uuid4())) is None
        assert await ask(home, service, "no id at all") is None
        assert await ask(home, service, id_made(-timedelta(minutes=6))) is None
        assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("kind", ["outside identifier", "id made a moment ago"])
async def test_what_never_was_is_known_not_to_be_within_two_seconds(
    home: Home, service: str, kind: str
) -> None:
    async with home.consuming(Recorder(), topics=[topic(service)]):

        async def known() -> bool:
            return await processed_through(home.database, home.group, service) is not None

        await eventually_async(known)
        name = None if kind == "outside identifier" else new_id()
        assert await ask(home, service, name) is None


async def test_who_cannot_tell_says_that_it_is_not_here_yet(home: Home) -> None:
    started = time.monotonic()
    with pytest.raises(NotYetHere):
        await ask(home, "service-without-a-relay", new_id())
    assert 2 <= time.monotonic() - started < 3


async def ask(home: Home, service: str, name: str | None) -> str | None:
    """Look for something that is not there."""
    return await arrived(
        home.database,
        group=home.group,
        service=service,
        id=name,
        lookup=lambda: find(home, f"feedback-{name}"),
    )
