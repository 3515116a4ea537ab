"""The assessor: which rules hold for each rating, said once, and again only when it changed.

What is said of a rating is a pure function of its series up to it, of its episode and of which
measure is the episode's primary one. So after any change the episode is assessed anew and what
differs from what was said before becomes events. The common case, a rating after all others, is
assessed from the tail of its series alone.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from services.outcomes.domain.assessor_state import (
    AssessorState,
    Context,
    Course,
    Spoken,
    Standing,
)
from services.outcomes.domain.fold import evolve
from services.outcomes.domain.reading import definition_of, is_late, primary_measure
from services.outcomes.domain.state import NO_CARE, ClientState, Rating, Series
from shared.contracts import Event, Recorded
from shared.contracts.feedback import RatingSubmitted
from shared.contracts.outcomes import (
    Assessment,
    AssessmentRevised,
    AssessmentWithdrawn,
    RatingAssessed,
)
from shared.ids import derived_id
from shared.measures import RuleSet, assess
from shared.measures import Series as Tail


class Derived(NamedTuple):
    """An event that follows: its id is the same however often it is computed."""

    id: str
    cause_id: str
    data: RatingAssessed | AssessmentRevised | AssessmentWithdrawn


class Touched(msgspec.Struct):
    """What a batch did to one episode.

    `cause_id` is its last event, `causes` the last event of each rating; `only_appended` says
    that all it did was to add ratings after those that were there.
    """

    cause_id: str
    only_appended: bool = True
    causes: dict[str, str] = msgspec.field(default_factory=dict)


class Speech(NamedTuple):
    """For whom and why the assessor speaks."""

    client_id: str
    episode_id: str
    touched: Touched
    rules: RuleSet


_digester = msgspec.msgpack.Encoder()


def take_in(state: AssessorState, event: Recorded[Event], touched: dict[str, Touched]) -> None:
    """Fold one event into the state, in place, and note in `touched` which episode to assess."""
    evolve(state.client, event)
    data = event.data
    episode_id = getattr(data, "episode_id", None)
    if episode_id is None:
        return
    mark = touched.setdefault(episode_id, Touched(event.id))
    mark.cause_id = event.id
    rating_id = getattr(data, "rating_id", None)
    if rating_id is not None:
        mark.causes[rating_id] = event.id
    mark.only_appended &= isinstance(data, RatingSubmitted) and _is_last(state.client, data)


def _is_last(client: ClientState, data: RatingSubmitted) -> bool:
    return any(
        series.ratings and series.ratings[-1].id == data.rating_id
        for series in client.said[data.episode_id].series
    )


def speak(state: AssessorState, speech: Speech) -> list[Derived]:
    """What is to be said of an episode now; the state remembers it as said."""
    said = state.client.said.get(speech.episode_id)
    if said is None:
        return []
    course = state.courses.setdefault(speech.episode_id, Course())
    care = state.client.care.get(speech.episode_id, NO_CARE)
    primary = primary_measure(said.series)
    derived: list[Derived] = []
    scored: set[str] = set()
    for series in said.series:
        context = (care.age_group, primary, is_late(series, care))
        skip, tail = _resume(course, series, context, speech)
        for rating in series.ratings[skip:]:
            assessed = _assess(series, rating, tail, context, speech.rules)
            if assessed is None:
                continue
            tail, assessment = assessed
            scored.add(rating.id)
            derived += _say(course, series, rating, assessment, speech)
        course.standing[series.id] = Standing(
            len(series.ratings), tail, context, speech.rules.version
        )
    if not speech.touched.only_appended:
        derived += _withdraw(course, said.series, scored, speech)
    course.version += len(derived)
    return derived


def _resume(course: Course, series: Series, context: Context, speech: Speech) -> tuple[int, Tail]:
    """How many ratings of the series need no new look, and their tail."""
    standing = course.standing.get(series.id)
    if standing is None or not speech.touched.only_appended or standing.context != context:
        return 0, Tail()
    if standing.rules == speech.rules.version:
        return standing.ratings, standing.tail
    # Other rules remember other things of the same ratings; what was said of these stays.
    tail = Tail()
    for rating in series.ratings[: standing.ratings]:
        assessed = _assess(series, rating, tail, context, speech.rules)
        tail = tail if assessed is None else assessed[0]
    return standing.ratings, tail


def _assess(
    series: Series, rating: Rating, tail: Tail, context: Context, rules: RuleSet
) -> tuple[Tail, Assessment] | None:
    """The assessment of the next rating; None for one that has no score or no known measure."""
    definition = definition_of(series.measure, rating.definition_version)
    if definition is None or rating.total is None:
        return None
    age_group, primary, late = context
    return assess(
        definition,
        rules,
        tail,
        rating.total,
        age_group=age_group,
        primary=series.measure == primary,
        late_baseline=late,
        rater=series.rater_kind,
    )


def _say(
    course: Course, series: Series, rating: Rating, assessment: Assessment, speech: Speech
) -> Iterator[Derived]:
    """The event that says it; nothing where the same was said before."""
    recorded_at = rating.corrected_at or rating.recorded_at
    version = speech.rules.version
    content = (assessment, rating.occurred_at, recorded_at, rating.imported, version)
    spoken = Spoken(series.id, _digest(content))
    before = course.spoken.get(rating.id)
    if spoken == before:
        return
    course.spoken[rating.id] = spoken
    kind = RatingAssessed if before is None else AssessmentRevised
    event = kind(
        rating_id=rating.id,
        episode_id=speech.episode_id,
        client_id=speech.client_id,
        series=series.id,
        measure=series.measure,
        rater_kind=series.rater_kind,
        rater_id=series.rater_id,
        rule_set_version=version,
        occurred_at=rating.occurred_at,
        rating_recorded_at=recorded_at,
        imported=rating.imported,
        private=assessment,
    )
    yield _derived(event, speech)


def _digest(content: object) -> int:
    """Sixty-four bits by which what was said before is known again."""
    return int.from_bytes(hashlib.blake2b(_digester.encode(content), digest_size=8).digest())


def _withdraw(
    course: Course, series: list[Series], scored: set[str], speech: Speech
) -> Iterator[Derived]:
    """What was said of ratings that have no score any more (void, or corrected to none)."""
    by_id = {one.id: one for one in series}
    for rating_id in [one for one in course.spoken if one not in scored]:
        former = by_id[course.spoken.pop(rating_id).series]
        event = AssessmentWithdrawn(
            rating_id=rating_id,
            episode_id=speech.episode_id,
            client_id=speech.client_id,
            series=former.id,
            measure=former.measure,
            rater_kind=former.rater_kind,
            rater_id=former.rater_id,
        )
        yield _derived(event, speech)


def _derived(
    event: RatingAssessed | AssessmentRevised | AssessmentWithdrawn, speech: Speech
) -> Derived:
    cause_id = speech.touched.causes.get(event.rating_id, speech.touched.cause_id)
    identity = derived_id(event.type, cause_id, event.rating_id, str(speech.rules.version))
    return Derived(identity, cause_id, event)
