"""The one way into the event table: the function heroic_append, and what its answers mean."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from shared.errors import Conflict, Forbidden, HeroicError, Invalid
from shared.eventstore.model import (
    Claimed,
    DuplicateEvent,
    IdempotencyMismatch,
    Written,
    WrongVersion,
)
from shared.eventstore.prepare import Columns, Prepared
from shared.security.looked import looked_call, looked_columns

# Texts and ids come as one literal an array: see array_literal.
APPEND = """heroic_append($1, $2, $3,
    $4, $5::text::text[], $6::text::text[], $7, $8, $9::text::text[], $10::text::text[],
    $11::text::uuid[],
    $12, $13::text::text[], $14::text::text[], $15::text::text[], $16, $17, $18,
    $19, $20::text::text[], $21::text::text[], $22, $23::text::uuid[], $24::text::text[],
    $25::text::text[], $26, $27::text::text[], $28::text::text[], $29::text::text[], $30)"""
CALL = f"SELECT * FROM {APPEND}"  # noqa: S608 - places alone
CALL_LOOKED = f"""
SELECT a.outcome, a.positions, a.was, a.was_ref, access_looked(a.outcome, $31, {looked_call(32)})
FROM {APPEND} AS a
"""  # noqa: S608 - places alone

WRITTEN, STALE, REPEATED, MISMATCH = range(4)

Outcome = Written | HeroicError | None
"""None: the key was used for the same request before, and its answer is to be read."""


async def append(
    connection: asyncpg.Connection,
    batch: Sequence[Prepared],
    recorded_at: datetime,
    *,
    own_transaction: bool,
    seconds: float | None = None,
) -> list[Outcome]:
    """Write `batch` in one round trip; an outcome for each.

    With `own_transaction` the call is a transaction of its own that sees the tenants of the batch,
    else it is part of the caller's, which has named its tenants. Raises what asyncpg raises.
    """
    columns = Columns(batch)
    tenants = columns.tenants if own_transaction else None
    arguments = columns.arguments(tenants, recorded_at)
    looked = [(number, row) for number, one in enumerate(batch, 1) for row in one.write.looked]
    call = CALL
    if looked:
        callers, rows = zip(*looked, strict=True)
        call, arguments = CALL_LOOKED, [*arguments, callers, *looked_columns(rows)]
    row = await connection.fetchrow(call, *arguments, timeout=seconds)
    return outcomes(batch, columns, row, recorded_at)


def outcomes(
    batch: Sequence[Prepared], columns: Columns, row: asyncpg.Record, recorded_at: datetime
) -> list[Outcome]:
    """What the answer of heroic_append says to each caller."""
    positions = iter(row["positions"] or ())
    stale = stale_heads(columns, row) if STALE in row["outcome"] else {}
    result: list[Outcome] = []
    for number, (prepared, outcome) in enumerate(zip(batch, row["outcome"], strict=True), 1):
        if outcome == WRITTEN:
            mine = [next(positions) for _ in prepared.events]
            result.append(Written(positions=mine, recorded_at=recorded_at))
        elif outcome == STALE:
            head = prepared.heads[0]
            lost = WrongVersion(head.stream, head.expected, head.expected)
            result.append(stale.get(number, lost))
        else:
            result.append(None if outcome == REPEATED else IdempotencyMismatch())
    return result


def stale_heads(columns: Columns, row: asyncpg.Record) -> dict[int, HeroicError]:
    """For each caller the first of its heads that was not as expected."""
    streams, expected, versions = columns.heads[1:4]
    errors: dict[int, HeroicError] = {}
    for caller, stream, wanted, version, found, ref in zip(
        columns.heads[7], streams, expected, versions, row["was"], row["was_ref"], strict=True
    ):
        if wanted < 0 or found == (wanted or None):
            continue
        if version == 0:
            errors.setdefault(caller, Claimed(stream, ref))
        else:
            errors.setdefault(caller, WrongVersion(stream, wanted, found or 0))
    return errors


def refusal(error: Exception, prepared: Prepared) -> HeroicError:
    """What a refusal of `prepared` alone means to its caller; `error` is its cause."""
    meaning = meaning_of(error, prepared)
    meaning.__cause__ = error
    return meaning


def meaning_of(error: Exception, prepared: Prepared) -> HeroicError:
    """The error of ours that stands for one of asyncpg's about a row."""
    if isinstance(error, asyncpg.UniqueViolationError):
        if error.constraint_name == "events_id":
            return DuplicateEvent("an event with this id has been written before")
        head = prepared.heads[0]
        return WrongVersion(head.stream, head.expected, head.version)
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return Forbidden("a row of a tenant that the transaction did not name")
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return Conflict("the database refused a row")
    if isinstance(error, (asyncpg.DataError, ValueError)):
        return Invalid("the database cannot hold one of the values")
    return HeroicError("the database refused a statement of the event store")
