"""Summaries: one row an episode and series, for caseload and network figures."""

from datetime import datetime
from typing import Literal

import msgspec

from services.outcomes.domain.reading import Reading, primary_measure, read
from services.outcomes.domain.standards import Definitions
from services.outcomes.domain.state import NO_CARE, Care, ClientState, Series
from shared.contracts.feedback import RaterKind
from shared.contracts.outcomes import Change

Status = Literal["open", "closed", "unknown"]


class Summary(msgspec.Struct, frozen=True):
    """A series at a glance. Scores are tenths; `reliable_change` an exact decimal in points.

    A series of which every rating was voided keeps its row with `ratings` 0.
    """

    episode_id: str
    series_id: str
    measure: str
    rater_kind: RaterKind
    rater_id: str | None
    is_primary: bool
    status: Status
    clinician_id: str | None
    clinic_id: str | None
    opened_at: datetime | None
    closed_at: datetime | None
    ratings: int
    baseline: int | None
    latest: int | None
    change: int | None
    reliable_change: str | None
    classification: Change | None
    late_baseline: bool
    first_rating_at: datetime | None
    last_rating_at: datetime | None


def status_of(care: Care) -> Status:
    """Where an episode stands; unknown until word of its opening is here."""
    if care.opened_at is None:
        return "unknown"
    return "open" if care.closed_at is None else "closed"


def summarise(state: ClientState, episode_id: str, definitions: Definitions) -> list[Summary]:
    """The summaries of one episode's series."""
    said = state.said.get(episode_id)
    if said is None:
        return []
    care = state.care.get(episode_id, NO_CARE)
    primary = primary_measure(said.series, definitions)
    return [
        _summary(episode_id, care, series, read(series, care, definitions, state.sex), primary)
        for series in said.series
    ]


def _summary(
    episode_id: str, care: Care, series: Series, reading: Reading, primary: str | None
) -> Summary:
    return Summary(
        episode_id,
        series.id,
        series.measure,
        series.rater_kind,
        series.rater_id,
        series.measure == primary,
        status_of(care),
        care.clinician_id,
        care.clinic_id,
        care.opened_at,
        care.closed_at,
        len(series.ratings),
        reading.baseline.total if reading.baseline else None,
        reading.latest.total if reading.latest else None,
        reading.change,
        reading.reliable_change,
        reading.classification,
        reading.late_baseline,
        series.ratings[0].occurred_at if series.ratings else None,
        series.ratings[-1].occurred_at if series.ratings else None,
    )
