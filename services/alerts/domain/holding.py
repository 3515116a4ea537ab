"""Which rules of time hold for an episode at a moment, since when, and because of what."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

import msgspec

from services.alerts.domain.alert import Alert
from services.alerts.domain.course import Contact, Course, Form, is_at_risk
from shared.contracts.outcomes import Rule, Verdict
from shared.ids import derived_id
from shared.measures.rules.episodes import (
    Session,
    data_held_up,
    gap,
    gap_limit,
    is_answered,
    measure_missing,
    missed_sessions,
)

INSTANT = timedelta(microseconds=1)
"""After a limit, by as little as can be told: a rule holds beyond its limit, not at it."""

HISTORY_RESTS = timedelta(minutes=10)
"""So long after the last historical rating, what the import says of risk is told."""


class Cause(NamedTuple):
    """What a rule of time holds because of: a session, a contact; and since when."""

    id: str
    at: datetime
    historical: bool


class Holding(NamedTuple):
    """A rule that holds: what it says, and its causes, the first at first.

    None of them: it holds because of nothing that anybody need be told.
    """

    verdict: Verdict
    causes: list[Cause]


def holding(rule: Rule, course: Course, now: datetime) -> Holding | None:
    """Whether `rule` holds at `now`; None where it does not, or is no rule of time."""
    find = FINDERS.get(rule.id)
    return None if find is None else find(rule, course, now)


def held_before(rule: Rule, course: Course, alert: Alert) -> bool:
    """Whether `rule` held when `alert` began, by what is known today: else it never should have.

    Whatever is switched off today, measuring was on then.
    """
    if alert.kind == "system":
        return True
    then = msgspec.structs.replace(course, measuring="on", measuring_since=None)
    held = holding(rule, then, alert.occurred_at + INSTANT)
    return held is not None and bool(held.causes)


def next_moment(rules: Mapping[str, Rule], course: Course, now: datetime) -> datetime | None:
    """The next moment from `now` on after which it may be otherwise than now; None: never.

    Sessions and forms may be told of a little ahead of the clock.
    """
    if not course.is_open(now) or course.held_since is not None:
        return None
    moments = [one.session.starts_at for one in course.bookings]
    moments += [one.answer.at for one in course.forms]
    if gone := rules.get("gap"):
        last, so_far = course.last_contact(now), course.as_of(now)
        limit = gap_limit(gone, so_far, now)
        moments += [last.at + limit, last.at + limit * float(gone.thresholds["presumed_ended"])]
    if missing := rules.get("measure_missing"):
        moments += [one.session.over_at + patience(missing) for one in course.bookings]
    if (told := course.history_told_at) is not None:
        moments.append(told + HISTORY_RESTS)
    if course.closed_at is not None:
        moments.append(course.closed_at)
    return min((one for one in moments if one >= now), default=None)


def untold_risk(course: Course, now: datetime) -> Form | None:
    """The historical rating whose risk is to be told all the same: the latest answer on risk of
    an open episode, once history has rested."""
    told, form = course.history_told_at, course.latest_on_risk
    if told is None or now <= told + HISTORY_RESTS or not course.is_open(now):
        return None
    if form is None or not form.historical or form.delivered or not is_at_risk(form):
        return None
    return form


def _gap(rule: Rule, course: Course, now: datetime) -> Holding | None:
    so_far = course.as_of(now)
    if course.measuring != "on" and not so_far.session_feed:
        # Nothing is to be heard of somebody who measures nothing where sessions are not told.
        return None
    verdict = gap(rule, so_far, now)
    if not verdict.holds:
        return None
    last, limit = course.last_contact(now), gap_limit(rule, so_far, now)
    since = _unbooked_since(course, last.at + limit, now)
    causes = [Cause(last.id, since, last.is_historical(since))]
    ended = last.at + limit * float(rule.thresholds["presumed_ended"])
    if now > ended:
        ended = max(since, ended)
        cause_id = derived_id("presumed_ended", last.id)
        causes.append(Cause(cause_id, ended, last.is_historical(ended)))
    return Holding(verdict, causes)


def _unbooked_since(course: Course, moment: datetime, now: datetime) -> datetime:
    """From when on, at `moment` or later, no session was booked any more."""
    for one in sorted(course.bookings, key=lambda one: one.known_at):
        over_at = one.over_at
        if over_at is not None and one.known_at <= moment < over_at <= now:
            moment = over_at
    return moment


def _missed(rule: Rule, course: Course, now: datetime) -> Holding | None:
    so_far = course.as_of(now)
    verdict = missed_sessions(rule, so_far, now)
    if not course.is_open(now) or verdict is None or not verdict.holds:
        return None
    due = [s for s in so_far.sessions if s.status in ("held", "missed") and s.starts_at <= now]
    run = trailing(due, lambda one: one.status == "missed")
    at = {one.id: one.starts_at for one in run}
    return Holding(verdict, _of_sessions(course, run, at, int(rule.thresholds["running"])))


def _missing(rule: Rule, course: Course, now: datetime) -> Holding | None:
    so_far = course.as_of(now)
    verdict = measure_missing(rule, so_far, now)
    waited_for = course.is_open(now) and course.measuring == "on"
    if not waited_for or verdict is None or not verdict.holds:
        return None
    wait = patience(rule)
    held = [s for s in so_far.sessions if s.status == "held" and s.over_at + wait <= now]
    before = dict(zip((one.id for one in held), (None, *held), strict=False))

    def is_missing(one: Session) -> bool:
        paused = course.measuring_since is not None and one.over_at <= course.measuring_since
        return not paused and not is_answered(so_far.answers, one, before[one.id], wait)

    run = trailing(held, is_missing)
    at = {one.id: one.over_at + wait for one in run}
    return Holding(verdict, _of_sessions(course, run, at, int(rule.thresholds["running"])))


def _held_up(rule: Rule, course: Course, now: datetime) -> Holding | None:
    since = course.held_since
    verdict = data_held_up(rule, course.as_of(now), now)
    if since is None or not verdict.holds or not course.speaks:
        return None
    cause_id = derived_id("held_up", course.client_id, since.isoformat())
    return Holding(verdict, [Cause(cause_id, since, historical=False)])


def _of_sessions(
    course: Course, run: list[Session], at: Mapping[str, datetime], running: int
) -> list[Cause]:
    """The sessions of a run with which a rule held: the last of the first so many, and on."""
    told = {one.session.id: one for one in course.bookings}
    causes = []
    for one in run[running - 1 :]:
        booking, moment = told[one.id], at[one.id]
        contact = Contact(one.id, moment, booking.told_at, booking.imported)
        causes.append(Cause(one.id, moment, contact.is_historical(moment)))
    return causes


def trailing(sessions: Iterable[Session], is_so: Callable[[Session], bool]) -> list[Session]:
    """The last sessions, all of those of which it is so without a break."""
    return list(takewhile(is_so, reversed(list(sessions))))[::-1]


def patience(rule: Rule) -> timedelta:
    """How long after a session a form may take."""
    return timedelta(hours=float(rule.thresholds["hours_after"]))


FINDERS: Mapping[str, Callable[[Rule, Course, datetime], Holding | None]] = {
    "gap": _gap,
    "missed_sessions": _missed,
    "measure_missing": _missing,
    "data_held_up": _held_up,
}
"""The rules that alerts evaluates by itself, as its clock goes on."""

SYSTEM = "data_held_up"
