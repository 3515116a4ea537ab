"""Commands on one rating: load, decide, append."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from weakref import WeakValueDictionary

from services.feedback.answers import bare_answer, rating_answer, submitted_answer
from services.feedback.domain import ratings
from services.feedback.domain.episode import Episode, Reference
from services.feedback.domain.state import Correction, Feedback, Given, Rating, evolve, fold
from services.feedback.lookup import Holder, Known, episode_of, stream_of, stream_of_rating
from services.feedback.places import Place, Places, claim_of, claim_stream
from shared.clock import AHEAD, Clock
from shared.contracts import Event
from shared.database import Database
from shared.errors import Conflict, PreconditionFailed
from shared.eventstore import (
    Append,
    Claimed,
    EventStore,
    IdempotencyKey,
    NewEvent,
    StoredResponse,
    Write,
    WrongVersion,
)
from shared.ids import new_id
from shared.privacy import Keyring
from shared.telemetry import current_trace_id, current_traceparent

TRIES = 10
"""How often a command that lost a race is decided anew before its caller is told."""

CORRECTED_BY_FEED = "The feed sent the rating with other content."


class Caller(NamedTuple):
    """For whom a command is done, and the name of the request where it has one."""

    tenant: str
    idempotency: IdempotencyKey | None = None


class Commands:
    """What may be done to one rating. Every method gives the status and body of the answer.

    Raises the errors of `domain.ratings`, NotFound, NotYetHere, Unavailable, and Conflict where
    others kept winning the race for the stream.
    """

    def __init__(
        self,
        database: Database,
        store: EventStore,
        keyring: Keyring,
        places: Places,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._keyring = keyring
        self._places = places
        self._clock = clock
        self._turns: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    async def submit(
        self, caller: Caller, reference: Reference, given: Given, *, correct: bool = False
    ) -> StoredResponse:
        """Take a rating. With the external id of one that is there: the same content changes
        nothing, other content is a Conflict or, with `correct`, a correction."""
        claim = None
        if given.external_id is not None:
            claim = claim_stream(await self._keyring.hasher(caller.tenant), given.external_id)

        async def once() -> StoredResponse:
            place = await self._places.find(caller.tenant, reference, claim)
            if place.holder is not None:
                return await self._again(caller, place, place.holder, given, correct=correct)
            rating_id = new_id()
            event = ratings.submit(given, place.known.episode, rating_id, self._latest())
            answer = submitted_answer(event, place.known.version + 1)
            return await self._write(caller, place.known, rating_id, event, answer, claim=claim)

        return await self._in_turn(caller, reference, once)

    async def correct(
        self, caller: Caller, rating_id: str, asked: Correction, expected: int | None
    ) -> StoredResponse:
        """Let a rating say something else; `expected` is the version that it must have now."""

        def decide(rating: Rating, episode: Episode) -> Event | None:
            given = ratings.with_changes(rating, asked.items, asked.total, asked.occurred_at)
            return ratings.correct(rating, given, asked.reason, episode, self._latest())

        return await self._change(caller, rating_id, expected, decide)

    async def void(
        self, caller: Caller, rating_id: str, reason: str, expected: int | None
    ) -> StoredResponse:
        """Let a rating count no more; `expected` is the version that it must have now."""

        def decide(rating: Rating, episode: Episode) -> Event | None:
            return ratings.void(rating, reason, episode.id)

        return await self._change(caller, rating_id, expected, decide)

    async def decline(
        self, caller: Caller, reference: Reference, measure: str, session_id: str | None
    ) -> StoredResponse:
        """The client would rather not fill in a measure."""

        async def once() -> StoredResponse:
            known = (await self._places.find(caller.tenant, reference, None)).known
            event = ratings.decline(known.episode, measure, session_id, self._clock())
            event_id = new_id()
            answer = bare_answer(event_id, event.episode_id, known.version + 1)
            return await self._write(caller, known, event_id, event, answer)

        return await self._in_turn(caller, reference, once)

    async def _again(
        self, caller: Caller, place: Place, holder: Holder, given: Given, *, correct: bool
    ) -> StoredResponse:
        """The external id is that of a rating that is there."""
        if stored := await self._stored(caller):
            return stored
        episode = place.known.episode
        if holder.episode_id != episode.id:
            raise Conflict("The external id is that of a rating of another episode.")
        feedback = await self._load(caller.tenant, episode.id)
        rating = ratings.find(feedback.ratings, holder.rating_id)
        if ratings.likeness(rating, given) == "same":
            return StoredResponse(200, rating_answer(rating, episode.id))
        if not correct:
            raise Conflict("The external id is that of a rating with other content.")
        event = ratings.correct(rating, given, CORRECTED_BY_FEED, episode, self._latest())
        known = Known(episode, feedback.version)
        return await self._changed(caller, known, rating, event)

    async def _change(
        self,
        caller: Caller,
        rating_id: str,
        expected: int | None,
        decide: Callable[[Rating, Episode], Event | None],
    ) -> StoredResponse:
        """Load the rating, decide, and append what was decided, if anything."""
        stream = await stream_of_rating(self._database, caller.tenant, rating_id)
        reference = Reference(episode_of(stream))

        async def once() -> StoredResponse:
            if stored := await self._stored(caller):
                return stored
            place = await self._places.find(caller.tenant, reference, None)
            feedback = await self._load(caller.tenant, place.known.episode.id)
            rating = ratings.find(feedback.ratings, rating_id)
            if expected is not None and rating.version != expected:
                raise PreconditionFailed
            event = decide(rating, place.known.episode)
            known = Known(place.known.episode, feedback.version)
            return await self._changed(caller, known, rating, event)

        return await self._in_turn(caller, reference, once)

    async def _changed(
        self, caller: Caller, known: Known, rating: Rating, event: Event | None
    ) -> StoredResponse:
        if event is None:
            return StoredResponse(200, rating_answer(rating, known.episode.id))
        after = Feedback(known.version, {rating.id: rating})
        evolve(event, after, known.version + 1)
        answer = rating_answer(after.ratings[rating.id], known.episode.id)
        return await self._write(caller, known, new_id(), event, answer, status=200)

    def _latest(self) -> datetime:
        """The latest moment that is not the future."""
        return self._clock() + AHEAD

    async def _load(self, tenant: str, episode_id: str) -> Feedback:
        recorded = await self._store.read(tenant, stream_of(episode_id))
        return fold((one.version, one.data) for one in recorded)

    async def _stored(self, caller: Caller) -> StoredResponse | None:
        """The answer to the same request of before."""
        if caller.idempotency is None:
            return None
        return await self._store.stored_response(caller.tenant, caller.idempotency)

    async def _in_turn(
        self, caller: Caller, reference: Reference, once: Callable[[], Awaitable[StoredResponse]]
    ) -> StoredResponse:
        """Do it, and again where somebody else won the race; losers of this process queue up."""
        with suppress(WrongVersion, Claimed):
            return await once()
        key = (caller.tenant, reference.id or "", reference.external_id or "")
        async with self._turns.setdefault(key, asyncio.Lock()):
            for _ in range(TRIES):
                with suppress(WrongVersion, Claimed):
                    return await once()
        raise Conflict("Others keep changing the ratings of this episode.")

    async def _write(
        self,
        caller: Caller,
        known: Known,
        event_id: str,
        event: Event,
        answer: bytes,
        *,
        status: int = 201,
        claim: str | None = None,
    ) -> StoredResponse:
        episode = known.episode
        append = Append(
            tenant=caller.tenant,
            stream=stream_of(episode.id),
            expected=known.version,
            events=[NewEvent(id=event_id, data=event)],
            subject=episode.client_id,
            secret_of=episode.client_id,
        )
        written = await self._store.write(
            Write(
                tenant=caller.tenant,
                appends=[append],
                claims=[claim_of(caller.tenant, claim, episode, event_id)] if claim else (),
                idempotency=caller.idempotency,
                response=answer,
                response_status=status,
                secret_of=episode.client_id,
                correlation_id=current_trace_id() or event_id,
                traceparent=current_traceparent(),
            )
        )
        return written.replayed or StoredResponse(status, answer)
