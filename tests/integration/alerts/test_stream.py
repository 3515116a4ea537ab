"""The live stream: nothing is lost, nothing comes twice, nobody hears of strangers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.alerts.bell import Bell
from services.alerts.consumers import RiskHandler, RulesHandler
from services.alerts.live.listening import Listener
from services.alerts.live.log import Bookmark, Log, Wanted
from shared.database import driver
from shared.eventstore.tail import START, Cursor
from shared.hub import WAITING_MESSAGES, Subscriber
from shared.ids import new_id
from shared.security import SCOPES, Principal
from shared.security.policy import POLICY
from tests.conftest import MakeDatabase
from tests.integration.alerts.home import Client, Home, assessed, open_home, phq9
from tests.support.front_door import Message, messages

REVIEW = {"seen_how": "by telephone", "outcome": "safety plan made", "actor": "Dr A"}

NEWER = """
INSERT INTO events (tenant, stream, version, id, type, subject, schema_version, recorded_at,
    correlation_id, data)
VALUES ($1, $2, 2, $3, 'heroic.alerts.AlertSung', 'client', 1, now(), 'c', '{}')
"""


@asynccontextmanager
async def listening(
    http: httpx.AsyncClient, query: str = "", after: str | None = None
) -> AsyncIterator[AsyncIterator[Message]]:
    """The stream's messages from now on, or after a cursor."""
    headers = {"Last-Event-ID": after} if after else {}
    async with http.stream("GET", f"/v1/stream{query}", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer.aiter_lines())


async def take(stream: AsyncIterator[Message], count: int, seconds: float = 10) -> list[Message]:
    """The next messages."""
    async with asyncio.timeout(seconds):
        return [await anext(stream) for _ in range(count)]


async def test_an_alert_is_on_the_stream_as_it_is_raised_and_changed(home: Home) -> None:
    client = await home.new_client()
    async with home.http() as http, listening(http) as stream:
        await home.submit(client, 30)
        [raised] = await take(stream, 1)
        link = str(raised.data["link"])
        assert raised.name == "alert-raised"
        assert raised.data == {
            "id": link.rpartition("/")[2],
            "client_id": client.id,
            "episode_id": client.episode_id,
            "rule": "risk_item",
            "severity": "urgent",
            "status": "open",
            "historical": False,
            "link": link,
        }
        path = link.removeprefix("/alerts")
        assert (await http.get(path)).status_code == 200
        await http.post(f"{path}/acknowledge", json={})
        await http.post(f"{path}/review", json=REVIEW)
        changed = await take(stream, 2)
    assert [one.name for one in changed] == ["alert-changed", "alert-changed"]
    assert [one.data["status"] for one in changed] == ["acknowledged", "resolved"]


async def test_who_resumes_gets_what_came_in_between_once_and_in_order(home: Home) -> None:
    client = await home.new_client()
    async with home.http() as http:
        async with listening(http) as stream:
            await home.submit(client, 10)
            [first] = await take(stream, 1)
        for _ in range(5):
            await home.submit(client, 10)
        async with listening(http, after=first.id) as stream:
            await home.submit(client, 10)
            rest = await take(stream, 6)
        async with listening(http, f"?after={rest[3].id}") as stream:
            again = await take(stream, 2)
    assert [one.id for one in rest[4:]] == [one.id for one in again]
    places = [Bookmark.decode(one.id).place for one in [first, *rest]]
    assert places == sorted(set(places))


async def test_nothing_is_lost_while_many_write_and_the_listener_keeps_reconnecting(
    home: Home,
) -> None:
    clients = [await home.new_client() for _ in range(40)]
    seen: list[Message] = []

    async def write(one: Client) -> None:
        for _ in range(3):
            await home.submit(one, 10)

    async with home.http() as http:
        async with listening(http) as stream:
            await home.submit(clients[0], 10)
            seen += await take(stream, 1)
        writing = asyncio.gather(*(write(one) for one in clients))
        while len(seen) < 121:
            async with listening(http, after=seen[-1].id) as stream:
                seen += await take(stream, min(10, 121 - len(seen)), seconds=20)
        await writing
        async with listening(http, after=seen[-1].id) as stream:
            with pytest.raises(TimeoutError):
                await take(stream, 1, seconds=0.3)
    assert len({one.id for one in seen}) == 121
    assert {one.data["client_id"] for one in seen} == {one.id for one in clients}


