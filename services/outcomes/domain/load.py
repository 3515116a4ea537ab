"""What a rule set would have asked of people, had it judged ratings as they are known now. Pure.

Rules on an episode as a whole are not in it: they look at a clock and at sessions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from services.outcomes.domain.judging import Judged, Start, about, judged
from services.outcomes.domain.reading import is_late, kind_of, primary_measure
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.state import NO_CARE, ClientState, Said
from shared.contracts.outcomes import Rule, SignalKind
from shared.measures import RuleSet
from shared.measures.judge import ALERTING
from shared.measures.rules import RECIPES

WEEK = timedelta(days=7)
EVER, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Span(msgspec.Struct, frozen=True):
    """An alert from the rating that raised it to the one that ended it (None: still open)."""

    rule: str
    opened: datetime
    ended: datetime | None


class RuleLoad(msgspec.Struct):
    """How often one rule held and raised an alert, and with how many clients."""

    rule: str
    kind: SignalKind
    ratings: int = 0
    clients: int = 0
    alerts: int = 0
    open: int = 0


class Load(msgspec.Struct):
    """What was counted, client after client."""

    clients: int = 0
    episodes: int = 0
    ratings: int = 0
    weeks: float = 0.0
    concerns: int = 0
    rules: dict[str, RuleLoad] = msgspec.field(default_factory=dict)

    def add(self, other: "Load") -> None:
        """Count what was counted of other clients, too."""
        self.clients += other.clients
        self.episodes += other.episodes
        self.ratings += other.ratings
        self.weeks += other.weeks
        self.concerns += other.concerns
        for rule, load in other.rules.items():
            mine = self.rules.setdefault(rule, RuleLoad(rule, load.kind))
            mine.ratings += load.ratings
            mine.clients += load.clients
            mine.alerts += load.alerts
            mine.open += load.open

    @property
    def alerts(self) -> int:
        """Alerts of all rules."""
        return sum(one.alerts for one in self.rules.values())

    @property
    def concerns_a_week(self) -> float | None:
        """Concerns for 100 clients a week; None where nothing lasted any time."""
        return 100 * self.concerns / self.weeks if self.weeks else None


def load_of(states: Iterable[ClientState], rules: RuleSet, standards: Standards) -> Load:
    """The load of `rules` on these clients."""
    load = Load(
        rules={
            rule.id: RuleLoad(rule.id, rule.kind)
            for rule in rules.rules
            if RECIPES[rule.id].compile is not None
        }
    )
    for state in states:
        load.clients += 1
        held: Counter[str] = Counter()
        for episode_id, said in state.said.items():
            spans, counted = episode_spans(state, episode_id, said, rules, standards)
            held += counted
            load.concerns += concerns(spans)
            for span in spans:
                load.rules[span.rule].alerts += 1
                load.rules[span.rule].open += span.ended is None
            add_span_of(load, said)
        for rule, count in held.items():
            load.rules[rule].ratings += count
            load.rules[rule].clients += 1
    return load


def add_span_of(load: Load, said: Said) -> None:
    """Count an episode: its ratings, and how long they go on."""
    times = [one.occurred_at for series in said.series for one in series.ratings]
    if times:
        load.episodes += 1
        load.ratings += len(times)
        load.weeks += (max(times) - min(times)) / WEEK


def episode_spans(
    state: ClientState, episode_id: str, said: Said, rules: RuleSet, standards: Standards
) -> tuple[list[Span], Counter[str]]:
    """The alerts of an episode in the order in which they were raised, and how often rules held."""
    care = state.care.get(episode_id, NO_CARE)
    primary = primary_measure(said.series, standards.definitions)
    spans: list[Span] = []
    held: Counter[str] = Counter()
    for series in said.series:
        if not series.ratings:
            continue
        context = (care.age_group, primary, is_late(series, care))
        is_alliance = kind_of(series, standards.definitions) == "alliance"
        what = about(
            standards,
            context,
            lambda _: rules,
            series,
            said,
            care,
            state.sex,
            is_alliance=is_alliance,
        )
        found = list(judged(series, what, Start()))
        held.update(
            verdict.rule for one in found for verdict in one.assessment.verdicts if verdict.holds
        )
        spans += [span for rule in rules.rules for span in spans_of(rule, found)]
    return sorted(spans, key=lambda one: one.opened), held


def spans_of(rule: Rule, ratings: Iterable[Judged]) -> Iterator[Span]:
    """The alerts that one rule raises in a series.

    A state ends after so many evaluated ratings in a row on which it did not hold, the others
    where they are said to be over.
    """
    opened: datetime | None = None
    without = 0
    for one in ratings:
        at = one.rating.occurred_at
        for said in one.assessment.verdicts:
            if said.rule != rule.id or said.kind not in ALERTING:
                continue
            without = 0 if said.holds else without + 1
            is_over = without >= rule.ends_after if said.kind == "state" else said.cleared
            if opened is not None and is_over:
                yield Span(rule.id, opened, at)
                opened = None
            if said.holds and opened is None:
                opened = at
    if opened is not None:
        yield Span(rule.id, opened, None)


def concerns(spans: Iterable[Span]) -> int:
    """How often a concern begins: with an alert where none was open, or ended at this rating."""
    begun, until = 0, EVER
    for one in spans:
        begun += one.opened > until
        until = max(until, one.ended or NEVER)
    return begun
