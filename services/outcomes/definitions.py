"""Definitions that arrive, and the clients who wait for them.

Feedback publishes an organisation's measures under the organisation's key, so in another partition
than ratings, and a rating may come before the definition that it was scored with. It is then read
as if it had not come, and its client waits; the batch that brings the definition, or the first
one after it, looks at whoever waits again. Both sides take a lock of the organisation: whoever
begins to wait while the definition is being stored finds it there in a second look.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.domain.standards import Standards
from services.outcomes.library import Library
from services.outcomes.opening import ClientEvent
from services.outcomes.rows import ClientKey, StaleState, columns, unnest
from shared.consuming.records import Incoming
from shared.contracts.feedback import MeasurePublished, RatingCorrected, RatingSubmitted
from shared.database import array_literal, driver
from shared.errors import Permanent
from shared.measures import Definition
from shared.privacy import Keyring, open_all

AT_ONCE = 200
"""Clients who are looked at again in one batch: a transaction that writes must be short."""


class BrokenDefinition(Permanent):
    """A published document that is no definition."""

    code, title = "broken_definition", "Not a definition"


class Arrived(NamedTuple):
    """A definition as it is stored."""

    tenant: str
    key: str
    version: int
    document: str


class Waiting(NamedTuple):
    """A client, and the version of a measure whose definition has not arrived."""

    tenant: str
    key: str
    version: int
    client_id: str


ARRIVED = ("text", "text", "int", "text")
ADD = f"""
INSERT INTO definitions (tenant, key, version, document)
SELECT * FROM {unnest(ARRIVED, 1)} ON CONFLICT (tenant, key, version) DO NOTHING
"""  # noqa: S608 - made of types that stand above
# Sorted, so that nobody waits for each other in a circle.
LOCK = """
SELECT pg_advisory_xact_lock_shared(hashtextextended('definitions ' || tenant, 0))
FROM unnest($1::text::text[]) AS t (tenant)
"""
LOCK_ALONE = LOCK.replace("_shared", "")
WAIT = f"""
INSERT INTO waiting (group_name, tenant, key, version, client_id)
SELECT $1, k.* FROM {unnest(ARRIVED, 2)} AS k ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of types that stand above
# Those for whom it is there, or comes with this batch.
READY = f"""
SELECT w.tenant, w.key, w.version, w.client_id FROM waiting AS w
WHERE w.group_name = $1 AND w.tenant = ANY ($2::text::text[]) AND (
    EXISTS (
        SELECT FROM definitions AS d
        WHERE d.tenant = w.tenant AND d.key = w.key AND d.version = w.version
    )
    OR (w.tenant, w.key, w.version) IN (
        SELECT k.tenant, k.key, k.version
        FROM {unnest(ARRIVED, 4)} AS k (tenant, key, version, document)
    )
)
LIMIT $3
"""  # noqa: S608 - made of types that stand above
ARE_THERE = f"""
SELECT EXISTS (
    SELECT FROM {unnest(ARRIVED, 1)} AS k (tenant, key, version, client_id)
    JOIN definitions AS d
        ON d.tenant = k.tenant AND d.key = k.key AND d.version = k.version
)
"""  # noqa: S608 - made of types that stand above
DONE = f"""
DELETE FROM waiting AS w USING {unnest(ARRIVED, 2)} AS k (tenant, key, version, client_id)
WHERE w.group_name = $1 AND w.tenant = k.tenant AND w.key = k.key AND w.version = k.version
    AND w.client_id = k.client_id
"""  # noqa: S608 - made of types that stand above


async def arrived_in(events: Sequence[Incoming], keyring: Keyring) -> list[Arrived]:
    """The definitions that the batch brings; none of an organisation whose key is gone.

    Raises BrokenDefinition, with the id of the event, for a document that is none.
    """
    published = [one.envelope for one in events if one.envelope.event_type == MeasurePublished.type]
    if not published:
        return []
    found = []
    for event in await open_all(published, keyring):
        data = event.data
        if not isinstance(data, MeasurePublished) or data.private is None:
            continue
        one = Arrived(event.tenant, data.key, data.definition_version, data.private.document)
        check(one, event.id)
        found.append(one)
    return sorted(found)


