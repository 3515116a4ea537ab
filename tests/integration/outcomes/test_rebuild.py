"""A rebuild from the journal gives what live traffic gave, and switches at once."""

import asyncio

import pytest
from sqlalchemy import true

from services.outcomes import rebuild_rows, rows
from services.outcomes.domain.state import canonical
from services.outcomes.lists import Filters
from services.outcomes.rebuild import list_projections, rebuild, switch, verify
from services.outcomes.rows import StaleState
from shared.database import driver
from shared.errors import NotFound
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.unit.outcomes.story import TENANT, Story


def a_client(number: int) -> Story:
    story = Story(new_id(), new_id())
    story.register()
    story.open()
    story.rate("a", 200, day=0, note="first words")
    story.rate("b", 200 + number * 10, day=7)
    story.correct("a", 210, day=1)
    return story


async def some_clients(home: Home, count: int = 5) -> list[Story]:
    stories = [a_client(number) for number in range(count)]
    for story in stories:
        await home.live(*story.events)
    return stories


async def views_of(home: Home, stories: list[Story]) -> list[bytes]:
    found = [await home.views.now(TENANT, story.client_id) for story in stories]
    return [canonical(one.states[0]) for one in found]


async def test_a_rebuild_equals_the_live_projection_and_takes_its_place(home: Home) -> None:
    stories = await some_clients(home)
    live = await views_of(home, stories)
    summaries = await home.views.caseload(TENANT, Filters(), None, 100, true())
    version = await rebuild(home.reader, home.keyring)
    assert version == 2
    assert await verify(home.reader, home.keyring, 1) == []
    assert await verify(home.reader, home.keyring, 2) == []
    await switch(home.reader, home.keyring, 2)
    assert await views_of(home, stories) == live
    after = await home.views.caseload(TENANT, Filters(), None, 100, true())
    assert [row[3:] for row in after] == [row[3:] for row in summaries]
    [only] = await list_projections(home.reader)
    assert (only.version, only.status, only.clients) == (2, "live", len(stories))


async def test_what_comes_while_a_rebuild_runs_is_in_the_new_version(home: Home) -> None:
    stories = await some_clients(home)
    version = await rebuild(home.reader, home.keyring)
    await home.live(stories[0].rate("later", 300, day=9))
    newcomer = a_client(9)
    await home.live(*newcomer.events)
    live = await views_of(home, [*stories, newcomer])
    await switch(home.reader, home.keyring, version)
    assert await views_of(home, [*stories, newcomer]) == live
    await home.live(stories[0].rate("last", 310, day=10))
    assert await verify(home.reader, home.keyring, version) == []


async def test_a_batch_that_was_computed_before_the_switch_is_begun_again(home: Home) -> None:
    [story] = await some_clients(home, 1)
    version = await rebuild(home.reader, home.keyring)
    batch = await home.records([story.rate("late", 300, day=9)])
    async with home.database.session(TENANT) as conn:
        plan = await home.projector.prepare(conn, batch)
        switching = asyncio.create_task(switch(home.reader, home.keyring, version))
        await asyncio.wait_for(switching, 5)
        with pytest.raises(StaleState):
            await plan.apply(conn)
        await conn.rollback()
    await home.handle(home.projector, batch)
    assert await verify(home.reader, home.keyring, version) == []


async def test_a_killed_rebuild_goes_on_where_it_was(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = await some_clients(home)
    monkeypatch.setattr("services.outcomes.rebuild.CHUNK", 2)
    written = rebuild_rows.write

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rebuild_rows, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        await rebuild(home.reader, home.keyring)
    monkeypatch.setattr(rebuild_rows, "write", written)
    assert [one.status for one in await list_projections(home.reader)] == ["live", "building"]
    assert await rebuild(home.reader, home.keyring) == 2
    assert await verify(home.reader, home.keyring, 2) == []
    versions = await list_projections(home.reader)
    assert [one.clients for one in versions] == [len(stories)] * 2


async def test_verify_finds_a_view_that_says_something_else(home: Home) -> None:
    stories = await some_clients(home, 2)
    async with home.database.session(TENANT) as conn:
        await driver(conn).execute(
            "UPDATE views SET state = (SELECT state FROM views WHERE client_id = $2)"
            " WHERE client_id = $1",
            stories[0].client_id,
            stories[1].client_id,
        )
    [difference] = await verify(home.reader, home.keyring, 1)
    assert difference.client_id == stories[0].client_id


async def test_only_a_version_that_is_being_built_can_go_live(home: Home) -> None:
    await some_clients(home, 1)
    for version in (1, 7):
        with pytest.raises(NotFound):
            await switch(home.reader, home.keyring, version)
    assert [one.status for one in await list_projections(home.reader)] == ["live"]


async def test_the_projector_of_another_process_follows_a_switch(home: Home) -> None:
    [story] = await some_clients(home, 1)
    await switch(home.reader, home.keyring, await rebuild(home.reader, home.keyring))
    batch = await home.records([story.rate("later", 300, day=9)])
    with pytest.raises(StaleState):
        await home.once(home.projector, batch)
    await home.handle(home.projector, batch)
    assert await verify(home.reader, home.keyring, 2) == []


async def test_old_changes_are_forgotten_unless_a_rebuild_still_needs_them(home: Home) -> None:
    async def changes_left() -> int:
        async with home.database.session(TENANT) as conn:
            await rows.prune_changes(conn, [TENANT])
            count: int = await driver(conn).fetchval("SELECT count(*) FROM view_changes")
            return count

    async def an_old_change() -> None:
        async with home.database.session(TENANT) as conn:
            await driver(conn).execute(
                "INSERT INTO view_changes (tenant, client_ids, changed_at)"
                " VALUES ($1, '{}', now() - interval '2 hours')",
                TENANT,
            )

    await an_old_change()
    assert await changes_left() == 0
    version = await rebuild(home.reader, home.keyring)
    await an_old_change()
    assert await changes_left() == 1
    await switch(home.reader, home.keyring, version)
    assert await changes_left() == 0
