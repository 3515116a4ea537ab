"""The fold: one client's events into one client's state.

Nothing here depends on what came first across streams. What an event says of a rating or a
session that this fold has never seen (its record was discarded by an operator) is left out.
"""

from bisect import insort
from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.outcomes.domain.state import (
    Assessed,
    Care,
    ClientState,
    Declined,
    Rating,
    Said,
    Series,
    Session,
    Signal,
    series_id,
    signal_of,
)
from shared.contracts import Event, Recorded
from shared.contracts import feedback as f
from shared.contracts import intake as i
from shared.contracts import outcomes as o


def evolve(state: ClientState, event: Recorded[Event]) -> None:
    """Apply one event to `state`, in place; an event that says nothing here only counts as seen."""
    step = _STEPS.get(type(event.data))
    if step is not None:
        step(state, event)
    if state.last_recorded_at is None or event.recorded_at > state.last_recorded_at:
        state.last_recorded_at = event.recorded_at


def _registered(state: ClientState, event: Recorded[i.ClientRegistered]) -> None:
    state.registered_at = event.recorded_at
    _details(state, event)


def _details(
    state: ClientState, event: Recorded[i.ClientRegistered | i.ClientDetailsCorrected]
) -> None:
    if event.data.private is not None:
        state.sex = event.data.private.sex_for_norms


def _measuring(state: ClientState, event: Recorded[i.MeasuringChanged]) -> None:
    state.measuring = event.data.state


def _care(state: ClientState, episode_id: str) -> Care:
    care = state.care.get(episode_id)
    if care is None:
        care = state.care[episode_id] = Care()
    return care


def _opened(state: ClientState, event: Recorded[i.EpisodeOpened]) -> None:
    data = event.data
    care = _care(state, data.episode_id)
    care.opened_at, care.age_group = data.opened_at, data.age_group
    care.clinician_id, care.clinic_id = data.clinician_id, data.clinic_id


def _transferred(state: ClientState, event: Recorded[i.EpisodeTransferred]) -> None:
    _care(state, event.data.episode_id).clinician_id = event.data.to_clinician_id


def _closed(state: ClientState, event: Recorded[i.EpisodeClosed]) -> None:
    care = _care(state, event.data.episode_id)
    care.closed_at, care.ending = event.data.closed_at, event.data.ending


def _reopened(state: ClientState, event: Recorded[i.EpisodeReopened]) -> None:
    care = _care(state, event.data.episode_id)
    care.closed_at = care.ending = None


def _session(state: ClientState, event: Recorded[i.SessionRecorded | i.SessionChanged]) -> None:
    data = event.data
    care = _care(state, data.episode_id)
    care.sessions = [one for one in care.sessions if one.id != data.session_id]
    session = Session(
        data.session_id, data.starts_at, data.ends_at, data.status, data.session_type, data.medium
    )
    insort(care.sessions, session, key=lambda one: (one.starts_at, one.id))


def _no_session(state: ClientState, event: Recorded[i.SessionEnteredInError]) -> None:
    care = _care(state, event.data.episode_id)
    care.sessions = [one for one in care.sessions if one.id != event.data.session_id]


def _said(state: ClientState, episode_id: str) -> Said:
    said = state.said.get(episode_id)
    if said is None:
        said = state.said[episode_id] = Said()
    return said


def _series(said: Said, data: f.RatingSubmitted | f.RatingCorrected) -> Series:
    for series in said.series:
        if (
            series.measure == data.measure
            and series.rater_kind == data.rater_kind
            and series.rater_id == data.rater_id
        ):
            return series
    identity = series_id(data.episode_id, data.measure, data.rater_kind, data.rater_id)
    series = Series(identity, data.measure, data.rater_kind, data.rater_id)
    said.series.append(series)
    return series


def _clinical_order(rating: Rating) -> tuple[datetime, int]:
    return rating.occurred_at, rating.version


