"""What a rule set would have signalled: from series of ratings to assessments and alerts."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from deploy.cli.analyse_alerts import Span, alerts_of, concerns
from deploy.cli.analyse_csv import Table, Unreadable
from deploy.cli.analyse_gains import Series
from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import Assessment, Change, Severity, SignalKind, Verdict
from shared.errors import Invalid
from shared.measures import Definition, Person, RuleSet, assess_all, score
from shared.measures.judge import judge_for


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that holds for a rating. Inputs are in points, thresholds as they are published."""

    rule: str
    rule_version: int
    kind: SignalKind
    severity: Severity
    inputs: dict[str, Decimal]
    thresholds: dict[str, str]
    text: str
    counterfactual: str


class AssessedRating(msgspec.Struct, frozen=True, kw_only=True):
    """A rating as the rules see it. `quiet` are rules that could alert, were evaluated and do not
    hold; `cleared` those of them that end what an earlier rating raised."""

    time: str
    value: Decimal
    ordinal: int
    baseline: Decimal
    change: Decimal
    index: float | None
    classification: Change | None
    signals: list[Signal]
    quiet: list[str]
    cleared: list[str]


class AnalysedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert from the time that raised it to the one that ended it (None: open at the end)."""

    rule: str
    severity: Severity
    opened: str
    ended: str | None
    ratings: int


class AnalysedClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client's ratings and alerts, and how often a concern began: no alert, then some."""

    client: str
    ratings: list[AssessedRating]
    alerts: list[AnalysedAlert]
    concerns: int


class RuleCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule held: ratings, alerts raised and open at the end, clients with any."""

    ratings: int
    clients: int
    alerts: int
    open: int


class RulesReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `heroic analyse rules`. `not_evaluated` are the rules of the set that are not
    for this measure, or need more than its ratings: a fitted curve, sessions, a clock."""

    measure: str
    definition_version: int
    rule_set: dict[str, str | int]
    clients: list[AnalysedClient]
    rules: dict[str, RuleCounts]
    not_evaluated: list[str]
    concerns: int
    n_clients: int
    n_ratings: int
    unreadable: list[Unreadable]


class Scores(Table):
    """A table whose values are scores of a measure; one that its scale does not have is named."""

    def __init__(self, file: Path, columns: Sequence[str], definition: Definition) -> None:
        super().__init__(file, columns)
        self._definition = definition
        self._refused: dict[Decimal, str | None] = {}

    def number(self, line: int, text: str, what: str) -> Decimal | None:
        """The score in a cell; None where it is missing, or noted where it is none."""
        value = super().number(line, text, what)
        if value is None:
            return None
        if value not in self._refused:
            self._refused[value] = refusal(self._definition, value)
        words = self._refused[value]
        if words is not None:
            self.note(line, f"the {what} {words}")
            return None
        return value


def refusal(definition: Definition, value: Decimal) -> str | None:
    """What is wrong with a score, or None."""
    tenths = int(value * 10)
    if tenths != value * 10:
        return "has more than one decimal"
    try:
        score(definition, total=tenths)
    except Invalid as error:
        return error.errors[0].detail
    return None


def judge_all(
    series: Iterable[Series],
    definition: Definition,
    rules: RuleSet,
    age_group: AgeGroup,
    unreadable: list[Unreadable],
) -> RulesReport:
    """All clients, in the order of the file; those without any score have no ratings."""
    clients = [judge(one, definition, rules, age_group) for one in series]
    evaluated = judge_for(definition, rules, Person(age_group)).rules
    return RulesReport(
        measure=definition.key,
        definition_version=definition.version,
        rule_set={"key": rules.key, "version": rules.version},
        clients=clients,
        rules={rule: counts_of(rule, clients) for rule in evaluated},
        not_evaluated=[rule.id for rule in rules.rules if rule.id not in evaluated],
        concerns=sum(one.concerns for one in clients),
        n_clients=len(clients),
        n_ratings=sum(len(one.ratings) for one in clients),
        unreadable=unreadable,
    )


def judge(
    one: Series, definition: Definition, rules: RuleSet, age_group: AgeGroup
) -> AnalysedClient:
    """One client's series."""
    rated = [
        (occasion, value)
        for occasion, value in zip(one.occasions, one.values, strict=True)
        if value is not None
    ]
    times = [occasion for occasion, _ in rated]
    totals = [int(value * 10) for _, value in rated]
    assessments = list(assess_all(definition, rules, totals, age_group=age_group))
    found = alerts_of(one.client, assessments)
    return AnalysedClient(
        client=one.client,
        ratings=[
            assessed(time, assessment) for time, assessment in zip(times, assessments, strict=True)
        ],
        alerts=[told(span, times) for span in found],
        concerns=concerns(found),
    )


def assessed(time: str, assessment: Assessment) -> AssessedRating:
    """An assessment in points."""
    return AssessedRating(
        time=time,
        value=points(assessment.total),
        ordinal=assessment.ordinal,
        baseline=points(assessment.baseline),
        change=points(assessment.change),
        index=assessment.index,
        classification=assessment.classification,
        signals=[signal(one) for one in assessment.verdicts if one.holds],
        quiet=[one.rule for one in assessment.verdicts if not one.holds],
        cleared=[one.rule for one in assessment.verdicts if one.cleared],
    )


def signal(verdict: Verdict) -> Signal:
    """A verdict that holds, in points."""
    return Signal(
        rule=verdict.rule,
        rule_version=verdict.rule_version,
        kind=verdict.kind,
        severity=verdict.severity,
        inputs={name: points(value) for name, value in verdict.inputs.items()},
        thresholds=verdict.thresholds,
        text=verdict.text,
        counterfactual=verdict.counterfactual,
    )


def told(span: Span, times: Sequence[str]) -> AnalysedAlert:
    """An alert by the times of its ratings."""
    return AnalysedAlert(
        rule=span.rule,
        severity=span.severity,
        opened=times[span.opened],
        ended=times[span.ended] if span.ended is not None else None,
        ratings=span.ratings,
    )


def counts_of(rule: str, clients: Sequence[AnalysedClient]) -> RuleCounts:
    """How often one rule held."""
    held = [
        sum(signal.rule == rule for rating in one.ratings for signal in rating.signals)
        for one in clients
    ]
    alerts = [alert for one in clients for alert in one.alerts if alert.rule == rule]
    return RuleCounts(
        ratings=sum(held),
        clients=sum(count > 0 for count in held),
        alerts=len(alerts),
        open=sum(one.ended is None for one in alerts),
    )


def points(tenths: int) -> Decimal:
    """Tenths as points."""
    return Decimal(tenths) / 10
