"""What outcomes answers: the client outcome view and its summaries. Numbers are plain points."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from shared.contracts.feedback import RaterKind
from shared.contracts.intake import AgeGroup, Ending, MeasuringState, SessionStatus, SessionType
from shared.contracts.outcomes import Change, Severity, SignalKind
from shared.web.models import ApiModel

EpisodeStatus = Literal["open", "closed", "unknown"]


class Rater(ApiModel):
    """Who filled the form in."""

    kind: RaterKind
    id: str | None = None


class RiskAnswer(ApiModel):
    """A risk item of the form: its answer in points, null where it was skipped."""

    item: str
    target: Literal["self", "others"]
    value: float | None


class SignalView(ApiModel):
    """A rule that holds for a rating, with what it looked at and its thresholds."""

    rule: str
    rule_version: int
    kind: SignalKind
    severity: Severity
    inputs: dict[str, float]
    thresholds: dict[str, float]


class CurveView(ApiModel):
    """Which expected response a value is from. A `seed` is a proposal and never alerts."""

    kind: Literal["fitted", "seed"]
    version: int


class RatingView(ApiModel):
    """One rating. `total` is null where the form could not be scored or was erased.

    `expected` and `band` (percentiles of scores as they are, "10" to "90") are of the curve that
    was in force when it was recorded. `session_id` is the session that it is about, if known.
    """

    id: str
    session_id: str | None
    definition_version: int
    occurred_at: datetime
    recorded_at: datetime
    total: float | None
    granularity: Literal["items", "total_only"]
    flags: list[str]
    risk: list[RiskAnswer]
    note: str | None
    corrected_at: datetime | None
    erased: bool
    imported: bool
    expected: float | None
    band: dict[str, float] | None
    curve: CurveView | None
    signals: list[SignalView]


class LeapView(ApiModel):
    """A sudden gain or loss, between the ratings with these ids; `size` in points."""

    start: str = Field(alias="from")
    end: str = Field(alias="to")
    size: float
    reversed: bool


class TargetsView(ApiModel):
    """Where a series should get to: the plateau of the expected response, and places on the way.

    `reached`: how far the latest rating has come, null below half of the way.
    """

    plateau: float
    two_thirds: float
    half: float
    reached: Literal["met", "67", "50"] | None
    curve: CurveView


class SeriesView(ApiModel):
    """The ratings of one measure by one rater. `change` = latest - baseline as it is;
    `reliable_change` is the threshold, in points.
    """

    id: str
    measure: str
    definition_version: int
    rater: Rater
    primary: bool
    baseline: float | None
    latest: float | None
    change: float | None
    reliable_change: float | None
    classification: Change | None
    late_baseline: bool
    targets: TargetsView | None
    sudden_gains: list[LeapView]
    sudden_losses: list[LeapView]
    ratings: list[RatingView]


class SessionView(ApiModel):
    """A session as it stands."""

    id: str
    starts_at: datetime
    ends_at: datetime | None
    status: SessionStatus
    type: SessionType
    medium: str | None


class DeclinedView(ApiModel):
    """A form that the client would rather not fill in."""

    measure: str
    at: datetime
    session_id: str | None


class EpisodeView(ApiModel):
    """One course of care. Its status is unknown until word of its opening has arrived."""

    id: str
    status: EpisodeStatus
    opened_at: datetime | None
    closed_at: datetime | None
    ending: Ending | None
    age_group: AgeGroup | None
    clinician_id: str | None
    clinic_id: str | None
    series: list[SeriesView]
    sessions: list[SessionView]
    declined: list[DeclinedView]
    goals: list[Any]
    changes: list[Any]


class ClientView(ApiModel):
    """The client outcome view. `as_of` is the recorded time of the newest thing in it; `aliases`
    are other ids of the same person, merged into this one."""

    client_id: str
    aliases: list[str]
    position: str
    as_of: datetime | None
    held_back_since: datetime | None
    measuring: MeasuringState
    episodes: list[EpisodeView]


class SummaryView(ApiModel):
    """A series at a glance."""

    client_id: str
    episode_id: str
    series_id: str
    measure: str
    rater: Rater
    primary: bool
    status: EpisodeStatus
    clinician_id: str | None
    clinic_id: str | None
    opened_at: datetime | None
    closed_at: datetime | None
    ratings: int
    baseline: float | None
    latest: float | None
    change: float | None
    reliable_change: float | None
    classification: Change | None
    late_baseline: bool
    first_rating_at: datetime | None
    last_rating_at: datetime | None


class ClientSummary(ApiModel):
    """A client at a glance: every series of every episode, those of `aliases` too."""

    client_id: str
    aliases: list[str]
    held_back_since: datetime | None
    series: list[SummaryView]


class ClientPage(ApiModel):
    """A page of clients."""

    items: list[ClientSummary]
    next: str | None


class CaseloadPage(ApiModel):
    """A page of a caseload: one line an episode and series."""

    items: list[SummaryView]
    next: str | None
