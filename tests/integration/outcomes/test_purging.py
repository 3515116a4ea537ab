"""Of an erased client outcomes keeps nothing, and no rebuild or revision brings anything back."""

import asyncpg

from services.outcomes import rebuild_rows, rows
from services.outcomes.definitions import Waiting, write
from services.outcomes.purging import PURGE
from services.outcomes.rebuild import list_projections, rebuild, switch, verify
from services.outcomes.revising import Reviser
from services.outcomes.views import GROUP
from shared.contracts.outcomes import ClientPurged
from shared.ids import new_id
from shared.purging import PurgeHandler
from tests.integration.outcomes.home import Home
from tests.support.erased import erasure, left_of
from tests.unit.outcomes.story import TENANT, Story


async def a_client(home: Home) -> Story:
    """Somebody with a journal, a view, summaries, and what the assessor remembers."""
    story = Story(new_id(), new_id())
    story.register()
    story.open()
    for number in range(4):
        story.rate(f"r{number}", 200 - 10 * number, day=7 * number, note="words")
    await home.live(*story.events)
    return story


async def purge(home: Home, story: Story) -> None:
    """Intake says that the client is erased, and the group of purges hears it."""
    await home.keyring.destroy((TENANT, story.client_id))
    handler = PurgeHandler(PURGE, home.store, home.keyring)
    await home.once(handler, [erasure(TENANT, story.client_id)])


async def left(home: Home, story: Story) -> dict[str, int]:
    """What is left of somebody."""
    connection = await asyncpg.connect(home.urls.reader)
    try:
        return await left_of(connection, story.client_id, story.episode_id)
    finally:
        await connection.close()


async def test_nothing_is_left_and_others_stay(home: Home) -> None:
    gone, here = await a_client(home), await a_client(home)
    async with home.database.session(TENANT) as conn:
        await write(conn, GROUP, [], [Waiting(TENANT, "own", 1, gone.client_id)], [])
    assert set(await left(home, gone)) == {
        "journal",
        "views",
        "summaries",
        "assessor_states",
        "waiting",
    }
    await purge(home, gone)
    assert await left(home, gone) == {}
    [said] = await home.store.read(TENANT, f"purge-{gone.client_id}")
    assert isinstance(said.data, ClientPurged)
    async with home.http() as http:
        assert (await http.get(f"/v1/clients/{gone.client_id}")).status_code == 410
        assert (await http.get(f"/v1/clients/{here.client_id}")).status_code == 200
        listed = (await http.get("/v1/clients?limit=200")).json()["items"]
    assert here.client_id in {one["client_id"] for one in listed}
    assert gone.client_id not in {one["client_id"] for one in listed}


async def test_a_rebuild_that_was_under_way_does_not_bring_them_back(home: Home) -> None:
    gone, here = await a_client(home), await a_client(home)
    key, other = (TENANT, gone.client_id), (TENANT, here.client_id)
    async with home.reader.session() as conn:
        version = await rebuild_rows.begin_or_resume(conn)
        built = await rebuild_rows.build(conn, home.keyring, [key, other])
    assert set(built) == {key, other}
    await purge(home, gone)
    async with home.reader.session() as conn:
        await rebuild_rows.write(conn, version, built)
        assert set(await rows.load_views(conn, version, [key, other])) == {other}
    assert await rebuild(home.reader, home.keyring) == version
    assert await verify(home.reader, home.keyring, version) == []
    await switch(home.reader, home.keyring, version)
    assert await left(home, gone) == {}
    assert [one.status for one in await list_projections(home.reader)] == ["live"]


async def test_a_revision_passes_them_over(home: Home) -> None:
    gone = await a_client(home)
    await purge(home, gone)
    await Reviser(home.database, home.store, home.keyring).revise(TENANT)
    assert await left(home, gone) == {}
