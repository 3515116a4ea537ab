"""What cannot be processed waits, with what comes after it of the same client; others go on."""

from collections.abc import Callable

import pytest

from shared.consuming import held_back_since, parking
from shared.consuming.failures import Stopped
from shared.consuming.isolation import MAX_TRIES
from shared.consuming.sorting import FAILING_LIMIT
from shared.errors import Conflict, NotFound, Permanent, Unavailable
from shared.ids import new_id
from tests.integration.consuming.home import WHEN, Client, Home, Recorder, event, once_each
from tests.support.waiting import eventually_async


async def held(home: Home, client: Client) -> bool:
    """Whether the client is shown as held back."""
    async with home.database.session(client.tenant) as conn:
        return client.id in await held_back_since(conn, client.tenant, [client.id])


async def released(home: Home) -> bool:
    """Whether nobody is held back any more."""
    return not await home.rows("SELECT 1 FROM held UNION ALL SELECT 1 FROM replays")


async def test_a_poison_event_waits_with_its_client_while_others_go_on(home: Home) -> None:
    bad, good = Client(), Client()
    recorder = Recorder(failures={bad.stream: ZeroDivisionError})
    async with home.consuming(recorder) as consumer:
        await home.send(bad.event(1), good.event(1), bad.event(2), good.event(2))
        # Another stream of the same client waits too: its clinical picture is one.
        await home.send(bad.event(1, stream=f"client-{bad.id}"), good.event(3))
        await home.until_parked(3)
        await home.until_read()
        assert consumer.failure is None
    assert await home.versions(good) == [1, 2, 3]
    assert await home.parked() == [
        (bad.stream, 1, "unexpected"),
        (bad.stream, 2, "held"),
        (f"client-{bad.id}", 1, "held"),
    ]
    assert recorder.tries[bad.stream] <= 2 * MAX_TRIES
    assert await held(home, bad)
    assert not await held(home, good)


async def test_since_when_data_is_held_back_is_the_time_of_the_first_event_that_waits(
    home: Home,
) -> None:
    bad = Client()
    async with home.consuming(Recorder(failures={bad.stream: Permanent})):
        await home.send(*bad.events(1, 2))
        await home.until_parked(2)
    async with home.database.session(bad.tenant) as conn:
        assert await held_back_since(conn, bad.tenant, [bad.id, new_id()]) == {bad.id: WHEN}
    async with home.database.session(new_id()) as conn:
        assert await held_back_since(conn, bad.tenant, [bad.id]) == {}


async def test_an_event_that_its_handler_names_is_parked_at_the_first_try(home: Home) -> None:
    bad, good = Client(), Client()
    poison = new_id()

    def refuse() -> Permanent:
        error = Permanent("broken invariant")
        error.event_id = poison  # type: ignore[attr-defined]
        return error

    recorder = Recorder(failures={bad.stream: refuse})
    await home.send(good.event(1), bad.event(1, id=poison), good.event(2))
    async with home.consuming(recorder):
        await home.until_parked(1)
        await home.until_applied(2)
    # Once together with the other partition's events, where one poll brought both, and once alone.
    assert recorder.tries[bad.stream] <= 2
    assert await home.parked() == [(bad.stream, 1, "permanent")]


async def test_where_the_key_is_an_organisation_only_the_stream_waits(home: Home) -> None:
    tenant = new_id()
    bad, good = f"organisation-{tenant}", f"person-{new_id()}"

    def of(stream: str, version: int) -> bytes:
        return event(stream, version, tenant=tenant, subject=tenant)

    async with home.consuming(Recorder(failures={bad: Permanent})):
        await home.send(of(bad, 1), of(good, 1), of(bad, 2), of(good, 2))
        await home.until_parked(2)
        await home.until_applied(2)
    assert [one.stream for one in await home.applied()] == [good, good]


