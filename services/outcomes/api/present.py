"""From packed states and summary rows to what callers read. Pure."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row

from services.outcomes.api.models import (
    ClientSummary,
    ClientView,
    DeclinedView,
    EpisodeView,
    Rater,
    RatingView,
    RiskAnswer,
    SeriesView,
    SessionView,
    SignalView,
    SummaryView,
)
from services.outcomes.domain.reading import primary_measure, read
from services.outcomes.domain.state import (
    NO_CARE,
    Assessed,
    Care,
    ClientState,
    Rating,
    Said,
    Series,
    Signal,
)
from services.outcomes.domain.summary import status_of
from services.outcomes.views import FoundClient, FoundView
from shared.web.models import LATEST, from_tenths

Notes = Mapping[str, str]
"""The words that came with ratings, by rating id."""


def client_view(client_id: str, found: FoundView) -> ClientView:
    """The view of one client; episodes by their opening, those not known yet at the end."""
    state = found.state
    episodes = sorted(state.care.keys() | state.said.keys(), key=partial(_by_opening, state))
    return ClientView(
        client_id=client_id,
        position=found.position,
        as_of=state.last_recorded_at,
        held_back_since=found.held_back_since,
        measuring=state.measuring,
        episodes=[_episode(one, state, found.notes) for one in episodes],
    )


def _by_opening(state: ClientState, episode_id: str) -> tuple[datetime, str]:
    opened_at = state.care.get(episode_id, NO_CARE).opened_at
    return opened_at or LATEST, episode_id


def in_points(tenths: int | None) -> float | None:
    """A score as plain points; None stays None."""
    return None if tenths is None else from_tenths(tenths)


def _episode(episode_id: str, state: ClientState, notes: Notes) -> EpisodeView:
    care = state.care.get(episode_id, NO_CARE)
    said = state.said.get(episode_id, Said())
    signals = state.assessed.get(episode_id, Assessed()).signals
    primary = primary_measure(said.series)
    return EpisodeView(
        id=episode_id,
        status=status_of(care),
        opened_at=care.opened_at,
        closed_at=care.closed_at,
        ending=care.ending,
        age_group=care.age_group,
        clinician_id=care.clinician_id,
        clinic_id=care.clinic_id,
        series=[
            _series(one, care, signals, notes, primary=one.measure == primary)
            for one in said.series
            if one.ratings
        ],
        sessions=[
            SessionView(
                id=one.id,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                status=one.status,
                type=one.type,
                medium=one.medium,
            )
            for one in care.sessions
        ],
        declined=[
            DeclinedView(measure=one.measure, at=one.at, session_id=one.session_id)
            for one in said.declined
        ],
        goals=[],
        changes=[],
    )


def _series(
    series: Series,
    care: Care,
    signals: Mapping[str, list[Signal]],
    notes: Notes,
    *,
    primary: bool,
) -> SeriesView:
    reading = read(series, care)
    return SeriesView(
        id=series.id,
        measure=series.measure,
        definition_version=series.ratings[-1].definition_version,
        rater=Rater(kind=series.rater_kind, id=series.rater_id),
        primary=primary,
        baseline=in_points(reading.baseline.total if reading.baseline else None),
        latest=in_points(reading.latest.total if reading.latest else None),
        change=in_points(reading.change),
        reliable_change=float(reading.reliable_change) if reading.reliable_change else None,
        classification=reading.classification,
        late_baseline=reading.late_baseline,
        ratings=[
            _rating(one, signals.get(one.id, []), notes.get(one.id)) for one in series.ratings
        ],
    )


def _rating(rating: Rating, signals: list[Signal], note: str | None) -> RatingView:
    return RatingView(
        id=rating.id,
        occurred_at=rating.occurred_at,
        recorded_at=rating.recorded_at,
        total=in_points(rating.total),
        granularity="items" if rating.granular else "total_only",
        flags=rating.flags,
        risk=[
            RiskAnswer(item=one.item, target=one.target, value=in_points(one.value))
            for one in rating.risk
        ],
        note=note,
        corrected_at=rating.corrected_at,
        erased=rating.erased,
        imported=rating.imported,
        signals=[
            SignalView(
                rule=one.rule,
                rule_version=one.rule_version,
                kind=one.kind,
                severity=one.severity,
                inputs={name: from_tenths(value) for name, value in one.inputs.items()},
                thresholds={name: float(value) for name, value in one.thresholds.items()},
            )
            for one in signals
        ],
    )


def client_summaries(found: FoundClient) -> ClientSummary:
    """A client at a glance."""
    return ClientSummary(
        client_id=found.client_id,
        held_back_since=found.held_back_since,
        series=[summary_view(row) for row in found.summaries],
    )


def summary_view(row: Row[Any]) -> SummaryView:
    """A series at a glance."""
    return SummaryView(
        client_id=row.client_id,
        episode_id=row.episode_id,
        series_id=row.series_id,
        measure=row.measure,
        rater=Rater(kind=row.rater_kind, id=row.rater_id),
        primary=row.is_primary,
        status=row.status,
        clinician_id=row.clinician_id,
        clinic_id=row.clinic_id,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        ratings=row.ratings,
        baseline=in_points(row.baseline),
        latest=in_points(row.latest),
        change=in_points(row.change),
        reliable_change=float(row.reliable_change) if row.reliable_change else None,
        classification=row.classification,
        late_baseline=row.late_baseline,
        first_rating_at=row.first_rating_at,
        last_rating_at=row.last_rating_at,
    )
