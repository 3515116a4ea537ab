"""Load, decide, append: the only place where commands about care meet the store."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from services.intake.claims import ClaimNames
from services.intake.consent_defaults import ConsentDefaults
from services.intake.desk import Desk, Options
from services.intake.fulfilling import Outcome, try_to
from services.intake.intents import Intent, Look
from services.intake.races import ATTEMPTS, Queues, again_where_lost
from services.intake.references import claims_of, stream_of, streams_of
from services.intake.standing import closed
from shared.clock import Clock
from shared.database import Database
from shared.errors import Conflict, HeroicError
from shared.eventstore import (
    Claimed,
    EventStore,
    IdempotencyKey,
    StoredResponse,
    Write,
    Written,
    WrongVersion,
)
from shared.ids import new_id
from shared.privacy import Keyring
from shared.security.looked import Looked
from shared.telemetry import current_trace_id, current_traceparent

BULK = "bulk"
"""The queue of bulk calls that lost a race."""

Result = Outcome | HeroicError
Render = Callable[[Outcome], bytes]
Guard = Callable[[Desk, Intent], Awaitable[None]]
"""Lets an intent pass whose speaker reaches those on the desk of whom it speaks, or raises."""
Tell = Callable[[Outcome], Sequence[Looked]]
"""What is written down of what became of an intent."""


class Handlers:
    """Fulfils intents of one organisation at a time."""

    def __init__(
        self, store: EventStore, keyring: Keyring, clock: Clock, database: Database
    ) -> None:
        self._store = store
        self._database = database
        self._defaults = ConsentDefaults(store)
        self._keyring = keyring
        self._clock = clock
        self._queues = Queues()

    async def one(
        self,
        tenant: str,
        intent: Intent,
        render: Render,
        *,
        options: Options | None = None,
        key: IdempotencyKey | None = None,
        status: Callable[[Outcome], int],
        guard: Guard | None = None,
        tell: Tell = lambda _: (),
    ) -> tuple[StoredResponse, Outcome | None]:
        """Fulfil one intent and say what to answer; with `key`, once, however often it is asked.

        There is no outcome where the answer is that of an earlier request, which `guard` must let
        pass too. Without a guard whoever asks reaches everybody. What `tell` says is written with
        what changes; where nothing does, it is not.
        """

        async def earlier() -> StoredResponse | None:
            return None if key is None else await self._store.stored_response(tenant, key)

        if guard is None and (answered := await earlier()) is not None:
            return answered, None

        async def attempt() -> tuple[StoredResponse, Outcome | None]:
            desk = await self._load(tenant, [intent], options or Options())
            if guard is not None:
                await guard(desk, intent)
                if (answered := await earlier()) is not None:
                    return answered, None
            outcome = try_to(desk, intent)
            if isinstance(outcome, HeroicError):
                raise outcome
            answer = StoredResponse(status(outcome), render(outcome))
            write = desk.write(outcome.group)
            if write is None:
                return answer, outcome
            await self._create_keys(desk, [outcome.group])
            write = msgspec.structs.replace(write, looked=tell(outcome))
            written = await self._store.write(_answered(write, key, answer))
            return (written.replayed, None) if written.replayed else (answer, outcome)

        return await again_where_lost(self._queues, tenant, attempt)

    async def many(self, tenant: str, intents: Sequence[Intent], options: Options) -> list[Result]:
        """Fulfil intents in their order, as if one by one; an error stands where one failed.

        What concerns one client is written in one transaction, or decided anew.
        """
        results = await self._attempt_many(tenant, intents, options)
        lost = _lost(results)
        if not lost:
            return results
        async with self._queues.of((tenant, BULK)):
            for _ in range(ATTEMPTS):
                again = await self._attempt_many(tenant, [intents[i] for i in lost], options)
                for i, result in zip(lost, again, strict=True):
                    results[i] = result
                lost = _lost(results)
                if not lost:
                    break
        return results

    async def _attempt_many(
        self, tenant: str, intents: Sequence[Intent], options: Options
    ) -> list[Result]:
        desk = await self._load(tenant, intents, options)
        tried = [try_to(desk, intent) for intent in intents]
        failed = await self._write(desk)
        return [
            failed.get(result.group, result) if isinstance(result, Outcome) else result
            for result in tried
        ]

    async def rehearse(self, desk: Desk, intents: Sequence[Intent]) -> list[Result]:
        """What would become of intents after all that was rehearsed on `desk` before."""
        await self._lay_out(desk, intents)
        return [try_to(desk, intent) for intent in intents]

    async def desk(self, tenant: str, options: Options) -> Desk:
        """An empty desk."""
        return Desk(
            tenant=tenant,
            now=self._clock(),
            options=options,
            names=ClaimNames(await self._keyring.hasher(tenant)),
            new_id=new_id,
            defaults=await self._defaults.of(tenant),
        )

    async def look(self, tenant: str, intent: Look) -> Desk:
        """A desk with what `intent` asks to see."""
        return await self._load(tenant, [intent], Options())

    async def _load(self, tenant: str, intents: Sequence[Intent], options: Options) -> Desk:
        desk = await self.desk(tenant, options)
        await self._lay_out(desk, intents)
        return desk

    async def _lay_out(self, desk: Desk, intents: Sequence[Intent]) -> None:
        """Lay all that `intents` speak of on the desk: two round trips, however many they are.

        There are more where clients were merged, or where episodes come without their clients.
        """
        claims = {claim for intent in intents for claim in claims_of(intent, desk.names)}
        streams = {stream for intent in intents for stream in streams_of(intent)}
        if claims:
            heads = await self._store.heads(desk.tenant, sorted(claims))
            for claim, head in heads.items():
                if head.ref is not None:
                    desk.put_claim(claim, head.ref)
                    streams.add(stream_of(claim, head.ref))
        for _ in range(ATTEMPTS):
            await self._read(desk, streams)
            streams = desk.torn()
            if not streams:
                break
            desk.forget(streams)
        else:
            raise Conflict("Who is who changes all the time; ask again.")
        desk.closed |= await closed(self._database, desk.tenant, desk.unseen())

    async def _read(self, desk: Desk, streams: AbstractSet[str]) -> None:
        """Lay streams on the desk, and those of everybody who is the same person."""
        read: set[str] = set()
        while unread := streams - read:
            found = await self._store.read_many(desk.tenant, sorted(unread))
            for stream, events in found.items():
                desk.put_stream(stream, [event.data for event in events])
            read |= unread
            streams = desk.unread()

    async def _write(self, desk: Desk) -> dict[str, HeroicError]:
        """Write everything on the desk; the clients for whom it failed, and why."""
        writes = {client_id: desk.write(client_id) for client_id in desk.groups}
        wanted = {client_id: write for client_id, write in writes.items() if write is not None}
        await self._create_keys(desk, wanted)
        results = await self._store.write_many([_traced(write) for write in wanted.values()])
        return {
            client_id: result
            for client_id, result in zip(wanted, results, strict=True)
            if not isinstance(result, Written)
        }

    async def _create_keys(self, desk: Desk, client_ids: Iterable[str]) -> None:
        new = [(desk.tenant, one) for one in client_ids if desk.groups[one].is_new]
        if new:
            await self._keyring.create(new)


def _lost(results: Sequence[Result]) -> list[int]:
    """Which of them lost a race."""
    return [i for i, result in enumerate(results) if isinstance(result, WrongVersion | Claimed)]


def _answered(write: Write, key: IdempotencyKey | None, answer: StoredResponse) -> Write:
    if key is None:
        return _traced(write)
    return _traced(
        msgspec.structs.replace(
            write, idempotency=key, response=answer.body, response_status=answer.status
        )
    )


def _traced(write: Write) -> Write:
    return msgspec.structs.replace(
        write, traceparent=current_traceparent(), correlation_id=current_trace_id() or ""
    )