async def test_a_replay_brings_all_of_the_client_through_in_order(home: Home) -> None:
    bad = Client()
    recorder = Recorder(failures={bad.stream: Permanent})
    async with home.consuming(recorder):
        await home.send(*bad.events(1, 2, 3))
        await home.until_parked(3)
        [first, *_] = await parking.list_parked(home.reader, group=home.group)
        await parking.replay(home.reader, home.group, first.event_id)

        async def tried_again() -> bool:
            [again, *_] = await parking.list_parked(home.reader, group=home.group)
            return again.tries == 2

        await eventually_async(tried_again)
        assert await home.applied() == []
        recorder.failures.clear()
        await parking.replay(home.reader, home.group, first.event_id)
        await home.until_applied(3)
        await eventually_async(lambda: released(home))
        await home.send(bad.event(4))
        await home.until_applied(4)
    assert await home.versions(bad) == [1, 2, 3, 4]
    assert await home.parked() == []


async def test_a_discarded_event_counts_as_passed(home: Home) -> None:
    bad = Client()
    poison = new_id()

    def refuse() -> Permanent:
        error = Permanent()
        error.event_id = poison  # type: ignore[attr-defined]
        return error

    recorder = Recorder(failures={bad.stream: refuse})
    async with home.consuming(recorder):
        await home.send(bad.event(1, id=poison), *bad.events(2, 3))
        await home.until_parked(3)
        recorder.failures.clear()
        await parking.discard(home.reader, home.group, poison)
        await home.until_applied(2)
        await eventually_async(lambda: released(home))
        await home.send(bad.event(1, id=poison), bad.event(4))
        await home.until_applied(3)
    assert await home.versions(bad) == [2, 3, 4]


async def test_operators_see_what_is_parked_but_not_what_it_says(home: Home) -> None:
    bad = Client()
    async with home.consuming(Recorder(failures={bad.stream: lambda: ValueError("her words")})):
        await home.send(bad.event(1))
        await home.until_parked(1)
    [listed] = await parking.list_parked(home.reader)
    shown, envelope = await parking.show_parked(home.reader, home.group, listed.event_id)
    assert shown == listed
    assert (shown.stream, shown.version, shown.reason) == (bad.stream, 1, "unexpected")
    assert "her words" not in shown.detail
    assert envelope is not None
    assert bytes(envelope.data) == b"null"
    with pytest.raises(NotFound):
        await parking.show_parked(home.reader, home.group, new_id())


async def test_a_gap_is_read_again_and_then_parked(home: Home) -> None:
    client, other = Client(), Client()
    async with home.consuming(Recorder()):
        await home.send(*client.events(1, 2), client.event(4), other.event(1))
        await home.until_parked(1)
        await home.until_applied(3)
    assert await home.versions(client) == [1, 2]
    assert await home.parked() == [(client.stream, 4, "gap")]
    [reread] = await home.rows("SELECT max(reread_until) FROM consumer_checkpoints")
    assert reread[0] > 0


async def test_the_event_that_was_missing_brings_those_that_waited_for_it(home: Home) -> None:
    client = Client()
    async with home.consuming(Recorder()):
        await home.send(client.event(1), client.event(3), client.event(4))
        await home.until_parked(2)
        await home.send(client.event(2))
        await home.until_applied(4)
        await eventually_async(lambda: released(home))
    assert await home.versions(client) == [1, 2, 3, 4]


async def test_events_that_the_database_lost_are_found_again_in_the_topic(home: Home) -> None:
    """A restored consumer: its checkpoint is ahead of what it has applied."""
    client = Client()
    first = new_id()
    await home.send(client.event(1, id=first), *client.events(2, 3))
    async with home.consuming(Recorder()):
        await home.until_applied(3)
    await home.execute(client.tenant, "UPDATE consumed SET version = 1, last_id = $1", first)
    await home.execute(client.tenant, "DELETE FROM applied WHERE version > 1")
    async with home.consuming(Recorder()):
        await home.send(client.event(4))
        await home.until_applied(4)
    assert await home.versions(client) == [1, 2, 3, 4]


