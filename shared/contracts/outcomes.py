"""Events of outcomes: what the ratings add up to. Scores are integer tenths."""

# ruff: noqa: RUF012 - msgspec gives every Struct its own copy of an empty default.

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from shared.contracts.events import Event, Private
from shared.contracts.feedback import RaterKind
from shared.contracts.intake import AgeGroup

SignalKind = Literal["risk", "state", "point", "checkpoint", "time", "system", "prompt", "mark"]
Severity = Literal["urgent", "high", "medium", "info"]
Change = Literal["recovered", "improved", "unchanged", "deteriorated"]
Requirement = Literal["reliable_change", "cutoff", "fitted_curve", "outcome_series", "session_feed"]
ResolvesWhen = Literal[
    "reviewed",
    "absent_on_consecutive_ratings",
    "score_is_back",
    "reliably_better_or_change_agreed",
    "cause_is_gone",
    "never_open",
]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one rule says of one rating on which it was evaluated, whether it holds or not; of
    marks and prompts only those that hold are told.

    `holds`: the predicate is true; only then it says more than that. `cleared`: a point or
    checkpoint signal raised earlier is over (a state's end is counted by alerts: false on two
    consecutive evaluated ratings). `inputs` are the tenths the rule looked at, by name;
    `thresholds` exact decimals as text ("8.46"); `counterfactual` says in plain words what would
    not have fired.
    """

    rule: str
    rule_version: int
    kind: SignalKind
    severity: Severity
    holds: bool
    cleared: bool = False
    inputs: dict[str, int] = {}
    thresholds: dict[str, str] = {}
    text: str = ""
    counterfactual: str = ""


class Assessment(Private, frozen=True, kw_only=True):
    """One rating seen within its series. Tenths; `change` = latest - baseline as it is.

    `ordinal` counts the series from 1. `reliable_change` is the threshold as an exact decimal in
    points ("8.46"); `index` the raw reliable change index where the measure's norms give one.
    """

    total: int
    baseline: int
    change: int
    ordinal: int
    reliable_change: str | None = None
    index: float | None = None
    classification: Change | None = None
    flags: list[str] = []
    verdicts: list[Verdict] = []


class RatingAssessed(Event, frozen=True, kw_only=True):
    """Stream `assessment-<episode id>`: the rules have been evaluated for one rating.

    `series` is the id of (episode, measure, rater); `rating_recorded_at` is when feedback stored
    the rating, `imported` and `recorded late` decide whether alerts are historical.
    `curve_version` is that of the fitted curve that it was judged by, None without one.
    """

    type: ClassVar[str] = "heroic.outcomes.RatingAssessed"
    rating_id: str
    episode_id: str
    client_id: str
    series: str
    measure: str
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    rule_set_key: str = "default"
    rule_set_version: int
    curve_version: int | None = None
    occurred_at: datetime
    rating_recorded_at: datetime
    imported: bool = False
    private: Assessment | None


class AssessmentRevised(Event, frozen=True, kw_only=True):
    """Stream `assessment-<episode id>`: a late, corrected or voided rating changed this one, or
    it was judged anew by command (then it counts as `imported`, as history)."""

    type: ClassVar[str] = "heroic.outcomes.AssessmentRevised"
    rating_id: str
    episode_id: str
    client_id: str
    series: str
    measure: str
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    rule_set_key: str = "default"
    rule_set_version: int
    curve_version: int | None = None
    occurred_at: datetime
    rating_recorded_at: datetime
    imported: bool = False
    private: Assessment | None


class AssessmentWithdrawn(Event, frozen=True, kw_only=True):
    """Stream `assessment-<episode id>`: the rating is void, and so is what was said about it."""

    type: ClassVar[str] = "heroic.outcomes.AssessmentWithdrawn"
    rating_id: str
    episode_id: str
    client_id: str
    series: str
    measure: str
    rater_kind: RaterKind = "self"
    rater_id: str | None = None


CoveredBy = Literal["all", "ending", "age_group"]
CoveredGroup = Literal["all", "planned", "unplanned", "administrative", "open"] | AgeGroup


class Coverage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often a curve's 80 % band held the held-out ratings of a group of episodes.

    `share` (0 to 1) is None for a group too small to say anything about.
    """

    by: CoveredBy
    group: CoveredGroup
    episodes: int
    ratings: int
    share: float | None = None


class ExpectedResponseFitted(Event, frozen=True, kw_only=True):
    """Stream `curve-<organisation id>`: how clients of an age group go on, from a measure's
    ratings of the organisation's consenting clients.

    Parameters in points, as `shared.measures.expected.Curve` explains them; they say nothing
    about anybody. In force for ratings recorded from `effective_from` on. `curve_version` counts
    the fits of the measure and age group; `episodes` and `ratings` are what was fitted, `coverage`
    is of episodes that were held out.
    """

    type: ClassVar[str] = "heroic.outcomes.ExpectedResponseFitted"
    measure: str
    age_group: AgeGroup
    curve_version: int
    fitted_at: datetime
    effective_from: datetime
    intercept: float
    slope: float
    baseline_effect: float
    interaction: float
    baseline_mean: float
    g00: float
    g01: float
    g11: float
    variance: float
    longest: int
    episodes: int
    ratings: int
    coverage: list[Coverage] = []


class AppliesTo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which measures a rule is for; no `measures`: all of this kind."""

    kind: Literal["outcome", "alliance"] = "outcome"
    measures: list[str] = []


class Rule(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One rule of a rule set as data: what code does by its id, with these numbers.

    It is evaluated from the rating with ordinal `least_ratings` on, or at the ordinals `at`, where
    all that it `requires` is there. A state ends after `ends_after` evaluated ratings in a row on
    which it did not hold. `thresholds` are exact decimals (scores in points), `by_measure` those
    that a measure has of its own. Version 1 of the default set said only what has no default.
    """

    id: str
    version: int
    kind: SignalKind
    severity: Severity
    applies_to: AppliesTo = AppliesTo()
    requires: list[Requirement] = []
    resolves_when: ResolvesWhen | None = None
    least_ratings: int = 1
    ends_after: int = 1
    at: list[int] = []
    thresholds: dict[str, Decimal] = {}
    by_measure: dict[str, dict[str, Decimal]] = {}


class RuleSetPublished(Event, frozen=True, kw_only=True):
    """Stream `rules-<organisation id>`: which rules judge what is recorded from `effective_from`
    on.

    `effective_from` is at least 60 s after the publication. `rule_set_version` counts what the
    organisation published, above the versions of the default set that it replaces.
    """

    type: ClassVar[str] = "heroic.outcomes.RuleSetPublished"
    organisation_id: str
    key: str
    rule_set_version: int
    effective_from: datetime
    rules: list[Rule]
    published_by: str | None = None


class RuleSetRolledBack(Event, frozen=True, kw_only=True):
    """Stream `rules-<organisation id>`: an earlier version judges ratings recorded from
    `effective_from` on."""

    type: ClassVar[str] = "heroic.outcomes.RuleSetRolledBack"
    organisation_id: str
    key: str
    rule_set_version: int
    effective_from: datetime
    rolled_back_by: str | None = None


class ClientPurged(Event, frozen=True, kw_only=True):
    """Stream `purge-<client id>`: nothing of an erased client is left in outcomes."""

    type: ClassVar[str] = "heroic.outcomes.ClientPurged"
    client_id: str
    request_id: str
