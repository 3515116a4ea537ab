"""From packed states and summary rows to what callers read. Pure."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from services.outcomes.api.models import (
    ClientSummary,
    ClientView,
    DeclinedView,
    EpisodeView,
    Rater,
    SessionView,
    SummaryView,
)
from services.outcomes.api.series import in_points, series_views
from services.outcomes.domain.state import NO_CARE, ClientState, Said
from services.outcomes.domain.summary import status_of
from services.outcomes.views import FoundClient, FoundView
from shared.contracts.intake import MeasuringState
from shared.web.models import LATEST

STRICTNESS: list[MeasuringState] = ["on", "paused", "declined"]
"""Of merged clients the strictest counts."""


def client_view(found: FoundView) -> ClientView:
    """The view of one client; episodes by their opening, those not known yet at the end."""
    episodes = [
        (episode_id, state)
        for state in found.states
        for episode_id in state.care.keys() | state.said.keys()
    ]
    surviving, *aliases = found.client_ids
    recorded = [one.last_recorded_at for one in found.states if one.last_recorded_at]
    return ClientView(
        client_id=surviving,
        aliases=aliases,
        position=found.position,
        as_of=max(recorded, default=None),
        held_back_since=found.held_back_since,
        measuring=max((one.measuring for one in found.states), key=STRICTNESS.index),
        episodes=[_episode(*one, found) for one in sorted(episodes, key=_by_opening)],
    )


def _by_opening(episode: tuple[str, ClientState]) -> tuple[datetime, str]:
    episode_id, state = episode
    opened_at = state.care.get(episode_id, NO_CARE).opened_at
    return opened_at or LATEST, episode_id


def _episode(episode_id: str, state: ClientState, found: FoundView) -> EpisodeView:
    care = state.care.get(episode_id, NO_CARE)
    said = state.said.get(episode_id, Said())
    return EpisodeView(
        id=episode_id,
        status=status_of(care),
        opened_at=care.opened_at,
        closed_at=care.closed_at,
        ending=care.ending,
        age_group=care.age_group,
        clinician_id=care.clinician_id,
        clinic_id=care.clinic_id,
        series=series_views(episode_id, state, found),
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


def client_summaries(found: FoundClient) -> ClientSummary:
    """A client at a glance."""
    return ClientSummary(
        client_id=found.client_id,
        aliases=found.aliases,
        held_back_since=found.held_back_since,
        series=[summary_view(row) for row in found.summaries],
    )


def summary_view(row: Row[Any]) -> SummaryView:
    """A series at a glance."""
    return SummaryView(
        client_id=row.surviving_id,
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