async def test_the_same_version_under_another_id_is_a_fork(home: Home) -> None:
    client = Client()
    async with home.consuming(Recorder()):
        await home.send(*client.events(1, 2))
        await home.until_applied(2)
        fork = new_id()
        await home.send(client.event(2, id=fork), client.event(3))
        await home.until_parked(2)
        assert await home.parked() == [(client.stream, 2, "fork"), (client.stream, 3, "held")]
        await parking.discard(home.reader, home.group, fork)
        await home.until_applied(3)
        await eventually_async(lambda: released(home))
        await home.send(client.event(4))
        await home.until_applied(4)
    assert await home.versions(client) == [1, 2, 3, 4]


async def test_a_type_that_is_not_known_yet_is_applied_by_the_worker_that_knows_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    future = "heroic.feedback.FromTheFuture"
    async with home.consuming(Recorder()):
        await home.send(client.event(1), client.event(2, type=future), client.event(3))
        await home.until_parked(2)
    assert await home.parked() == [
        (client.stream, 2, "unknown_type"),
        (client.stream, 3, "held"),
    ]
    from shared import contracts
    from shared.consuming import records, replaying

    def newer(raw: bytes) -> contracts.Envelope:
        return contracts.decode(raw.replace(future.encode(), b"heroic.feedback.RatingDeclined"))

    known = records.KNOWN_SCHEMAS | {f"{future}:1"}
    monkeypatch.setattr(records, "KNOWN_SCHEMAS", known)
    monkeypatch.setattr(replaying, "KNOWN_SCHEMAS", known)
    async with home.consuming(Recorder(), decode=newer):
        await home.until_applied(3)
        await eventually_async(lambda: released(home))
    assert await home.versions(client) == [1, 2, 3]


@pytest.mark.parametrize(
    "failure",
    [Unavailable, ConnectionResetError, TimeoutError, Conflict],
    ids=lambda one: one.__name__,
)
async def test_what_passes_by_itself_is_never_parked(
    home: Home, failure: Callable[[], Exception]
) -> None:
    client = Client()
    left = [failure] * 4
    recorder = Recorder(on_prepare=lambda: left.pop()() if left else None)
    async with home.consuming(recorder):
        await home.send(*client.events(1, 2, 3))
        await home.until_applied(3, 30)
    assert await home.versions(client) == [1, 2, 3]
    assert await home.parked() == []


async def test_when_nothing_can_be_processed_the_consumer_stops(home: Home) -> None:
    await home.send(*[b"\x00rubbish"] * 300, key="one")
    async with home.consuming(Recorder()) as consumer:
        await consumer.stopped.wait()
        assert isinstance(consumer.failure, Stopped)
        assert not consumer.ready
    stopped_at = len(await home.parked())
    assert FAILING_LIMIT <= stopped_at <= FAILING_LIMIT + 1
    # Starting it again and again must not drain the topic either.
    async with home.consuming(Recorder()) as consumer:
        await consumer.stopped.wait()
    assert len(await home.parked()) == stopped_at


async def test_failures_among_many_good_events_do_not_stop_it(home: Home) -> None:
    clients = [Client() for _ in range(300)]
    async with home.consuming(Recorder()) as consumer:
        for number, client in enumerate(clients):
            await home.send(client.event(1))
            if number % 3 == 0:
                await home.send(b"rubbish", key=client.id)
        await home.until_applied(300)
        await home.until_parked(100)
        assert consumer.failure is None
    assert once_each(await home.applied())


async def test_a_conflict_that_never_goes_away_is_no_race_and_parks_its_event_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.consuming.failures.TOO_MANY_CONFLICTS", 3)
    bad, good = Client(), Client()
    async with home.consuming(Recorder(failures={bad.stream: Conflict})):
        await home.send(bad.event(1), good.event(1), good.event(2))
        await home.until_applied(2)
        await home.until_parked(1)
    assert await home.versions(good) == [1, 2]
    assert [one[2] for one in await home.parked()] == ["conflict"]
