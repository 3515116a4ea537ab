"""What an append costs with a million events stored, against ten thousand."""

import asyncpg

from shared.ids import new_id
from tests.benchmarks.append import RATINGS_A_STREAM, TENANTS, fresh, group_commit
from tests.benchmarks.harness import Environment, Result, compare
from tests.support.eventstore import open_home

NAMES = ("flatness_append",)

FEW, MANY = 10_000, 1_000_000
CHUNK = 100_000

FILL_STREAMS = """
INSERT INTO streams (tenant, stream, version, subject, last_id)
SELECT ($1::text[])[1 + n % $2], 'feedback-' || uuidv7(), $3, uuidv7()::text, uuidv7()
FROM generate_series(1, $4::int) AS n"""

FILL_EVENTS = """
INSERT INTO events (tenant, stream, version, id, type, subject, schema_version, recorded_at,
    correlation_id, data)
SELECT s.tenant, s.stream, n, uuidv7(), 'heroic.feedback.RatingSubmitted', s.subject, 1, now(),
    s.last_id::text, convert_to(repeat(md5(s.stream), 18), 'UTF8')
FROM (SELECT * FROM streams ORDER BY stream OFFSET $1 LIMIT $2) s, generate_series(1, $3) AS n"""


async def fill(admin_url: str, tenants: list[str], number: int) -> None:
    """Put `number` events into the store, as a superuser whom no wall stops."""
    connection = await asyncpg.connect(admin_url)
    streams = number // RATINGS_A_STREAM
    await connection.execute(FILL_STREAMS, tenants, TENANTS, RATINGS_A_STREAM, streams)
    step = CHUNK // RATINGS_A_STREAM
    for start in range(0, streams, step):
        await connection.execute(FILL_EVENTS, start, step, RATINGS_A_STREAM)
    await connection.execute("VACUUM ANALYZE events, streams")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def run(environment: Environment) -> dict[str, Result]:
    """Append to a store with few and to one with many events, in turn."""
    tenants = [new_id() for _ in range(TENANTS)]
    few, many = await fresh(environment), await fresh(environment)
    await fill(environment.admin_url(few[0]), tenants, FEW)
    await fill(environment.admin_url(many[0]), tenants, MANY)
    async with open_home(*few) as small, open_home(*many) as large:

        async def at_few() -> float:
            return 1e6 / await group_commit(small.store, small.keyring, tenants)

        async def at_many() -> float:
            return 1e6 / await group_commit(large.store, large.keyring, tenants)

        note = f"{MANY:,} events stored against {FEW:,}"
        result = await compare(environment, at_many, at_few, unit="µs an event", note=note)
    return {"flatness_append": result}
