"""Rule sets as callers send and read them, and what they would have asked of people."""

# ruff: noqa: RUF012 - pydantic gives every model its own copy of an empty default.

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from services.outcomes.domain.rules import Wanted
from shared.contracts.outcomes import (
    AppliesTo,
    Requirement,
    ResolvesWhen,
    Rule,
    Severity,
    SignalKind,
)
from shared.web import ApiModel, UtcTime, text

MOST_RULES = 100
MOST_NUMBERS = 200
DIGITS = 20
LARGEST = 1_000_000

Key = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_-]{0,48}[a-z0-9])?$")]
Version = Annotated[int, Field(ge=1, le=LARGEST)]
Word = Annotated[str, text(60)]
Ordinal = Annotated[int, Field(ge=1, le=LARGEST)]


def _decimal(value: object) -> Decimal:
    """An exact decimal, of a text or of a number as it is written."""
    is_number = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not is_number:
        raise ValueError("A number, or a text with one, is needed.")
    written = str(value)
    if len(written) > DIGITS:
        raise ValueError("The number has too many digits.")
    try:
        found = Decimal(written)
    except InvalidOperation as error:
        raise ValueError("This is no number.") from error
    if not found.is_finite() or abs(found) > LARGEST:
        raise ValueError("The number is out of range.")
    return found


Threshold = Annotated[
    Decimal,
    PlainValidator(_decimal),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9]+(\\.[0-9]+)?$"}]}
    ),
]
"""An exact decimal: 8.46 or "8.46"."""

Thresholds = Annotated[dict[Word, Threshold], Field(max_length=MOST_NUMBERS)]


class RuleScope(ApiModel):
    """Which measures a rule is for; no `measures`: all of this kind."""

    kind: Literal["outcome", "alliance"] = "outcome"
    measures: Annotated[list[Word], Field(max_length=MOST_NUMBERS)] = []


class RuleIn(ApiModel):
    """A rule as data: what it is called, how loud it is, when it is evaluated and with which
    numbers. `thresholds` are exact decimals, `by_measure` those of single measures."""

    id: Word
    version: Version = 1
    kind: SignalKind
    severity: Severity
    applies_to: RuleScope = RuleScope()
    requires: Annotated[list[Requirement], Field(max_length=10)] = []
    resolves_when: ResolvesWhen | None = None
    least_ratings: Ordinal = 1
    ends_after: Ordinal = 1
    at: Annotated[list[Ordinal], Field(max_length=MOST_NUMBERS)] = []
    thresholds: Thresholds = {}
    by_measure: Annotated[dict[Word, Thresholds], Field(max_length=MOST_NUMBERS)] = {}

    def rule(self) -> Rule:
        """The rule as events carry it."""
        return Rule(
            id=self.id,
            version=self.version,
            kind=self.kind,
            severity=self.severity,
            applies_to=AppliesTo(kind=self.applies_to.kind, measures=self.applies_to.measures),
            requires=self.requires,
            resolves_when=self.resolves_when,
            least_ratings=self.least_ratings,
            ends_after=self.ends_after,
            at=self.at,
            thresholds=self.thresholds,
            by_measure=self.by_measure,
        )


class RuleSetIn(ApiModel):
    """A rule set. It counts for ratings recorded from `effective_from` on: at least 60 seconds
    ahead, and about that where it is left out. Without a `version` it gets the next one."""

    key: Key = "default"
    version: Version | None = None
    rules: Annotated[list[RuleIn], Field(max_length=MOST_RULES)]
    effective_from: UtcTime | None = None

    def wanted(self) -> Wanted:
        """The rule set that is asked for."""
        return Wanted(
            key=self.key,
            version=self.version,
            rules=[one.rule() for one in self.rules],
            effective_from=self.effective_from,
        )


class RollbackIn(ApiModel):
    """Which earlier version, or shipped rule set, judges again from `effective_from` on."""

    key: Key = "default"
    version: Version
    effective_from: UtcTime | None = None


class RuleView(ApiModel):
    """A rule as data; thresholds are text. What has its default is left out."""

    id: str
    version: int
    kind: SignalKind
    severity: Severity
    applies_to: RuleScope = RuleScope()
    requires: list[Requirement] = []
    resolves_when: ResolvesWhen | None = None
    least_ratings: int = 1
    ends_after: int = 1
    at: list[int] = []
    thresholds: dict[str, str] = {}
    by_measure: dict[str, dict[str, str]] = {}


class RuleSetView(ApiModel):
    """The rules of one version: from when on it judges (null: from the beginning, or not yet by
    itself), whether it does now, and who published it (null: it ships)."""

    key: str
    version: int
    effective_from: datetime | None
    in_force: bool
    published_by: str | None
    rules: list[RuleView]
    position: str = ""


class RulesPage(ApiModel):
    """A page of rule sets."""

    items: list[RuleSetView]
    next: str | None


class RuleLoadView(ApiModel):
    """How often a rule would have held, and raised an alert."""

    rule: str
    kind: SignalKind
    ratings: int
    clients: int
    alerts: int
    open: int


class LoadView(ApiModel):
    """What a rule set would have asked of people. A concern is an episode's, whatever alerts make
    it; `weeks` are those between first and last ratings."""

    concerns: int
    concerns_per_100_clients_a_week: float | None
    alerts: int
    rules: list[RuleLoadView]


class BacktestView(ApiModel):
    """The load of the rules asked about on the organisation's own history, beside that of the
    rules in force. Of many clients, the newest are looked at."""

    clients: int
    episodes: int
    ratings: int
    weeks: float
    is_all: bool
    asked: LoadView
    in_force: LoadView
