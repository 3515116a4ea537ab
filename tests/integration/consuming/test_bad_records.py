"""Whatever lies in the topic, the consumer lives on, and the next event is handled at once."""

import time
from typing import Any

import pytest

from shared.ids import new_id
from tests.integration.consuming.home import Client, Home, Recorder
from tests.support.waiting import eventually_async

BAD_CLIENT = Client()

# The reason for which each is parked; None: it is applied, and what is odd about it is ignored.
BAD: dict[str, tuple[bytes | None, str | None]] = {
    "not JSON": (b"\x00\xff rubbish", "unreadable"),
    "empty": (b"", "unreadable"),
    "no value": (None, "unreadable"),
    "not an object": (b"[1, 2]", "unreadable"),
    "nested too deeply": (b'{"type":' + b"[" * 100_000, "unreadable"),
    "no envelope": (b'{"type":"heroic.feedback.RatingDeclined"}', "unreadable"),
    "not UTF-8": (BAD_CLIENT.event(1).replace(b"ors", b"\xff\xfe"), "broken_contract"),
    "unknown type": (BAD_CLIENT.event(1, type="heroic.feedback.Nonsense"), "unknown_type"),
    "newer schema": (BAD_CLIENT.event(1, schemaversion=99), "unknown_type"),
    "data of another type": (BAD_CLIENT.event(1, data={"measure": 7}), "broken_contract"),
    "NUL in a name": (BAD_CLIENT.event(1, stream="feedback-\0"), "unreadable"),
    "NUL in a type": (BAD_CLIENT.event(1, type="heroic.\0"), "unreadable"),
    "a name that is too long": (BAD_CLIENT.event(1, stream="s" * 5_000), "unreadable"),
    "version that is no version": (BAD_CLIENT.event(1, streamversion=-1), "unreadable"),
    "version beyond all bounds": (BAD_CLIENT.event(1, streamversion=10**30), "unreadable"),
    "version from nowhere": (BAD_CLIENT.event(2**31 - 1), "gap"),
    "tenant that is not theirs": (BAD_CLIENT.event(7, tenant=new_id()), "gap"),
    "hostile tenant": (BAD_CLIENT.event(7, tenant='"},\\{x,*'), "gap"),
    "broken traceparent": (BAD_CLIENT.event(1, traceparent="00-zz\n-" + "f" * 900), None),
}


@pytest.mark.parametrize("name", BAD)
async def test_the_next_event_is_handled_within_a_second(home: Home, name: str) -> None:
    raw, reason = BAD[name]
    good = Client()
    async with home.consuming(Recorder()) as consumer:
        await home.send(good.event(1))
        await home.until_applied(1)
        await home.send(raw, key=good.id)
        sent = time.monotonic()
        await home.send(good.event(2))

        async def handled() -> bool:
            return await home.versions(good) == [1, 2]

        await eventually_async(handled, 5)
        assert time.monotonic() - sent < 1
        assert consumer.failure is None
    assert [one[2] for one in await home.parked()] == ([reason] if reason else [])


async def test_headers_that_are_not_utf8_are_nobodys_business(home: Home) -> None:
    """Trap 6: FastStream decodes headers before any code of ours."""
    client = Client()
    headers: list[Any] = [("content-type", b"\xff\xfe"), ("reply_to", None)]
    async with home.consuming(Recorder()):
        await home.send(client.event(1), headers=headers)
        await home.send(client.event(2))
        await home.until_applied(2)
    assert await home.versions(client) == [1, 2]


async def test_what_cannot_be_read_is_shown_to_no_tenant(home: Home) -> None:
    async with home.consuming(Recorder()):
        await home.send(b"rubbish", key="x")
        await home.until_parked(1)
    [(tenant, raw, partition)] = await home.rows("SELECT tenant, raw, partition FROM parked")
    assert (tenant, raw) == ("", b"rubbish")
    assert 0 <= partition < 4
