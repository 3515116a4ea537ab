"""Making a version of the projection anew from the journal, beside the one that is read.

    version = await rebuild(database, keyring)     # in chunks; killed, it goes on where it was
    differences = await verify(database, keyring, version)
    await switch(database, keyring, version)       # all at once, for every reader

Live traffic goes on meanwhile. Whoever's view changes while the rebuild runs stands in
`view_changes` and is built again; the last few of them inside the switch, which holds writers of
views up for that moment. All of it wants the role that sees every tenant.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.outcomes import rebuild_rows as rows
from services.outcomes.domain.state import canonical, unpack
from services.outcomes.rebuild_rows import Built, Projection
from services.outcomes.rows import ClientKey, Packed
from shared.database import Database, driver
from shared.errors import Conflict
from shared.privacy import Keyring
from shared.purging import no_purge

CHUNK = 200
"""Clients of one transaction: well below the 250 ms for which a transaction may write."""

FIRST: ClientKey = ("", "")


class Difference(NamedTuple):
    """A client of whom a version says something else than the journal does."""

    tenant: str
    client_id: str


class TooMuchChanged(Conflict):
    """More views changed than can be built again while writers wait: try the switch again."""

    code, title = "too_much_changed", "Too much changed in the meantime"


async def list_projections(database: Database) -> list[Projection]:
    """Every version, oldest first."""
    async with database.session() as conn:
        return await rows.list_versions(conn)


async def rebuild(database: Database, keyring: Keyring) -> int:
    """Build the next version for every client, or go on with one that was begun; its number."""
    async with database.session() as conn:
        version = await rows.begin_or_resume(conn)
    after = FIRST
    while True:
        async with database.session() as conn:
            keys = await rows.lacking(conn, version, after, CHUNK)
        if not keys:
            break
        await _build(database, keyring, version, keys)
        after = keys[-1]
    await _catch_up(database, keyring, version)
    return version


async def verify(database: Database, keyring: Keyring, version: int) -> list[Difference]:
    """The clients of whom `version` differs from a fold of the journal.

    A client who is written to at this moment is looked at again. Of somebody whose key is gone
    the journal says nothing any more: there is nothing to compare.
    """
    differences: list[Difference] = []
    after = FIRST
    while True:
        async with database.session() as conn:
            keys = await rows.everybody(conn, version, after, CHUNK)
        if not keys:
            return differences
        doubtful = await _differing(database, keyring, version, keys)
        if doubtful:
            doubtful = await _differing(database, keyring, version, doubtful)
        differences += [Difference(*key) for key in doubtful]
        after = keys[-1]


async def switch(database: Database, keyring: Keyring, version: int) -> None:
    """Let everybody read `version` from now on, in one transaction; sweep the old one away.

    Raises NotFound where no such version is being built.
    """
    await _catch_up(database, keyring, version)
    async with database.session() as conn:
        await rows.hold_writers(conn)
        # Nobody is in the middle of a change now, so the horizon does not matter. A purge that
        # waits for this removes what is written here.
        changed = await rows.changed(conn, version)
        if len(changed) > CHUNK:
            raise TooMuchChanged
        await rows.write(conn, version, await rows.build(conn, keyring, changed))
        await rows.go_live(conn, version)
    more = True
    while more:
        async with database.session() as conn:
            more = await rows.sweep(conn)


async def _catch_up(database: Database, keyring: Keyring, version: int) -> None:
    """Build again whoever changed since the rebuild began or caught up last."""
    async with database.session() as conn:
        until = await rows.horizon(conn)
        changed = await rows.changed(conn, version)
    for start in range(0, len(changed), CHUNK):
        await _build(database, keyring, version, changed[start : start + CHUNK])
    async with database.session() as conn:
        await rows.caught_up(conn, version, until)


async def _build(
    database: Database, keyring: Keyring, version: int, keys: Sequence[ClientKey]
) -> None:
    async with database.session() as conn:
        built = await rows.build(conn, keyring, keys)
    async with database.session() as conn:
        await no_purge(driver(conn), {tenant for tenant, _ in keys})
        await rows.write(conn, version, built)


async def _differing(
    database: Database, keyring: Keyring, version: int, keys: Sequence[ClientKey]
) -> list[ClientKey]:
    async with database.session() as conn:
        stored = await rows.stored(conn, version, keys)
        built = await rows.build(conn, keyring, keys)
    return [key for key in keys if key in built and _differs(stored[key], built[key])]


def _differs(stored: Packed, built: Built) -> bool:
    if any(
        rating.erased
        for said in built.state.said.values()
        for series in said.series
        for rating in series.ratings
    ):
        return False
    state = unpack(stored.state)
    if built.state.sex is None:
        # What the journal does not say any more is erased, also where there are no ratings.
        state.sex = None
    return canonical(state) != canonical(built.state)
