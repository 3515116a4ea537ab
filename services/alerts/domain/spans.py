"""From a judged series to the alerts that it calls for: a pure fold in clinical order.

A span is one alert's life as the ratings tell it: the rating that raised it, the ratings that
repeated it, the rating that ended it. The alert's id follows from the first, so that the same
ratings call for the same alerts whatever the order in which they became known.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from services.alerts.domain.alert import Alert
from services.alerts.domain.judged import Judged, JudgedSeries, Said
from services.alerts.domain.severity import along
from shared.contracts.outcomes import Severity
from shared.ids import derived_id
from shared.measures import RuleSet, rule_sets

STATE_ENDS_AFTER = 2
"""Evaluated ratings in a row without it that end a state of which no rule set says anything."""

Endings = Mapping[tuple[str, int, str], int]
"""By key and version of a rule set and by rule: after how many evaluated ratings in a row without
it a state ends."""


def endings(sets: Iterable[RuleSet]) -> Endings:
    """What these rule sets say of it."""
    return {(one.key, one.version, rule.id): rule.ends_after for one in sets for rule in one.rules}


SHIPPED = endings(rule_sets().values())


@dataclass
class Span:
    """One alert as the ratings tell it; each rating with what the rule said of it."""

    alert_id: str
    cause: tuple[Judged, Said]
    repeats: list[tuple[Judged, Said]] = field(default_factory=list)
    ended_by: Judged | None = None

    @property
    def ratings(self) -> list[tuple[Judged, Said]]:
        """The ratings behind the alert, in clinical order."""
        return [self.cause, *self.repeats]

    @property
    def severity(self) -> Severity:
        """How severe the alert is after all of them."""
        return along(said.severity for _, said in self.ratings)

    def severity_of(self, rating_ids: Collection[str]) -> Severity:
        """How severe it is as long as only these of them are known."""
        known = (said for judged, said in self.ratings if judged.rating_id in rating_ids)
        return along(said.severity for said in known)


def rule_alert_id(series_id: str, rule: str, rating_id: str) -> str:
    """The id of the alert that `rule` raises at this rating of the series."""
    return derived_id("alert", series_id, rule, rating_id)


def rules_in(series: JudgedSeries) -> set[str]:
    """The rules that held for some rating: the others can have no alert."""
    return {said.rule for judged in series.values() for said in judged.said if said.holds}


def spans(
    series_id: str,
    rule: str,
    series: JudgedSeries,
    by_person: Iterable[Alert] = (),
    ends_after: Endings = SHIPPED,
) -> list[Span]:
    """The alerts of `rule` that the series calls for, in clinical order; the last may be open.

    `by_person` are alerts of the key that a person has ended: their ratings are dealt with and
    call for nothing more, while one that the person was not shown raises a new alert.
    """
    dealt_with = {cause for alert in by_person for cause in alert.causes}
    found: list[Span] = []
    current: Span | None = None
    without = 0
    for judged, said in _evaluated(rule, series):
        # Whoever dealt with a later rating has dealt with the earlier ones of the same span.
        dealt = judged.rating_id in dealt_with
        without = 0 if said.holds else without + 1
        over = _is_over(judged, said, without, ends_after)
        if current is not None and (dealt or over):
            current.ended_by, current = judged, None
        if said.holds and not dealt:
            if current is None:
                alert_id = rule_alert_id(series_id, rule, judged.rating_id)
                current = Span(alert_id, (judged, said))
                found.append(current)
            else:
                current.repeats.append((judged, said))
    return found


def _is_over(judged: Judged, said: Said, without: int, ends_after: Endings) -> bool:
    """Whether an open alert ends here, `without` evaluated ratings in a row lacking the rule."""
    if said.kind != "state":
        return said.cleared
    return without >= ends_after.get((*judged.rules, said.rule), STATE_ENDS_AFTER)


def _evaluated(rule: str, series: JudgedSeries) -> list[tuple[Judged, Said]]:
    """The ratings on which `rule` was evaluated, in clinical order."""
    pairs = [
        (judged, said) for judged in series.values() for said in judged.said if said.rule == rule
    ]
    pairs.sort(key=lambda pair: (pair[0].occurred_at, pair[0].ordinal, pair[0].rating_id))
    return pairs
