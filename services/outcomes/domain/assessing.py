"""The assessor: which rules hold for each rating, said once, and again only when it changed.

What is said of a rating is a pure function of its series up to it, of its episode and of which
measure is the episode's primary one. So after any change the episode is assessed anew and what
differs from what was said before becomes events. The common case, a rating after all others, is
assessed from the tail of its series alone.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec

from services.outcomes.domain.assessor_state import (
    AssessorState,
    Course,
    Spoken,
    Standing,
)
from services.outcomes.domain.judging import About, Judged, Name, Start, about, judged
from services.outcomes.domain.reading import is_late, kind_of, primary_measure
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.state import NO_CARE, Rating, Series
from services.outcomes.domain.touched import Touched, take_in
from shared.contracts.outcomes import AssessmentRevised, AssessmentWithdrawn, RatingAssessed
from shared.ids import derived_id
from shared.measures import RuleSet
from shared.measures import Series as Tail

__all__ = ["Derived", "Speech", "Touched", "speak", "take_in"]


class Derived(NamedTuple):
    """An event that follows: its id is the same however often it is computed."""

    id: str
    cause_id: str
    data: RatingAssessed | AssessmentRevised | AssessmentWithdrawn


class Speech(NamedTuple):
    """For whom and why the assessor speaks. At a time to `revise_at` all ratings are judged by the
    rules that are in force then, whenever they were recorded."""

    client_id: str
    episode_id: str
    touched: Touched
    standards: Standards
    revise_at: datetime | None = None


_digester = msgspec.msgpack.Encoder()


def speak(state: AssessorState, speech: Speech) -> list[Derived]:
    """What is to be said of an episode now; the state remembers it as said."""
    said = state.client.said.get(speech.episode_id)
    if said is None:
        return []
    course = state.courses.setdefault(speech.episode_id, Course())
    care = state.client.care.get(speech.episode_id, NO_CARE)
    definitions = speech.standards.definitions
    primary = primary_measure(said.series, definitions)
    rules_for = partial(_rules_for, course, speech)
    derived: list[Derived] = []
    scored: set[str] = set()
    for series in said.series:
        if not series.ratings:
            # What stood there went with its ratings; the next one is the first again.
            course.standing.pop(series.id, None)
            continue
        context = (care.age_group, primary, is_late(series, care))
        is_alliance = kind_of(series, definitions) == "alliance"
        what = about(
            speech.standards,
            context,
            rules_for,
            series,
            said,
            care,
            state.client.sex,
            is_alliance=is_alliance,
        )
        start = _resume(course, series, what, speech)
        tail, name = start.tail, start.name
        for one in judged(series, what, start):
            tail, name = one.tail, one.basis.name
            scored.add(one.rating.id)
            derived += _say(course, series, one, speech)
        course.standing[series.id] = _standing(len(series.ratings), tail, what, name)
    if not speech.touched.only_appended:
        derived += _withdraw(course, said.series, scored, speech)
    course.version += len(derived)
    return derived


def _rules_for(course: Course, speech: Speech, rating: Rating) -> RuleSet:
    """The rule set that a rating is judged by: once it has been judged, that one again."""
    standards = speech.standards
    if speech.revise_at is not None:
        return standards.rules_at(speech.revise_at)
    spoken = course.spoken.get(rating.id)
    if spoken is not None and spoken.rules:
        found = standards.rules_named((spoken.rules_key, spoken.rules))
        if found is not None:
            return found
    return standards.rules_at(rating.recorded_at)


def _resume(course: Course, series: Series, what: About, speech: Speech) -> Start:
    """Where to go on in a series: its first ratings may need no new look."""
    standing, touched = course.standing.get(series.id), speech.touched
    if standing is None or not touched.only_appended:
        return Start()
    if (standing.context, standing.sex) != (what.context, what.sex):
        return Start()
    since = touched.alliance_since
    if (
        what.is_alliance
        and since is not None
        and any(one.occurred_at >= since for one in series.ratings[: standing.ratings])
    ):
        return Start()
    name = (standing.definition, (standing.rules_key, standing.rules))
    return Start(standing.ratings, standing.tail, name)


def _standing(ratings: int, tail: Tail, what: About, name: Name | None) -> Standing:
    standing = Standing(ratings, tail, what.context, sex=what.sex)
    if name is not None:
        standing.definition, (standing.rules_key, standing.rules) = name
    return standing


def _say(course: Course, series: Series, one: Judged, speech: Speech) -> Iterator[Derived]:
    """The event that says it; nothing where the same was said before."""
    rating, rules = one.rating, one.basis.rules
    recorded_at = rating.corrected_at or rating.recorded_at
    curve_version = one.curve.version if one.curve is not None else None
    before = course.spoken.get(rating.id)
    is_revised = before is not None and before.is_revised
    judged_by = (rules.key, rules.version, one.basis.definition.version, curve_version)
    content = (one.assessment, rating.occurred_at, recorded_at, rating.imported, judged_by)
    spoken = Spoken(series.id, _digest(content), rules.version, rules.key, is_revised)
    if spoken == before:
        return
    spoken.is_revised |= speech.revise_at is not None
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
        rule_set_key=rules.key,
        rule_set_version=rules.version,
        curve_version=curve_version,
        occurred_at=rating.occurred_at,
        rating_recorded_at=recorded_at,
        # What is found in the past by command calls nobody at night.
        imported=rating.imported or spoken.is_revised,
        private=one.assessment,
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
    by = ["", ""]
    if not isinstance(event, AssessmentWithdrawn):
        by = [event.rule_set_key, str(event.rule_set_version)]
    return Derived(derived_id(event.type, cause_id, event.rating_id, *by), cause_id, event)
