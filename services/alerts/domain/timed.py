"""From the rules of time that hold to the events that make the alerts say so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.alerts.domain.alert import Alert, AlertEvent, evolve
from services.alerts.domain.course import Course, Form
from services.alerts.domain.holding import FINDERS, SYSTEM, Cause, Holding, held_before, holding
from services.alerts.domain.judged import content_of
from services.alerts.domain.severity import after_repetitions
from shared.contracts.alerts import (
    AlertContent,
    AlertRaised,
    AlertRepeated,
    AlertResolved,
    AlertSourceChanged,
    AlertWithdrawn,
)
from shared.contracts.outcomes import Rule
from shared.ids import derived_id


class Step(NamedTuple):
    """One event of an alert, and the alert after it."""

    event: AlertEvent
    alert: Alert


def settle(
    rules: Mapping[str, Rule], course: Course, alerts: Sequence[Alert], now: datetime
) -> list[Step]:
    """What has to happen so that the alerts of time are those that hold at `now`.

    `alerts` are all that the episode as a whole ever had. While data of the client is held back,
    only that is told: nothing else can be known.
    """
    steps: list[Step] = []
    for name in FINDERS:
        if course.held_since is not None and name != SYSTEM:
            continue
        rule = rules.get(name)
        held = None if rule is None else holding(rule, course, now)
        of_rule = [alert for alert in alerts if alert.rule == name]
        steps += _towards(held, rule, course, of_rule)
    return steps


def told_late(form: Form, alert: Alert, content: AlertContent | None) -> Step:
    """The risk of a historical rating, told all the same; `content` is what was said of it."""
    heading = f"Rated on {day(form.answer.at)}, received {day(form.told_at)}."
    content = content or AlertContent()
    event = AlertRepeated(
        **alert.about,
        severity=alert.severity,
        notify=True,
        cause_id=form.id,
        occurred_at=form.answer.at,
        private=msgspec.structs.replace(content, text=f"{heading} {content.text}"),
    )
    return Step(event, evolve(alert, event))


def day(moment: datetime) -> str:
    """A day in words."""
    return f"{moment.day} {moment:%B %Y}"


def _towards(
    held: Holding | None, rule: Rule | None, course: Course, alerts: Sequence[Alert]
) -> Iterator[Step]:
    """The events of one rule. What a person has dealt with calls for nothing more."""
    dealt_with = {cause for alert in alerts if alert.by_person for cause in alert.causes}
    causes = [one for one in held.causes if one.id not in dealt_with] if held else []
    ids = {one.id for one in causes}
    current = next((alert for alert in alerts if not alert.ended), None)
    if current is not None and ids.isdisjoint(current.causes):
        yield _ended(rule, course, current)
        current = None
    if held is None or not causes:
        return
    if current is None:
        raised = _raise(held, causes[0], course)
        current = evolve(_known(raised.alert_id, alerts), raised)
        yield Step(raised, current)
    for gone in [one for one in current.causes[1:] if one not in ids]:
        severity = after_repetitions(current.base, len(current.causes) - 2)
        dropped = AlertSourceChanged(**current.about, cause_id=gone, severity=severity)
        current = evolve(current, dropped)
        yield Step(dropped, current)
    for cause in causes:
        if cause.id not in current.causes:
            repeated = _repeat(current, held, cause)
            current = evolve(current, repeated)
            yield Step(repeated, current)


def _ended(rule: Rule | None, course: Course, alert: Alert) -> Step:
    """Resolved where its cause has gone, withdrawn where there never was one."""
    event: AlertEvent
    if rule is None or held_before(rule, course, alert):
        event = AlertResolved(**alert.about, by_rule=True)
    else:
        event = AlertWithdrawn(**alert.about)
    return Step(event, evolve(alert, event))


def _known(alert_id: str, alerts: Iterable[Alert]) -> Alert | None:
    return next((alert for alert in alerts if alert.id == alert_id), None)


def _raise(held: Holding, cause: Cause, course: Course) -> AlertRaised:
    verdict = held.verdict
    return AlertRaised(
        alert_id=derived_id("alert", course.series.id, verdict.rule, cause.id),
        episode_id=course.episode_id,
        client_id=course.client_id,
        rule=verdict.rule,
        rule_version=verdict.rule_version,
        kind=verdict.kind,
        measure=course.series.measure,
        severity=verdict.severity,
        historical=cause.historical,
        cause_id=cause.id,
        occurred_at=cause.at,
        private=content_of(verdict),
    )


def _repeat(alert: Alert, held: Holding, cause: Cause) -> AlertRepeated:
    return AlertRepeated(
        **alert.about,
        severity=after_repetitions(alert.base, len(alert.causes)),
        # What was history so far is news with its first cause of today.
        notify=alert.historical and not cause.historical,
        historical=cause.historical,
        cause_id=cause.id,
        occurred_at=cause.at,
        private=content_of(held.verdict),
    )
