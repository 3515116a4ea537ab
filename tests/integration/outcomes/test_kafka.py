"""Both consumers on real Kafka: whatever comes first, twice or again, ends the same."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.outcomes.domain.assessing import Speech, speak
from services.outcomes.domain.assessor_state import AssessorState
from services.outcomes.domain.standards import shipped
from services.outcomes.domain.state import canonical
from services.outcomes.domain.touched import Touched, take_in
from services.outcomes.queries import fold_events
from services.outcomes.rebuild import verify
from shared.consuming import Consumer, Handler, create_broker
from shared.contracts.outcomes import Assessment, AssessmentWithdrawn
from shared.database import driver
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.support.waiting import eventually_async
from tests.unit.outcomes.story import TENANT, Story

PARTITIONS = 3
CLIENTS = 12


def a_story(number: int) -> Story:
    """Ratings in and out of order, two measures, corrections and a void."""
    story = Story(new_id(), new_id())
    story.register()
    story.open()
    story.session("first", day=0)
    story.rate(f"{number} a", 200, day=0, note="words")
    story.rate(f"{number} b", 300, day=7)
    story.rate(f"{number} ors", 200, day=2, measure="ors")
    story.rate(f"{number} late", 100 + number * 10, day=3)
    story.session("second", day=7)
    story.correct(f"{number} b", 250, day=8)
    story.void(f"{number} a")
    story.rate(f"{number} c", 330, day=20)
    story.close(day=30)
    return story


async def test_interleavings_and_duplicates_end_as_the_ordered_fold(home: Home, kafka: str) -> None:
    stories = [a_story(number) for number in range(CLIENTS)]
    topics = await make_topics(kafka, "intake", "feedback")
    await send(home, kafka, topics, stories)
    async with consuming(home, kafka, list(topics.values())) as groups:
        await eventually_async(lambda: drained(home, groups, stories), 30)
    for story in stories:
        view = await home.views.now(TENANT, story.client_id)
        assert canonical(view.states[0]) == canonical(fold_events(story.events))
        assert await standing(home, story) == expected(story)
    assert await verify(home.reader, home.keyring, 1) == []
    async with home.reader.session() as conn:
        assert await driver(conn).fetchval("SELECT count(*) FROM parked") == 0


async def make_topics(kafka: str, *services: str) -> dict[str, str]:
    """Topics that no other test uses."""
    topics = {service: f"test-{service}-{new_id()}" for service in services}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics.values()])
    await admin.close()
    return topics


async def send(home: Home, kafka: str, topics: dict[str, str], stories: Sequence[Story]) -> None:
    """Each client's events to the topics of their services, those of each stream in order, with
    everything that was sent before now and then sent again."""
    chance = random.Random(7)
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for story in stories:
            records = await home.records(story.events)
            for end in [*sorted(chance.sample(range(1, len(records)), 4)), len(records)]:
                for record in records[:end]:
                    service = record.envelope.event_type.split(".")[1]
                    key = story.client_id.encode()
                    await producer.send(topics[service], record.raw, key=key)
        await producer.flush()


@asynccontextmanager
async def consuming(home: Home, kafka: str, topics: Sequence[str]) -> AsyncIterator[list[str]]:
    """Two members of each of the two groups."""
    suffix = new_id()
    handlers: dict[str, Handler] = {
        f"outcomes.views.{suffix}": home.projector,
        f"outcomes.assessor.{suffix}": home.assessor,
    }
    members = []
    for _ in range(2):
        broker = create_broker(kafka)
        consumers = [
            Consumer(
                group=group,
                topics=topics,
                handler=handler,
                database=home.database,
                store=home.store,
                broker=broker,
                max_records=5,
            )
            for group, handler in handlers.items()
        ]
        for consumer in consumers:
            await consumer.start()
        await broker.start()
        members.append((broker, consumers))
    try:
        yield list(handlers)
    finally:
        for broker, consumers in members:
            for consumer in consumers:
                await consumer.stop()
            await broker.stop()


async def drained(home: Home, groups: Sequence[str], stories: Sequence[Story]) -> bool:
    """Whether both groups have applied the last version of every stream."""
    last = Counter({event.stream: event.version for story in stories for event in story.events})
    async with home.reader.session() as conn:
        rows = await driver(conn).fetch("SELECT group_name, stream, version FROM consumed")
    done = {(row[0], row[1]): row[2] for row in rows}
    return all(done.get((group, name)) == last[name] for group in groups for name in last)


async def standing(home: Home, story: Story) -> dict[str, Assessment]:
    """What the store says of each rating in the end."""
    events = await home.store.read(TENANT, f"assessment-{story.episode_id}")
    assert [one.version for one in events] == list(range(1, len(events) + 1))
    return latest([one.data for one in events])


def expected(story: Story) -> dict[str, Assessment]:
    """What the assessor says where everything comes at once and in order."""
    state, touched = AssessorState(), dict[str, Touched]()
    for event in story.events:
        take_in(state, event, touched)
    [(episode_id, mark)] = touched.items()
    speech = Speech(story.client_id, episode_id, mark, shipped())
    return latest([one.data for one in speak(state, speech)])


def latest(said: Sequence[Any]) -> dict[str, Assessment]:
    """The last that was said of each rating."""
    found: dict[str, Assessment] = {}
    for data in said:
        if isinstance(data, AssessmentWithdrawn):
            del found[data.rating_id]
        else:
            found[data.rating_id] = data.private
    return found
