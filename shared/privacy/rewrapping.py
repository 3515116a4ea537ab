"""Wrapping keys anew by the present key-encryption key, while everything runs.

Events are not touched: they are sealed under subjects' keys, and those stay what they are.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.database import Database
from shared.privacy.errors import SubjectRef
from shared.privacy.wrapping import KeyWrapper, Wrapped

AT_ONCE = 500

# In the order of the primary key, so that a run looks at each row once and, broken off, begins
# anew where it was: what is done already is passed over.
STALE = """
SELECT tenant, subject, wrapped_by, wrapped_key FROM subject_keys
WHERE wrapped_key IS NOT NULL AND wrapped_by <> $1 AND (tenant, subject) > ($2, $3)
ORDER BY tenant, subject LIMIT $4
"""

# Only where it still is what was read: a key that was destroyed meanwhile stays destroyed.
REPLACE = """
UPDATE subject_keys AS key SET wrapped_by = $5, wrapped_key = made.anew
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])
    AS made (tenant, subject, before, anew)
WHERE key.tenant = made.tenant AND key.subject = made.subject AND key.wrapped_key = made.before
"""

BY_KEY = """
SELECT wrapped_by, count(*) AS keys FROM subject_keys WHERE wrapped_key IS NOT NULL GROUP BY 1
"""


class Rewrapped(NamedTuple):
    """What a run has done, and by which key all are wrapped now."""

    key_id: str
    keys: int


async def rewrap(database: Database, wrapper: KeyWrapper, *, at_once: int = AT_ONCE) -> Rewrapped:
    """Wrap by the present key whatever another one wrapped; `database` sees every tenant.

    May be broken off and run again at any time. Raises `Unavailable` where a key is met that none
    of the key-encryption keys opens; those before it are done.
    """
    done, last = 0, ("", "")
    async with database.raw() as conn:
        while rows := await conn.fetch(STALE, wrapper.key_id, *last, at_once):
            stale = {(row[0], row[1]): Wrapped(row[2], row[3]) for row in rows}
            anew = await wrapper.wrap(await wrapper.unwrap(stale))
            status = await conn.execute(REPLACE, *_columns(stale, anew), wrapper.key_id)
            done += int(status.split()[-1])
            last = rows[-1][0], rows[-1][1]
    return Rewrapped(wrapper.key_id, done)


async def wrapped_by(database: Database) -> dict[str, int]:
    """How many keys each key-encryption key has wrapped."""
    async with database.raw() as conn:
        return {row["wrapped_by"]: row["keys"] for row in await conn.fetch(BY_KEY)}


def _columns(
    stale: dict[SubjectRef, Wrapped], anew: dict[SubjectRef, Wrapped]
) -> Iterable[list[str] | list[bytes]]:
    refs = list(stale)
    yield [tenant for tenant, _ in refs]
    yield [subject for _, subject in refs]
    yield [stale[ref].sealed for ref in refs]
    yield [anew[ref].sealed for ref in refs]
