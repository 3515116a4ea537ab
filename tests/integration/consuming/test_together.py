"""Few events of several partitions share a transaction, and nothing else of one another's."""

from collections.abc import Sequence

import pytest

from shared.consuming import Incoming
from shared.database import driver
from shared.errors import Permanent
from tests.integration.consuming.home import PARTITIONS, Client, Home, Recorder, once_each
from tests.support.waiting import eventually_async

CLIENTS = 4 * PARTITIONS
"""So many that they are in several partitions."""

TRANSACTIONS = "SELECT count(DISTINCT xmin::text), count(*) FROM applied"

MOVE_ON = """
UPDATE consumer_checkpoints SET next_offset = $3 WHERE group_name = $1 AND partition = $2
"""


async def test_few_events_cost_fewer_transactions_than_there_are_partitions(home: Home) -> None:
    async with home.consuming(Recorder()):
        # Kafka may hand over the events of a round in two answers: some round is in one.
        async def some_in_one() -> bool:
            [(before, events)] = await home.rows(TRANSACTIONS)
            await home.send(*(Client().event(1) for _ in range(CLIENTS)))
            await home.until_applied(events + CLIENTS)
            [(after, _)] = await home.rows(TRANSACTIONS)
            return bool(after - before == 1)

        await eventually_async(some_in_one)


async def test_a_poison_event_takes_nobody_along_with_whom_it_shared_a_transaction(
    home: Home,
) -> None:
    clients = [Client() for _ in range(CLIENTS)]
    poisoned = clients[0]
    recorder = Recorder(failures={poisoned.stream: Permanent})
    async with home.consuming(recorder):
        for version in (1, 2):
            await home.send(*(client.event(version) for client in clients))
        await home.until_applied(2 * (CLIENTS - 1))
        await home.until_parked(2)
    applied = await home.applied()
    assert len(applied) == 2 * (CLIENTS - 1)
    assert once_each(applied)
    assert {stream for stream, _, _ in await home.parked()} == {poisoned.stream}


async def test_a_missing_event_holds_up_its_own_stream_alone(home: Home) -> None:
    clients = [Client() for _ in range(CLIENTS)]
    async with home.consuming(Recorder()):
        await home.send(clients[0].event(2), *(client.event(1) for client in clients[1:]))
        await home.until_applied(CLIENTS - 1)
        await home.until_parked(1)
        await home.send(clients[0].event(1), *(client.event(2) for client in clients[1:]))
        await home.until_applied(2 * CLIENTS)
    assert once_each(await home.applied())


async def test_a_partition_that_another_worker_has_taken_is_fenced_and_the_others_go_on(
    home: Home,
) -> None:
    clients = [Client() for _ in range(CLIENTS)]
    fenced: list[int] = []

    async def lose_one(events: Sequence[Incoming]) -> None:
        partitions = {one.partition for one in events}
        if fenced or len(partitions) == 1:
            return
        fenced.append(min(partitions))
        async with home.database.session() as connection:
            # As far as any worker could have come.
            moved = home.group, fenced[0], CLIENTS
            await driver(connection).execute(MOVE_ON, *moved)

    recorder = Recorder(on_apply=lose_one)
    async with home.consuming(recorder):
        await home.send(*(client.event(1) for client in clients))

        async def others_done() -> bool:
            placed = {client.stream: await partition_of(home, client) for client in clients}
            others = {stream for stream, number in placed.items() if number not in fenced}
            return bool(fenced) and {one.stream for one in await home.applied()} >= others

        await eventually_async(others_done)
    applied = await home.applied()
    assert once_each(applied)
    assert len({one.stream for one in applied}) == len(applied)
    # What was in the shared transaction of the lost partition was rolled back with it.
    for one in applied:
        [client] = [client for client in clients if client.stream == one.stream]
        assert await partition_of(home, client) not in fenced


@pytest.mark.parametrize("versions", [True, False])
async def test_an_event_that_is_in_two_partitions_is_applied_once(
    home: Home, versions: bool
) -> None:
    async with home.consuming(Recorder(), versions=versions):
        for _ in range(10):
            client = Client()
            one = client.event(1)
            for key in (client.id, *(Client().id for _ in range(CLIENTS))):
                await home.producer.send(home.topic, one, key=key.encode())
            await home.producer.flush()
        await home.until_applied(10)
        await home.until_read()
    assert len(await home.applied()) == 10
    assert await home.parked() == []


async def partition_of(home: Home, client: Client) -> int:
    """The partition that the client's events are in."""
    partitions = sorted(await home.producer.partitions_for(home.topic))
    number: int = home.producer._partition(
        home.topic, None, None, None, client.id.encode(), client.id.encode()
    )
    assert number in partitions
    return number
