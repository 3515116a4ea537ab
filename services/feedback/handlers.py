"""Commands on one rating: load, decide, append."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from services.feedback.admission import Actor, Admission
from services.feedback.answers import bare_answer, rating_answer, submitted_answer
from services.feedback.domain import moves, ratings
from services.feedback.domain.episode import Episode, Reference
from services.feedback.domain.measures import Measure
from services.feedback.domain.state import Correction, Feedback, Given, Rating, evolve
from services.feedback.homes import Home, Homes
from services.feedback.lookup import Holder, Known, episode_of, stream_of, stream_of_rating
from services.feedback.measures import Measures
from services.feedback.places import Place, Places, claim_of, claim_stream
from shared.clock import AHEAD, Clock
from shared.commands import Caller, Stands, Step, Turns, Writer, step
from shared.contracts import Event
from shared.database import Database
from shared.errors import Conflict
from shared.eventstore import EventStore, StoredResponse
from shared.ids import new_id
from shared.privacy import Keyring

CORRECTED_BY_FEED = "The feed sent the rating with other content."

Decide = Callable[[Rating, Episode, Measure], Event | None]


class Target(NamedTuple):
    """Where a rating belongs, and the session there that it is about, where known."""

    reference: Reference
    session_id: str | None
    reason: str


class Commands:
    """What may be done to one rating. Every method gives the status and body of the answer.

    Raises the errors of `domain.ratings` and `domain.moves`, NotFound, NotYetHere, Unavailable,
    and Conflict where others kept winning the race for the stream.
    """

    def __init__(
        self,
        database: Database,
        store: EventStore,
        keyring: Keyring,
        places: Places,
        measures: Measures,
        admission: Admission,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._places = places
        self._measures = measures
        self._admission = admission
        self._clock = clock
        self._homes = Homes(store)
        self._writer = Writer(store)
        self._turns = Turns()

    async def submit(
        self, actor: Actor, reference: Reference, given: Given, *, correct: bool = False
    ) -> StoredResponse:
        """Take a rating. With the external id of one that is there: the same content changes
        nothing, other content is a Conflict or, with `correct`, a correction."""
        caller, claim = actor.caller, None
        if given.external_id is not None:
            claim = claim_stream(await self._keyring.hasher(caller.tenant), given.external_id)

        async def once() -> StoredResponse:
            place = await self._places.find(
                caller.tenant, reference, claim=claim, measure=given.measure
            )
            known, rating_id = place.known, new_id()
            why = await self._admission.admit(actor, known.episode, given=given)
            if place.holder is not None:
                answer = await self._again(caller, place, place.holder, given, correct=correct)
                await self._admission.done(actor, [known.episode.client_id], why)
                return answer
            measure = await self._measure(caller.tenant, place, given.measure)
            event = ratings.submit(given, measure, known.episode, rating_id, self._latest())
            answer = StoredResponse(201, submitted_answer(event, known.version + 1))
            claims = [claim_of(caller.tenant, claim, known.episode, rating_id)] if claim else ()
            steps = [Step(stands(known), event, rating_id)]
            looked = self._admission.looked(actor, [known.episode.client_id], why)
            return await self._writer.write(caller, steps, answer, claims=claims, looked=looked)

        return await self._turns.take((caller.tenant, reference), once)

    async def correct(
        self, actor: Actor, rating_id: str, asked: Correction, expected: int | None
    ) -> StoredResponse:
        """Let a rating say something else; `expected` is the version that it must have now."""

        def decide(rating: Rating, episode: Episode, measure: Measure) -> Event | None:
            given = ratings.with_changes(rating, asked.items, asked.total, asked.occurred_at)
            return ratings.correct(rating, given, asked.reason, measure, episode, self._latest())

        return await self._change(actor, rating_id, expected, decide)

    async def void(
        self, actor: Actor, rating_id: str, reason: str, expected: int | None
    ) -> StoredResponse:
        """Let a rating count no more; `expected` is the version that it must have now."""

        def decide(rating: Rating, episode: Episode, _: Measure) -> Event | None:
            return ratings.void(rating, reason, episode.id)

        return await self._change(actor, rating_id, expected, decide)

    async def move(
        self, actor: Actor, rating_id: str, target: Target, expected: int | None
    ) -> StoredResponse:
        """Let a rating go on in the episode that it belongs to; where it is there already,
        nothing changes. `expected` is the version that it must have now."""
        caller = actor.caller
        first = await self._first_home(caller.tenant, rating_id)

        async def once() -> StoredResponse:
            home = await self._homes.find(caller.tenant, first, rating_id)
            leaves = (await self._places.find(caller.tenant, Reference(home.episode_id))).known
            why = await self._admission.admit(actor, leaves.episode, what="rating")
            known = (await self._places.find(caller.tenant, target.reference)).known
            await self._admission.admit(actor, known.episode)
            clients = {leaves.episode.client_id, known.episode.client_id}
            await self._admission.done(actor, sorted(clients), why)
            shown = await self._admission.shows(actor, leaves.episode.client_id)
            if stored := await self._writer.stored(caller):
                return stored
            home.check(expected)
            if known.episode.id == home.episode_id:
                return StoredResponse(200, rating_answer(home.rating, home.episode_id, shown=shown))
            leaving, coming = moves.move(
                home.rating,
                home.episode_id,
                known.episode,
                target.reason,
                target.session_id,
                self._latest(),
            )
            answer = submitted_answer(coming, known.version + 1, shown=shown)
            steps = [step(home.stands, leaving), step(stands(known), coming)]
            return await self._writer.write(caller, steps, StoredResponse(200, answer))

        return await self._turns.take((caller.tenant, Reference(first)), once)

    async def decline(
        self, actor: Actor, reference: Reference, key: str, session_id: str | None
    ) -> StoredResponse:
        """The client would rather not fill in a measure."""
        caller = actor.caller

        async def once() -> StoredResponse:
            place = await self._places.find(caller.tenant, reference, measure=key)
            known = place.known
            why = await self._admission.admit(actor, known.episode)
            measure = await self._measure(caller.tenant, place, key)
            event = ratings.decline(known.episode, measure, session_id, self._clock())
            one = step(stands(known), event)
            answer = bare_answer(one.id, event.episode_id, known.version + 1)
            looked = self._admission.looked(actor, [event.client_id], why)
            response = StoredResponse(201, answer)
            return await self._writer.write(caller, [one], response, looked=looked)

        return await self._turns.take((caller.tenant, reference), once)

    async def _again(
        self, caller: Caller, place: Place, holder: Holder, given: Given, *, correct: bool
    ) -> StoredResponse:
        """The external id is that of a rating that is there."""
        if stored := await self._writer.stored(caller):
            return stored
        episode = place.known.episode
        home = await self._homes.find(caller.tenant, holder.episode_id, holder.rating_id)
        if home.episode_id != episode.id:
            raise Conflict("The external id is that of a rating of another episode.")
        if ratings.likeness(home.rating, given) == "same":
            return StoredResponse(200, rating_answer(home.rating, episode.id))
        if not correct:
            raise Conflict("The external id is that of a rating with other content.")
        measure = await self._measure(caller.tenant, place, given.measure)
        event = ratings.correct(
            home.rating, given, CORRECTED_BY_FEED, measure, episode, self._latest()
        )
        return await self._changed(caller, home, event)

    async def _change(
        self, actor: Actor, rating_id: str, expected: int | None, decide: Decide
    ) -> StoredResponse:
        """Load the rating, decide, and append what was decided, if anything."""
        caller = actor.caller
        first = await self._first_home(caller.tenant, rating_id)

        async def once() -> StoredResponse:
            home = await self._homes.find(caller.tenant, first, rating_id)
            key = ratings.known(home.rating).measure
            place = await self._places.find(caller.tenant, Reference(home.episode_id), measure=key)
            # Also before an answer of before is told again: reach may have ended since.
            why = await self._admission.admit(actor, place.known.episode, what="rating")
            client_id = place.known.episode.client_id
            await self._admission.done(actor, [client_id], why)
            if stored := await self._writer.stored(caller):
                return stored
            home.check(expected)
            measure = await self._measure(caller.tenant, place, key)
            event = decide(home.rating, place.known.episode, measure)
            shown = await self._admission.shows(actor, client_id)
            return await self._changed(caller, home, event, shown=shown)

        return await self._turns.take((caller.tenant, Reference(first)), once)

    async def _changed(
        self, caller: Caller, home: Home, event: Event | None, *, shown: bool = True
    ) -> StoredResponse:
        rating = home.rating
        if event is None:
            return StoredResponse(200, rating_answer(rating, home.episode_id, shown=shown))
        after = Feedback(home.version, {rating.id: rating})
        evolve(event, after, home.version + 1)
        answer = rating_answer(after.ratings[rating.id], home.episode_id, shown=shown)
        steps = [step(home.stands, event)]
        return await self._writer.write(caller, steps, StoredResponse(200, answer))

    async def _first_home(self, tenant: str, rating_id: str) -> str:
        """The episode that the rating was submitted to."""
        return episode_of(await stream_of_rating(self._database, tenant, rating_id))

    async def _measure(self, tenant: str, place: Place, key: str) -> Measure:
        return await self._measures.find(tenant, key, place.measure)

    def _latest(self) -> datetime:
        """The latest moment that is not the future."""
        return self._clock() + AHEAD


def stands(known: Known) -> Stands:
    """The stream of an episode's ratings."""
    return Stands(stream_of(known.episode.id), known.version, known.episode.client_id)
