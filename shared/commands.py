"""How commands are written: in turn, once a request, with the answer that they get."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakValueDictionary

from shared.contracts import Event
from shared.errors import Conflict
from shared.eventstore import (
    Append,
    Claim,
    Claimed,
    EventStore,
    IdempotencyKey,
    NewEvent,
    StoredResponse,
    Write,
    WrongVersion,
)
from shared.ids import new_id
from shared.security.looked import Looked
from shared.telemetry import current_trace_id, current_traceparent

TRIES = 10
"""How often a command that lost a race is decided anew before its caller is told."""


class Caller(NamedTuple):
    """For whom a command is done, who does it, and the name of the request where it has one."""

    tenant: str
    by: str
    idempotency: IdempotencyKey | None = None


class Stands(NamedTuple):
    """A stream as it was when a command on it was decided, and whose it is."""

    stream: str
    version: int
    subject: str


class Step(NamedTuple):
    """One event that a command leads to, and the stream that it goes to."""

    stands: Stands
    data: Event
    id: str


def step(stands: Stands, event: Event) -> Step:
    """An event under an id of its own."""
    return Step(stands, event, new_id())


class Turns:
    """Lets commands on the same thing queue up in this process once one of them lost a race."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def take(
        self, key: Hashable, once: Callable[[], Awaitable[StoredResponse]]
    ) -> StoredResponse:
        """Do it, and again where somebody else won; Conflict where others keep winning."""
        with suppress(WrongVersion, Claimed):
            return await once()
        async with self._locks.setdefault(key, asyncio.Lock()):
            for _ in range(TRIES):
                with suppress(WrongVersion, Claimed):
                    return await once()
        raise Conflict("Others keep changing this.")


class Writer:
    """Appends what commands lead to."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def stored(self, caller: Caller) -> StoredResponse | None:
        """The answer to the same request of before."""
        if caller.idempotency is None:
            return None
        return await self._store.stored_response(caller.tenant, caller.idempotency)

    async def write(
        self,
        caller: Caller,
        steps: Sequence[Step],
        answer: StoredResponse,
        *,
        claims: Sequence[Claim] = (),
        looked: Sequence[Looked] = (),
    ) -> StoredResponse:
        """Append all `steps` (each to a stream of its own) or none; `answer`, or the one that the
        same request got before. `looked` is written down with it. Kept answers are sealed
        for the subject of the last stream."""
        last = steps[-1]
        written = await self._store.write(
            Write(
                tenant=caller.tenant,
                appends=[append(caller.tenant, one) for one in steps],
                claims=claims,
                idempotency=caller.idempotency,
                response=answer.body,
                response_status=answer.status,
                secret_of=last.stands.subject,
                correlation_id=current_trace_id() or last.id,
                traceparent=current_traceparent(),
                looked=looked,
            )
        )
        return written.replayed or answer


def append(tenant: str, one: Step) -> Append:
    """The step as the store takes it."""
    stands = one.stands
    return Append(
        tenant=tenant,
        stream=stands.stream,
        expected=stands.version,
        events=[NewEvent(id=one.id, data=one.data)],
        subject=stands.subject,
        secret_of=stands.subject,
    )