def _place(series: Series, rating: Rating) -> None:
    ratings = series.ratings
    if not ratings or _clinical_order(ratings[-1]) < _clinical_order(rating):
        ratings.append(rating)
    else:
        insort(ratings, rating, key=_clinical_order)


def _content(rating: Rating, private: f.RatingContent | None, version: int) -> None:
    if private is None:
        rating.erased = True
        return
    rating.total = private.total
    rating.granular = bool(private.items)
    rating.note_version = version if private.note is not None else 0
    rating.flags, rating.risk = private.flags, private.risk


def _submitted(state: ClientState, event: Recorded[f.RatingSubmitted]) -> None:
    data = event.data
    rating = Rating(
        data.rating_id,
        event.version,
        data.occurred_at,
        event.recorded_at,
        data.definition_version,
        imported=data.imported,
        session_id=data.session_id,
    )
    _content(rating, data.private, event.version)
    _place(_series(_said(state, data.episode_id), data), rating)


def _take(said: Said, rating_id: str) -> Rating | None:
    """Take a rating out of its series."""
    for series in said.series:
        # From the end: corrections mostly are of what came last.
        for place in range(len(series.ratings) - 1, -1, -1):
            if series.ratings[place].id == rating_id:
                return series.ratings.pop(place)
    return None


def _corrected(state: ClientState, event: Recorded[f.RatingCorrected]) -> None:
    data = event.data
    said = _said(state, data.episode_id)
    rating = _take(said, data.rating_id)
    if rating is None:
        return
    rating.occurred_at, rating.definition_version = data.occurred_at, data.definition_version
    rating.corrected_at, rating.imported = event.recorded_at, data.imported
    _content(rating, data.private, event.version)
    _place(_series(said, data), rating)


def _gone(state: ClientState, event: Recorded[f.RatingVoided | f.RatingMoved]) -> None:
    # Where a rating was moved to, it is submitted anew.
    _take(_said(state, event.data.episode_id), event.data.rating_id)


def _declined(state: ClientState, event: Recorded[f.RatingDeclined]) -> None:
    data = event.data
    said = _said(state, data.episode_id)
    said.declined.append(Declined(data.measure, data.at, data.session_id))


def _assessed(state: ClientState, event: Recorded[o.RatingAssessed | o.AssessmentRevised]) -> None:
    data = event.data
    assessed = state.assessed.get(data.episode_id)
    signals = [] if data.private is None else _signals(data.private)
    if assessed is not None:
        assessed.signals.pop(data.rating_id, None)
    elif signals:
        assessed = state.assessed[data.episode_id] = Assessed()
    if signals and assessed is not None:
        assessed.signals[data.rating_id] = signals


def _signals(assessment: o.Assessment) -> list[Signal]:
    return [signal_of(one) for one in assessment.verdicts if one.holds]


def _withdrawn(state: ClientState, event: Recorded[o.AssessmentWithdrawn]) -> None:
    assessed = state.assessed.get(event.data.episode_id)
    if assessed is not None:
        assessed.signals.pop(event.data.rating_id, None)


# The key of a step is the type of the event that it takes: a tie that types cannot express.
_STEPS: dict[type[Event], Callable[[ClientState, Any], None]] = {
    i.ClientRegistered: _registered,
    i.ClientDetailsCorrected: _details,
    i.MeasuringChanged: _measuring,
    i.EpisodeOpened: _opened,
    i.EpisodeTransferred: _transferred,
    i.EpisodeClosed: _closed,
    i.EpisodeReopened: _reopened,
    i.SessionRecorded: _session,
    i.SessionChanged: _session,
    i.SessionEnteredInError: _no_session,
    f.RatingSubmitted: _submitted,
    f.RatingCorrected: _corrected,
    f.RatingVoided: _gone,
    f.RatingMoved: _gone,
    f.RatingDeclined: _declined,
    o.RatingAssessed: _assessed,
    o.AssessmentRevised: _assessed,
    o.AssessmentWithdrawn: _withdrawn,
}
