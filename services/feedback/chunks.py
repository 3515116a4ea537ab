"""One chunk of a bulk call, decided: which lines lead to which writes. Without I/O."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.feedback.admission import check_restricted
from services.feedback.domain import ratings
from services.feedback.domain.episode import Episode, Reference
from services.feedback.domain.measures import Measure
from services.feedback.domain.state import Feedback, Given, Rating, evolve
from services.feedback.lookup import Found, Known, stream_of
from services.feedback.places import claim_of, pick
from shared.contracts.feedback import RatingCorrected, RatingSubmitted
from shared.errors import Conflict, HeroicError, NotFound
from shared.eventstore import Append, Claim, NewEvent, Write
from shared.ids import new_id
from shared.web.ndjson import LineResult, refused

CORRECTED_BY_FEED = "The feed sent the rating with other content."


class Options(NamedTuple):
    """How a bulk call is to be done."""

    tenant: str
    correct: bool = False
    history: bool = False
    dry_run: bool = False


class Row(NamedTuple):
    """One line that could be read, with the hashes of the outside ids in it."""

    line: int
    reference: Reference
    episode_hash: str | None
    given: Given
    claim: str | None

    @property
    def names(self) -> tuple[str, str]:
        """What it is about: the episode, and the claim on its external id (or the line itself)."""
        return self.reference.id or self.episode_hash or "", self.claim or str(self.line)


class Planned(msgspec.Struct):
    """What the rows of one episode come to: its events, and the results once they are written."""

    known: Known
    events: list[NewEvent] = []
    claims: list[Claim] = []
    rows: list[Row] = []
    results: list[LineResult] = []

    def add(self, row: Row, result: LineResult) -> None:
        """Take in one row, whose result holds once the write is done."""
        self.rows.append(row)
        self.results.append(result)

    def write(self, tenant: str, correlation_id: str, traceparent: str | None) -> Write:
        """All of it as one write."""
        episode = self.known.episode
        append = Append(
            tenant=tenant,
            stream=stream_of(episode.id),
            expected=self.known.version,
            events=self.events,
            subject=episode.client_id,
            secret_of=episode.client_id,
        )
        return Write(
            tenant=tenant,
            appends=[append],
            claims=self.claims,
            correlation_id=correlation_id,
            traceparent=traceparent,
        )


class Pending(msgspec.Struct):
    """A rating with an external id that this call makes or changes, before it is written."""

    known: Known
    rating_id: str
    before: Rating | None
    event: RatingSubmitted | RatingCorrected

    def rating(self) -> Rating:
        """As it will stand."""
        feedback = Feedback(0, {self.before.id: self.before} if self.before else {})
        evolve(self.event, feedback, 0)
        return feedback.ratings[self.rating_id]


class Loaded(NamedTuple):
    """What the rows of a chunk are decided by: episodes and claims, measures by key, and by
    episode the ratings of those that hold a claim."""

    found: Found
    measures: Mapping[str, Measure]
    present: Mapping[str, Feedback]


class Plan:
    """Decides the rows of a chunk one by one, in the order of their lines.

    `clients` are those of whom a line says something. `results` are final; those in `planned` (by
    episode) hold once their write is done. `pending` (by claim) are the ratings that earlier rows
    lead to.
    """

    def __init__(
        self,
        options: Options,
        loaded: Loaded,
        latest: datetime,
        pending: dict[str, Pending],
    ) -> None:
        self._options = options
        self._found, self._measures, self._present = loaded
        self._latest = latest
        self._pending = pending
        self.clients: set[str] = set()
        self.results: list[LineResult] = []
        self.planned: dict[str, Planned] = {}

    def take_all(self, rows: Iterable[Row]) -> None:
        """Decide all of them."""
        for row in rows:
            try:
                self._take(row)
            except HeroicError as error:
                self.results.append(refused(row.line, error))

    def _take(self, row: Row) -> None:
        known = pick(self._found, row.reference.id, row.episode_hash)
        if known is None:
            raise NotFound("There is no such episode.")
        check_restricted(known.episode)
        self.clients.add(known.episode.client_id)
        pending = self._pending.get(row.claim) if row.claim else None
        holder = self._found.claims.get(row.claim) if row.claim else None
        if pending is not None:
            home = pending.known.episode.id
            self._again(row, known, home, pending.rating(), pending.known)
        elif holder is not None:
            rating = ratings.find(self._present[holder.episode_id].ratings, holder.rating_id)
            self._again(row, known, holder.episode_id, rating, None)
        else:
            self._create(row, known)

    def _create(self, row: Row, known: Known) -> None:
        rating_id = new_id()
        event = ratings.submit(
            row.given,
            self._measures[row.given.measure],
            known.episode,
            rating_id,
            self._latest,
            imported=self._options.history,
        )
        planned = self._plan(known)
        planned.add(row, LineResult(row.line, "created", rating_id))
        planned.events.append(NewEvent(id=rating_id, data=event))
        if row.claim:
            claim = claim_of(self._options.tenant, row.claim, known.episode, rating_id)
            planned.claims.append(claim)
            self._pending[row.claim] = Pending(known, rating_id, None, event)

    def _again(
        self, row: Row, known: Known, home: str, rating: Rating, unwritten: Known | None
    ) -> None:
        """The external id is that of `rating` of the episode `home`, perhaps `unwritten` yet."""
        result, event = self._judge(row, known.episode, home, rating)
        if event is not None and row.claim:
            planned = self._plan(known)
            planned.add(row, result)
            planned.events.append(NewEvent(id=new_id(), data=event))
            self._pending[row.claim] = Pending(known, rating.id, rating, event)
        elif unwritten is not None:
            self._plan(unwritten).add(row, result)
        else:
            self.results.append(result)

    def _judge(
        self, row: Row, episode: Episode, home: str, rating: Rating
    ) -> tuple[LineResult, RatingCorrected | None]:
        """What becomes of a row whose external id is that of `rating`."""
        if episode.id != home:
            return conflict(
                row, rating, "The external id is that of another episode's rating."
            ), None
        if ratings.likeness(rating, row.given) == "same":
            return LineResult(row.line, "unchanged", rating.id), None
        if not self._options.correct:
            return conflict(row, rating, "The external id is that of other content."), None
        try:
            event = ratings.correct(
                rating,
                row.given,
                CORRECTED_BY_FEED,
                self._measures[row.given.measure],
                episode,
                self._latest,
                imported=self._options.history,
            )
        except Conflict as error:
            return conflict(row, rating, error.detail), None
        return LineResult(row.line, "corrected", rating.id), event

    def _plan(self, known: Known) -> Planned:
        """What is planned for an episode."""
        planned = self.planned.get(known.episode.id)
        if planned is None:
            planned = self.planned[known.episode.id] = Planned(known)
        return planned


def conflict(row: Row, rating: Rating, detail: str) -> LineResult:
    """The row says other than the rating that has its external id."""
    result = refused(row.line, Conflict(detail), "conflict")
    return msgspec.structs.replace(result, id=rating.id)
