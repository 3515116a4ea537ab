"""From the alerts that a series calls for and those that there are to the events between them."""

from collections.abc import Iterable
from typing import NamedTuple

from services.alerts.domain.alert import Alert, AlertEvent, Series, evolve
from services.alerts.domain.judged import Judged, JudgedSeries, Said
from services.alerts.domain.spans import SHIPPED, Endings, Span, rules_in, spans
from shared.contracts.alerts import (
    AlertRaised,
    AlertRepeated,
    AlertResolved,
    AlertSourceChanged,
    AlertWithdrawn,
)


class Change(NamedTuple):
    """One event of an alert, the rating that it is about, and the alert after it."""

    event: AlertEvent
    rating_id: str
    alert: Alert


def reconcile(
    series: Series, judged: JudgedSeries, alerts: Iterable[Alert], ends_after: Endings = SHIPPED
) -> list[Change]:
    """What has to happen so that the alerts are those that the series calls for.

    `alerts` are all that the series ever had. Alerts that a person has ended stay as they are.
    """
    known = {alert.id: alert for alert in alerts if not alert.is_risk}
    rules = rules_in(judged) | {alert.rule for alert in known.values()}
    changes: list[Change] = []
    for rule in sorted(rules):
        of_rule = [alert for alert in known.values() if alert.rule == rule]
        by_person = [alert for alert in of_rule if alert.by_person]
        called_for = spans(series.id, rule, judged, by_person, ends_after)
        ids = {span.alert_id for span in called_for}
        for alert in of_rule:
            if alert.id not in ids and not alert.by_person and alert.status != "withdrawn":
                changes += _withdraw(alert)
        for span in called_for:
            changes += _towards(span, known.get(span.alert_id), series)
    return changes


def _withdraw(alert: Alert) -> Iterable[Change]:
    event = AlertWithdrawn(**alert.about)
    yield Change(event, alert.causes[0], evolve(alert, event))


def _towards(span: Span, alert: Alert | None, series: Series) -> Iterable[Change]:
    """The events that make `alert` what `span` says."""
    judged, said = span.cause
    if alert is None or (alert.ended and (alert.status == "withdrawn" or span.ended_by is None)):
        raised = _raise(span, series)
        alert = evolve(alert, raised)
        yield Change(raised, judged.rating_id, alert)
    elif (alert.content, alert.occurred_at) != (said.content, judged.occurred_at):
        yield (change := _told_anew(span, alert))
        alert = change.alert
    for gone in sorted(set(alert.causes) - {rating.rating_id for rating, _ in span.ratings}):
        yield (change := _changed(span, alert, gone))
        alert = change.alert
    for rating, words in span.repeats:
        if rating.rating_id not in alert.causes:
            repeated = _repeat(span, alert, rating, words)
            alert = evolve(alert, repeated)
            yield Change(repeated, rating.rating_id, alert)
    if alert.severity != span.severity:
        yield (change := _changed(span, alert, judged.rating_id))
        alert = change.alert
    if span.ended_by is not None and not alert.ended:
        resolved = AlertResolved(**alert.about, by_rule=True)
        alert = evolve(alert, resolved)
        yield Change(resolved, span.ended_by.rating_id, alert)


def _told_anew(span: Span, alert: Alert) -> Change:
    """The rating that raised the alert says something else, or of another time."""
    judged, said = span.cause
    changed = AlertSourceChanged(
        **alert.about,
        cause_id=judged.rating_id,
        severity=span.severity_of(set(alert.causes)),
        occurred_at=judged.occurred_at,
        private=said.content,
    )
    return Change(changed, judged.rating_id, evolve(alert, changed))


def _changed(span: Span, alert: Alert, rating_id: str) -> Change:
    """A rating behind the alert holds no more."""
    causes = set(alert.causes) - ({rating_id} - {span.cause[0].rating_id})
    changed = AlertSourceChanged(
        **alert.about, cause_id=rating_id, severity=span.severity_of(causes)
    )
    return Change(changed, rating_id, evolve(alert, changed))


def _raise(span: Span, series: Series) -> AlertRaised:
    judged, said = span.cause
    return AlertRaised(
        alert_id=span.alert_id,
        episode_id=series.episode_id,
        client_id=series.client_id,
        rule=said.rule,
        rule_version=said.rule_version,
        kind=said.kind,
        measure=series.measure,
        rater_kind=series.rater_kind,
        rater_id=series.rater_id,
        severity=said.severity,
        historical=judged.historical,
        cause_id=judged.rating_id,
        occurred_at=judged.occurred_at,
        private=said.content,
    )


def _repeat(span: Span, alert: Alert, judged: Judged, said: Said) -> AlertRepeated:
    return AlertRepeated(
        **alert.about,
        severity=span.severity_of({*alert.causes, judged.rating_id}),
        # What was history so far is news with its first rating of today.
        notify=alert.historical and not judged.historical,
        historical=judged.historical,
        cause_id=judged.rating_id,
        occurred_at=judged.occurred_at,
        private=said.content,
    )