async def test_a_commit_above_the_horizon_comes_once_the_older_one_is_done(home: Home) -> None:
    client = await home.new_client()
    async with home.http() as http, listening(http) as stream:
        next_one = asyncio.create_task(take(stream, 1))
        async with home.database.session(home.tenant) as older:
            await driver(older).execute("SELECT pg_current_xact_id()")
            await home.submit(client, 30)
            done, _ = await asyncio.wait([next_one], timeout=0.3)
            assert not done
        [raised] = await next_one
    assert raised.data["client_id"] == client.id


async def test_a_stream_ends_with_its_token_and_goes_on_with_another(home: Home) -> None:
    client = await home.new_client()
    async with home.http(seconds=2) as http, listening(http) as stream:
        await home.submit(client, 10)
        [first] = await take(stream, 1)
        async with asyncio.timeout(5):
            assert [one async for one in stream] == []
        assert (await http.get("/v1/alerts")).status_code == 401
    await home.submit(client, 10)
    async with home.http() as http, listening(http, after=first.id) as stream:
        [missed] = await take(stream, 1)
    assert (missed.name, missed.data["client_id"]) == ("alert-changed", client.id)


async def test_who_was_told_of_nothing_comes_back_to_where_the_stream_began(home: Home) -> None:
    async with (
        home.http(seconds=2) as http,
        asyncio.timeout(5),
        http.stream("GET", "/v1/stream") as answer,
    ):
        beginning = answer.headers["last-event-id"]
        assert [line async for line in answer.aiter_lines() if line.strip()] == []
    await home.submit(await home.new_client(), 10)
    async with home.http() as http, listening(http, after=beginning) as stream:
        [missed] = await take(stream, 1)
    assert missed.name == "alert-raised"


async def beginning(home: Home) -> str:
    """A cursor before everything."""
    now = await Log(home.database).bookmark()
    return now._replace(place=START).encode()


async def test_history_is_delivered_to_nobody(home: Home) -> None:
    client, other = await home.new_client(), await home.new_client()
    await home.submit(client, 30, imported=True)
    await home.assess(client, True, True, imported=True)
    start = await beginning(home)
    async with home.http() as http, listening(http, after=start) as stream:
        await home.submit(other, 10)
        [only] = await take(stream, 1)
    assert only.data["client_id"] == other.id


async def test_a_live_answer_on_a_historical_alert_is_its_raising_to_those_who_listen(
    home: Home,
) -> None:
    client = await home.new_client()
    await home.submit(client, 30, imported=True)
    async with home.http() as http, listening(http) as stream:
        await home.submit(client, 10)
        [first] = await take(stream, 1)
        assert (first.name, first.data["historical"]) == ("alert-raised", False)
        await home.submit(client, 10)
        [second] = await take(stream, 1)
    assert second.name == "alert-changed"


async def test_severities_are_filtered(home: Home) -> None:
    client = await home.new_client()
    async with home.http() as http, listening(http, "?severity=urgent") as stream:
        await home.assess(client, True)
        await home.submit(client, None)
        await home.submit(client, 30)
        [only] = await take(stream, 1)
    assert only.data["rule"] == "risk_item"


async def test_nobody_hears_of_another_tenants_alerts(home: Home) -> None:
    stranger = home.as_new_tenant()
    async with home.http() as http, listening(http, after=await beginning(home)) as stream:
        await home.submit(await home.new_client(), 30)
        await stranger.submit(await stranger.new_client(), 30)
        await home.submit(await home.new_client(), 20)
        assert len(await take(stream, 2)) == 2
        with pytest.raises(TimeoutError):
            await take(stream, 1, seconds=0.3)


