"""A group without versions: each event stands for itself, as risk alerts need it."""

from shared.consuming import held_back_since, parking
from shared.errors import Permanent, Unavailable
from shared.ids import new_id
from tests.integration.consuming.home import Client, Home, Recorder
from tests.support.waiting import eventually_async


async def test_nothing_waits_behind_a_poison_event_of_the_same_client(home: Home) -> None:
    client = Client()
    bad = f"client-{client.id}"
    async with home.consuming(Recorder(failures={bad: Permanent}), versions=False):
        await home.send(client.event(1), client.event(1, stream=bad), *client.events(2, 3))
        await home.until_applied(3)
        await home.until_parked(1)
    assert await home.versions(client) == [1, 2, 3]
    async with home.database.session(client.tenant) as conn:
        assert client.id in await held_back_since(conn, client.tenant, [client.id])


async def test_nothing_waits_for_a_missing_version(home: Home) -> None:
    client = Client()
    async with home.consuming(Recorder(), versions=False):
        await home.send(client.event(7), client.event(3))
        await home.until_applied(2)
    assert await home.versions(client) == [7, 3]
    assert await home.parked() == []


async def test_each_event_is_taken_once_by_its_id(home: Home) -> None:
    client = Client()
    events = client.events(1, 2, 3)
    async with home.consuming(Recorder(), versions=False):
        await home.send(*events * 50)
        await home.until_applied(3)
        await home.until_read()
    async with home.consuming(Recorder(), versions=False):
        await home.send(*events, client.event(4))
        await home.until_applied(4)
    assert await home.versions(client) == [1, 2, 3, 4]


async def test_another_tenants_event_with_the_same_id_takes_nothing_away(home: Home) -> None:
    mine, theirs = Client(), Client()
    same = new_id()
    async with home.consuming(Recorder(), versions=False):
        await home.send(theirs.event(1, id=same), mine.event(1, id=same))
        await home.until_applied(2)


async def test_an_unreadable_record_is_parked_alone(home: Home) -> None:
    client = Client()
    async with home.consuming(Recorder(), versions=False):
        await home.send(client.event(1))
        await home.send(b"rubbish", key=client.id)
        await home.send(client.event(2))
        await home.until_applied(2)
        await home.until_parked(1)


async def test_a_replay_takes_the_event_that_failed(home: Home) -> None:
    client = Client()
    recorder = Recorder(failures={client.stream: Permanent})
    async with home.consuming(recorder, versions=False):
        await home.send(*client.events(1, 2))
        await home.until_parked(2)
        recorder.failures.clear()
        [first, _] = await parking.list_parked(home.reader)
        await parking.replay(home.reader, home.group, first.event_id)
        await home.until_applied(2)

        async def released() -> bool:
            return not await home.parked() and not await home.rows("SELECT 1 FROM held")

        await eventually_async(released)
    assert await home.versions(client) == [1, 2]


async def test_what_passes_by_itself_is_never_parked(home: Home) -> None:
    client = Client()
    left = [Unavailable, OSError, Unavailable]
    recorder = Recorder(on_prepare=lambda: left.pop()() if left else None)
    async with home.consuming(recorder, versions=False):
        await home.send(client.event(1))
        await home.until_applied(1)
    assert await home.parked() == []
