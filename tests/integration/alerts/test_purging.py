"""Of an erased client alerts keeps nothing, and nobody who is late brings anything back."""

from datetime import UTC, datetime, timedelta

import asyncpg

from services.alerts.bell import Bell
from services.alerts.domain.alert import fold
from services.alerts.handlers import Alerts
from services.alerts.purging import PURGE
from shared.contracts.alerts import ClientPurged
from shared.contracts.intake import ClientRegistered, EpisodeOpened, MeasuringChanged
from shared.purging import PurgeHandler
from tests.integration.alerts.home import Client, Home, phq9
from tests.support.erased import erasure, left_of


async def a_client(home: Home) -> Client:
    """Somebody with alerts, and with what rules of time look at."""
    client = await home.new_client()
    opened = EpisodeOpened(
        episode_id=client.episode_id,
        client_id=client.id,
        age_group="adult",
        opened_at=datetime.now(UTC) - timedelta(days=30),
    )
    registered = ClientRegistered(client_id=client.id, private=None)
    await home.hear(client, registered, opened)
    await home.tell(client, opened, MeasuringChanged(client_id=client.id, state="paused"))
    await home.tell(client, phq9(client, 30))
    await home.submit(client, 30)
    await home.assess(client, True, True)
    return client


async def purge(home: Home, client: Client) -> None:
    """Intake says that the client is erased, and the group of purges hears it."""
    handler = PurgeHandler(PURGE, home.store, home.keyring)
    await home.handle(handler, erasure(client.tenant, client.id))


async def left(home: Home, client: Client) -> dict[str, int]:
    """What is left of somebody."""
    connection = await asyncpg.connect(home.urls.reader)
    try:
        return await left_of(connection, client.id, client.episode_id)
    finally:
        await connection.close()


async def test_nothing_is_left_and_others_stay(home: Home) -> None:
    gone, here = await a_client(home), await a_client(home)
    before = set(await left(home, gone))
    assert {"alerts", "judgements", "taken", "episodes", "forms", "clients", "due"} <= before
    await purge(home, gone)
    assert await left(home, gone) == {}
    [said] = await home.store.read(gone.tenant, f"purge-{gone.id}")
    assert isinstance(said.data, ClientPurged)
    assert await home.alerts(here)
    async with home.http() as http:
        listed = (await http.get("/v1/alerts?limit=200")).json()["items"]
    assert {one["client_id"] for one in listed} == {here.id}


async def test_a_command_that_was_quicker_than_the_purge_leaves_no_row(home: Home) -> None:
    client = await a_client(home)
    bell = Bell(home.settings.redis_url)
    alerts = Alerts(home.database, home.store, bell)
    [shown, *_] = await home.alerts(client)
    told = await alerts.history(client.tenant, shown["id"])
    await purge(home, client)
    await alerts.keep(client.tenant, [fold(one.data for one in told)])
    await bell.close()
    assert await left(home, client) == {}


async def test_the_clock_has_nothing_more_to_tell_of_them(home: Home) -> None:
    client = await a_client(home)
    await purge(home, client)
    await home.timekeeper.look(datetime.now(UTC) + timedelta(days=365))
    assert await left(home, client) == {}