@pytest.mark.parametrize(
    "query",
    ["?after=nonsense", "?after=%00", "?after=" + "a" * 300, "?severity=deadly"],
)
async def test_what_no_stream_can_begin_with_is_422(home: Home, query: str) -> None:
    async with home.http() as http:
        assert (await http.get(f"/v1/stream{query}")).status_code == 422


async def test_a_cursor_from_before_a_restore_gets_reset_and_goes_on(home: Home) -> None:
    now = await Log(home.database).bookmark()
    old = Bookmark(now.epoch - 1, Cursor(10**9, 1)).encode()
    async with home.http() as http, listening(http, after=old) as stream:
        [reset] = await take(stream, 1)
        assert reset.name == "reset"
        await home.submit(await home.new_client(), 30)
        [raised] = await take(stream, 1)
        assert raised.name == "alert-raised"


async def test_an_event_that_a_newer_program_wrote_does_not_stop_the_stream(home: Home) -> None:
    client = await home.new_client()
    async with home.http() as http, listening(http) as stream:
        await home.submit(client, 10)
        [raised] = await take(stream, 1)
        async with home.database.session(home.tenant) as conn:
            await driver(conn).execute(NEWER, home.tenant, f"alert-{raised.data['id']}", new_id())
        await home.submit(await home.new_client(), 10)
        newer, later = await take(stream, 2)
    assert (newer.name, newer.data["status"]) == ("alert-changed", "open")
    assert later.name == "alert-raised"


async def test_without_redis_the_stream_goes_on_within_a_second_or_two(
    make_database: MakeDatabase,
) -> None:
    async with open_home(make_database, "redis://127.0.0.1:1") as home:
        client = await home.new_client()
        async with home.http() as http, listening(http) as stream:
            await home.submit(client, 30)
            [raised] = await take(stream, 1)
    assert raised.name == "alert-raised"


async def test_who_does_not_keep_up_is_dropped_and_others_are_not(home: Home) -> None:
    async with home.http() as http, listening(http) as stream:
        await home.submit(await home.new_client(), 30)
        await take(stream, 1)
    [message] = (await Log(home.database).read([home.tenant], START)).messages
    machine = Principal(
        tenant=home.tenant, id=new_id(), kind="integration", scopes=frozenset(SCOPES)
    )
    wants = Wanted(Listener.of(machine, POLICY["alerts.read"])).has
    slow, quick = (Subscriber(home.tenant, wants, START) for _ in range(2))
    for _ in range(WAITING_MESSAGES + 5):
        slow.tell(message)
        quick.tell(message)
        assert await quick.next() is message
    assert slow.dropped
    assert not quick.dropped
    for _ in range(WAITING_MESSAGES):
        assert await slow.next() is message
    assert await slow.next() is None


def test_a_cursor_comes_back_as_it_was() -> None:
    bookmark = Bookmark(1, Cursor(2**40, 2**41))
    assert Bookmark.decode(bookmark.encode()) == bookmark


class Counted(Bell):
    """Counts how often it is rung."""

    rings = 0

    def ring(self) -> None:
        """Once more."""
        self.rings += 1


async def test_what_is_history_wakes_nobody(home: Home, redis_url: str) -> None:
    client, bell = await home.new_client(), Counted(redis_url)
    risk = RiskHandler(home.keyring, home.store, bell)
    rules = RulesHandler(home.keyring, home.store, bell)
    for imported, rings in ((True, 0), (False, 2)):
        rating = phq9(client, 30, imported=imported)
        await home.handle(risk, await home.record(client, rating))
        judged = assessed(client, 2 + imported, True, imported=imported)
        await home.handle(rules, await home.record(client, judged))
        assert bell.rings == rings
    await bell.close()