def check(one: Arrived, event_id: str) -> None:
    """Raise BrokenDefinition where the document is none, or that of something else."""
    try:
        definition = msgspec.json.decode(one.document, type=Definition)
    except msgspec.DecodeError:
        definition = None
    if definition is None or (definition.key, definition.version) != (one.key, one.version):
        error = BrokenDefinition()
        error.event_id = event_id  # type: ignore[attr-defined]  # read by the kernel, if there
        raise error


class News(NamedTuple):
    """What a batch means for definitions: those that arrive in it, the standards with them, and
    who ends to wait."""

    arrived: list[Arrived]
    standards: dict[str, Standards]
    done: list[Waiting]

    @property
    def clients(self) -> set[ClientKey]:
        """The clients to be looked at again."""
        return {(one.tenant, one.client_id) for one in self.done}


async def look_up(
    conn: AsyncConnection,
    group: str,
    events: Sequence[Incoming],
    library: Library,
    keyring: Keyring,
) -> News:
    """What the ratings of a batch are judged by, and whom its definitions concern."""
    arrived = await arrived_in(events, keyring)
    await hold(conn, arrived)
    shelf = await library.look(conn, {one.envelope.tenant for one in events})
    done = await ready(conn, group, shelf.waited_in, arrived)
    return News(arrived, with_arrived(shelf.standards, arrived), done)


def with_arrived(
    standards: Mapping[str, Standards], arrived: Iterable[Arrived]
) -> dict[str, Standards]:
    """The standards of a batch with what comes in it."""
    found = dict(standards)
    for one in arrived:
        before = found[one.tenant]
        definition = msgspec.json.decode(one.document, type=Definition)
        definitions = {(one.key, one.version): definition, **before.definitions}
        found[one.tenant] = before._replace(definitions=definitions)
    return found


def lacking(events: Iterable[ClientEvent], standards: Mapping[str, Standards]) -> list[Waiting]:
    """Who begins to wait: clients with a rating whose definition has not arrived."""
    found = set()
    for (tenant, client_id), event, _ in events:
        data = event.data
        if isinstance(data, RatingSubmitted | RatingCorrected):
            name = data.measure, data.definition_version
            if name not in standards[tenant].definitions:
                found.add(Waiting(tenant, *name, client_id))
    return sorted(found)


async def ready(
    conn: AsyncConnection, group: str, tenants: Collection[str], arrived: Sequence[Arrived]
) -> list[Waiting]:
    """Clients of `tenants` who need not wait any more, some of them at a time."""
    if not tenants:
        return []
    asked = array_literal(sorted(tenants))
    arrays = columns(arrived, ARRIVED)
    found = await driver(conn).fetch(READY, group, asked, AT_ONCE, *arrays)
    return sorted(Waiting(*row) for row in found)


async def hold(conn: AsyncConnection, arrived: Iterable[Arrived]) -> None:
    """Let nobody of these organisations begin to wait until this transaction is over."""
    tenants = sorted({one.tenant for one in arrived})
    if tenants:
        await driver(conn).execute(LOCK_ALONE, array_literal(tenants))


async def write(
    conn: AsyncConnection,
    group: str,
    arrived: Sequence[Arrived],
    waiting: Sequence[Waiting],
    done: Sequence[Waiting],
) -> None:
    """Store definitions, who begins to wait, and who has ended to.

    Raises StaleState where one that somebody would wait for has come in the meantime.
    """
    raw = driver(conn)
    if arrived:
        await raw.execute(ADD, *columns(arrived, ARRIVED))
    if waiting:
        await raw.execute(LOCK, array_literal(sorted({one.tenant for one in waiting})))
        if await raw.fetchval(ARE_THERE, *columns(waiting, ARRIVED)):
            raise StaleState
        await raw.execute(WAIT, group, *columns(waiting, ARRIVED))
    if done:
        await raw.execute(DONE, group, *columns(done, ARRIVED))
