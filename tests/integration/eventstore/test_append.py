"""Appending: versions, atomicity, races."""

import asyncio

import msgspec
import pytest

from shared.contracts.feedback import RatingSubmitted
from shared.eventstore import Claim, Claimed, Head, Write, WrongVersion
from shared.ids import new_id
from tests.support.eventstore import Home


async def test_what_was_written_is_read_back_in_order(home: Home) -> None:
    stream = f"feedback-{new_id()}"
    write = home.write(stream, count=3)
    written = await home.store.write(write)

    events = await home.store.read(home.tenant, stream)
    assert [event.version for event in events] == [1, 2, 3]
    assert [event.position for event in events] == written.positions
    assert [event.data for event in events] == [event.data for event in write.appends[0].events]
    assert {event.recorded_at for event in events} == {written.recorded_at}
    assert await home.store.heads(home.tenant, [stream, "none"]) == {
        stream: Head(3, None, home.client)
    }


async def test_a_stale_version_writes_nothing(home: Home) -> None:
    stream, other = f"feedback-{new_id()}", f"feedback-{new_id()}"
    await home.store.write(home.write(stream))
    stale = Write(
        tenant=home.tenant,
        appends=[home.ratings(other), home.ratings(stream)],
        claims=[Claim(tenant=home.tenant, stream=f"claim-{other}", ref="x", subject=home.client)],
    )
    with pytest.raises(WrongVersion) as raised:
        await home.store.write(stale)
    assert (raised.value.stream, raised.value.expected, raised.value.actual) == (stream, 0, 1)
    assert list(await home.store.heads(home.tenant, [stream, other, f"claim-{other}"])) == [stream]
    assert await home.store.read(home.tenant, other) == []


async def test_of_fifty_commands_on_one_stream_one_wins(home: Home) -> None:
    stream = f"feedback-{new_id()}"
    await home.store.write(home.write(stream))
    results = await asyncio.gather(
        *(home.store.write(home.write(stream, expected=1)) for _ in range(50)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, WrongVersion) for result in results) == 49
    assert [event.version for event in await home.store.read(home.tenant, stream)] == [1, 2]


async def test_a_claim_is_held_until_it_is_given_up(home: Home) -> None:
    claim = Claim(tenant=home.tenant, stream=f"claim-{new_id()}", ref="a", subject=home.client)
    first = msgspec.structs.replace(home.write(f"client-{new_id()}"), claims=[claim])
    await home.store.write(first)
    again = msgspec.structs.replace(home.write(f"client-{new_id()}"), claims=[claim])
    with pytest.raises(Claimed) as raised:
        await home.store.write(again)
    assert raised.value.ref == "a"
    assert await home.store.heads(home.tenant, [claim.stream]) == {
        claim.stream: Head(0, "a", home.client)
    }

    given_up = msgspec.structs.replace(home.write(f"client-{new_id()}"), release=[claim.stream])
    await home.store.write(given_up)
    await home.store.write(again)


async def test_a_new_stream_is_one_writers_only(home: Home) -> None:
    stream = f"feedback-{new_id()}"
    results = await asyncio.gather(
        *(home.store.write(home.write(stream)) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, WrongVersion) for result in results) == 19
    [event] = await home.store.read(home.tenant, stream)
    assert isinstance(event.data, RatingSubmitted)
