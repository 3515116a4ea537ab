"""The event store of one service: append, heads, read."""

import asyncio
from collections.abc import Sequence

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import Clock, utc_now
from shared.contracts import Event, Recorded
from shared.database import Database, driver, is_transient
from shared.errors import HeroicError, Invalid, Unavailable
from shared.eventstore.append import Outcome, append, refusal
from shared.eventstore.groupcommit import GroupCommit
from shared.eventstore.model import (
    Head,
    IdempotencyKey,
    IdempotencyMismatch,
    StoredResponse,
    Write,
    Written,
)
from shared.eventstore.prepare import Prepared, open_response, prepare_all
from shared.eventstore.reading import HEADS, HEADS_IN, READ, READ_IN, RESPONSE, open_rows
from shared.privacy import Keyring


class EventStore:
    """The events of one service in the role `heroic_app`: each call sees the tenants it names.

    Every call raises `Unavailable` where the database is away or too slow.
    """

    def __init__(
        self, database: Database, keyring: Keyring, clock: Clock = utc_now, *, service: str
    ) -> None:
        self.service = service
        self._known_epoch = 0
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._commits = GroupCommit(database.url, clock, name=f"heroic-{service}-append")

    async def start(self) -> None:
        """Begin to take writes."""
        await self._commits.start()

    async def stop(self) -> None:
        """Commit what waits and take no more."""
        await self._commits.stop()

    async def check(self) -> None:
        """Return where writes would be taken and the database answers; raises Unavailable."""
        if not self._commits.running:
            raise Unavailable("the event store is not running")
        async with self._database.raw() as connection:
            await connection.fetchval("SELECT 1")

    async def write(self, write: Write) -> Written:
        """All of `write`, durable, or nothing.

        Raises WrongVersion, Claimed, IdempotencyMismatch, TooLarge, Invalid, SubjectErased,
        DuplicateEvent, Unavailable (nothing was written) and OutcomeUnknown.
        """
        [prepared] = await prepare_all([write], self._keyring)
        return await self._result(write, await self._commits.submit(prepared))

    async def write_many(self, writes: Sequence[Write]) -> list[Written | HeroicError]:
        """Each as `write` would, committed together; what would be raised stands in its place."""
        prepared = await self._prepare_each(writes)
        pending = [self._submit(one) for one in prepared]
        return [
            await self._result_or_error(write, one if isinstance(one, HeroicError) else await one)
            for write, one in zip(writes, pending, strict=True)
        ]

    async def write_in(self, connection: AsyncConnection, writes: Sequence[Write]) -> list[Written]:
        """All of `writes` or none, in the caller's transaction, as its first write.

        The transaction must name the tenants of all of them; there is no idempotency here, since
        a consumer has its own. Raises as `write` does; the transaction cannot go on then.
        """
        if not writes:
            return []
        if any(write.idempotency for write in writes):
            raise Invalid("no idempotency keys inside a caller's transaction")
        prepared = await prepare_all(writes, self._keyring)
        try:
            outcomes = await append(
                driver(connection), prepared, self._clock(), own_transaction=False
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if is_transient(error):
                raise
            raise refusal(error, prepared[0]) from error
        return [
            await self._result(write, outcome)
            for write, outcome in zip(writes, outcomes, strict=True)
        ]

    async def heads(self, tenant: str, streams: Sequence[str]) -> dict[str, Head]:
        """Where `streams` stand, in one round trip; those that are not there are left out."""
        async with self._database.raw() as connection:
            return heads_of(await connection.fetch(HEADS, tenant, streams))

    async def heads_in(
        self, connection: AsyncConnection, tenant: str, streams: Sequence[str]
    ) -> dict[str, Head]:
        """As `heads`, in the caller's transaction."""
        return heads_of(await driver(connection).fetch(HEADS_IN, tenant, streams))

    async def read(self, tenant: str, stream: str, *, after: int = 0) -> list[Recorded[Event]]:
        """The events of one stream above version `after`, in order."""
        async with self._database.raw() as connection:
            rows = await connection.fetch(READ, tenant, [stream], after)
            epoch = await self._epoch(connection)
        return await open_rows(rows, self._keyring, epoch)

    async def read_in(
        self, connection: AsyncConnection, tenant: str, stream: str, *, after: int = 0
    ) -> list[Recorded[Event]]:
        """As `read`, in the caller's transaction."""
        raw = driver(connection)
        rows = await raw.fetch(READ_IN, tenant, [stream], after)
        return await open_rows(rows, self._keyring, await self._epoch(raw))

    async def read_many(
        self, tenant: str, streams: Sequence[str]
    ) -> dict[str, list[Recorded[Event]]]:
        """The events of each of `streams` in order (an empty list where there are none)."""
        async with self._database.raw() as connection:
            rows = await connection.fetch(READ, tenant, streams, 0)
            epoch = await self._epoch(connection)
        found: dict[str, list[Recorded[Event]]] = {stream: [] for stream in streams}
        for event in await open_rows(rows, self._keyring, epoch):
            found[event.stream].append(event)
        return found

    async def stored_response(self, tenant: str, key: IdempotencyKey) -> StoredResponse | None:
        """The answer to the request that used `key` before; None where none did.

        Raises IdempotencyMismatch where that was another request, SubjectErased where the answer
        was about somebody who is erased.
        """
        async with self._database.raw() as connection:
            row = await connection.fetchrow(RESPONSE, tenant, key.principal, key.key)
        if row is None:
            return None
        if row["request_hash"] != key.request_hash:
            raise IdempotencyMismatch
        return await open_response(tenant, key, row["status"], row["response"], self._keyring)

    async def _epoch(self, connection: asyncpg.Connection) -> int:
        if not self._known_epoch:
            self._known_epoch = await connection.fetchval("SELECT epoch FROM installation")
        return self._known_epoch

    async def _prepare_each(self, writes: Sequence[Write]) -> list[Prepared | HeroicError]:
        try:
            return [*await prepare_all(writes, self._keyring)]
        except Unavailable:
            raise
        except HeroicError as error:
            if len(writes) == 1:
                return [error]
        # One of them is wrong: find out which.
        return [one for write in writes for one in await self._prepare_each([write])]

    def _submit(self, prepared: Prepared | HeroicError) -> "asyncio.Future[Outcome] | HeroicError":
        if isinstance(prepared, HeroicError):
            return prepared
        try:
            return self._commits.submit(prepared)
        except Unavailable as error:
            return error

    async def _result_or_error(self, write: Write, outcome: Outcome) -> Written | HeroicError:
        try:
            return await self._result(write, outcome)
        except HeroicError as error:
            return error

    async def _result(self, write: Write, outcome: Outcome) -> Written:
        if isinstance(outcome, Written):
            return outcome
        if outcome is not None:
            raise outcome
        key = write.idempotency
        replayed = await self.stored_response(write.tenant, key) if key else None
        if replayed is None:
            raise Unavailable("the answer to the same request of before is gone")
        return Written(positions=[], recorded_at=self._clock(), replayed=replayed)


def heads_of(rows: Sequence[asyncpg.Record]) -> dict[str, Head]:
    """The heads by their streams."""
    return {row["stream"]: Head(row["version"], row["ref"], row["subject"]) for row in rows}
