"""Rules of time: from when on they hold, because of what, and how their alerts live."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.domain.alert import Alert
from services.alerts.domain.commands import Resolve, decide
from services.alerts.domain.course import Booking, Course, Form
from services.alerts.domain.holding import FINDERS, INSTANT, next_moment, untold_risk
from services.alerts.domain.timed import settle
from shared.contracts.alerts import (
    AlertRaised,
    AlertRepeated,
    AlertResolved,
    AlertSourceChanged,
    AlertWithdrawn,
)
from shared.contracts.intake import SessionStatus
from shared.measures import default_rules
from shared.measures.rules.episodes import Answer, Session
from tests.unit.alerts.builders import START

RULES = {rule.id: rule for rule in default_rules().rules if rule.id in FINDERS}
DAY = timedelta(days=1)


def course(*parts: Booking | Form, **fields: Any) -> Course:
    """An episode opened at START with these sessions and forms."""
    known = {"opened_at": START, "told_at": START} | fields
    return Course(
        episode_id="episode-1",
        client_id="client-1",
        bookings=tuple(one for one in parts if isinstance(one, Booking)),
        forms=tuple(one for one in parts if isinstance(one, Form)),
        **known,
    )


def session(
    day: float,
    status: SessionStatus = "held",
    known: float | None = None,
    told: float | None = None,
) -> Booking:
    """A session on a day, known of and told of on that day if nothing else is said."""
    at = START + day * DAY
    return Booking(
        session=Session(f"session-{day}", at, None, status),
        known_at=at if known is None else START + known * DAY,
        told_at=at if told is None else START + told * DAY,
    )


def form(day: float, *, told: float | None = None, declined: bool = False, **fields: Any) -> Form:
    """A form filled in on a day and told of at once, if nothing else is said."""
    at = START + day * DAY
    told_at = at if told is None else START + told * DAY
    return Form(id=f"form-{day}", answer=Answer(at, None, declined), told_at=told_at, **fields)


@dataclass
class Clock:
    """An episode's alerts as time goes on."""

    alerts: dict[str, Alert] = field(default_factory=dict)

    def look(self, known: Course, day: float, after: timedelta = INSTANT) -> list[type]:
        """Look right after a moment, by what is known of the episode then."""
        steps = settle(RULES, known, list(self.alerts.values()), START + day * DAY + after)
        for step in steps:
            self.alerts[step.alert.id] = step.alert
        return [type(step.event) for step in steps]

    def severity(self) -> str:
        """How severe the one alert that there is is."""
        return str(self.only.severity)

    @property
    def only(self) -> Alert:
        """The one alert that there is."""
        [alert] = self.alerts.values()
        return alert


def test_three_weeks_to_the_instant_are_no_gap_and_one_more_is() -> None:
    clock = Clock()
    assert clock.look(course(session(4)), 25, after=timedelta(0)) == []
    assert clock.look(course(session(4)), 25) == [AlertRaised]
    assert clock.only.rule == "gap"
    assert clock.only.occurred_at == START + 25 * DAY


def test_a_booked_session_puts_the_gap_off_until_it_is_over() -> None:
    known = course(session(4), session(40, "booked", known=5, told=5))
    clock = Clock()
    assert clock.look(known, 40, after=timedelta(0)) == []
    assert clock.look(known, 40) == [AlertRaised]
    assert clock.only.occurred_at == START + 40 * DAY


def test_a_booking_called_off_is_a_gap_from_then_on() -> None:
    clock = Clock()
    called_off = session(40, "cancelled_by_client", known=5, told=30)
    assert clock.look(course(session(4), called_off), 31) == [AlertRaised]
    assert clock.only.occurred_at == START + 30 * DAY
    assert not clock.only.historical


def test_a_gap_ends_with_a_booking_made_after_it_began() -> None:
    clock = Clock()
    clock.look(course(), 22)
    assert clock.look(course(session(30, "booked", known=23, told=23)), 23) == [AlertResolved]


def test_a_gap_was_none_where_a_contact_before_it_is_told_late() -> None:
    clock = Clock()
    clock.look(course(), 22)
    assert clock.look(course(form(20, told=22)), 22) == [AlertWithdrawn]


def test_what_was_rated_before_the_opening_is_no_contact_of_the_episode() -> None:
    clock = Clock()
    assert clock.look(course(form(-60, told=0)), 1) == []
    assert clock.look(course(form(-60, told=0)), 21) == [AlertRaised]


def test_a_declined_form_is_no_contact_but_an_answer() -> None:
    known = course(session(7), session(14), form(14.5, declined=True))
    clock = Clock()
    assert clock.look(known, 16) == []
    assert clock.look(known, 35) == [AlertRaised]
    assert (clock.only.rule, clock.only.occurred_at) == ("gap", START + 35 * DAY)


def test_who_measures_nothing_where_sessions_are_not_told_is_not_silent() -> None:
    assert Clock().look(course(measuring="paused"), 50) == []
    assert Clock().look(course(session(4), measuring="declined"), 50) != []


def test_a_gap_of_an_import_is_history_and_the_presumed_ending_after_it_is_not() -> None:
    known = course(form(0, told=30, imported=True), imported=True)
    clock = Clock()
    assert clock.look(known, 30) == [AlertRaised]
    assert clock.only.historical
    assert clock.look(known, 42) == [AlertRepeated]
    assert not clock.only.historical


@pytest.mark.parametrize(
    ("told", "imported", "historical"),
    [(24, False, False), (24.01, False, True), (21, True, True), (20.99, True, False)],
)
def test_a_gap_that_was_there_three_days_before_we_were_told_is_history(
    told: float, imported: bool, historical: bool
) -> None:
    clock = Clock()
    clock.look(course(form(0, told=told, imported=imported)), 25)
    assert clock.only.historical == historical


def test_a_live_repetition_takes_back_that_history_was_seen() -> None:
    known = course(form(0, told=30, imported=True), imported=True)
    clock = Clock()
    clock.look(known, 30)
    seen = msgspec.structs.replace(clock.only, status="acknowledged")
    clock.alerts[seen.id] = seen
    clock.look(known, 42)
    assert clock.only.status == "open"


def test_what_no_rule_asks_for_any_more_is_resolved() -> None:
    clock = Clock()
    clock.look(course(), 22)
    [step] = settle({}, course(), [clock.only], START + 23 * DAY)
    assert isinstance(step.event, AlertResolved)


def test_a_session_missed_after_two_repeats_and_the_fifth_is_more_severe() -> None:
    clock = Clock()
    missed = [session(7.0 * week, "missed") for week in range(1, 6)]
    kinds = [clock.look(course(*missed[:n], form(6)), 7 * n) for n in range(1, 4)]
    assert kinds == [[], [AlertRaised], [AlertRepeated]]
    assert clock.only.severity == "medium"
    clock = Clock()
    clock.look(course(*missed), 36)
    of_missed = [one for one in clock.alerts.values() if one.rule == "missed_sessions"]
    assert [one.severity for one in of_missed] == ["high"]


def test_a_missed_session_that_was_held_after_all_withdraws_what_it_raised() -> None:
    clock = Clock()
    clock.look(course(session(7, "missed"), session(14, "missed")), 14)
    assert clock.look(course(session(7, "missed"), session(14, told=15)), 15) == [AlertWithdrawn]


def test_a_repetition_that_was_held_after_all_goes_from_the_alert() -> None:
    first = session(7, "missed"), session(14, "missed")
    clock = Clock()
    clock.look(course(*first, session(15, "missed")), 16)
    late = session(10, "missed", told=16)
    assert clock.look(course(*first, late, session(15, "missed")), 16) != []
    assert clock.look(course(*first, session(15, "missed")), 16) == [AlertSourceChanged]


def test_a_repetition_that_goes_takes_its_severity_along() -> None:
    missed = [session(float(day), "missed") for day in range(7, 12)]
    clock = Clock()
    clock.look(course(*missed), 12)
    assert clock.severity() == "high"
    late = session(9.5, "missed", told=12)
    assert clock.look(course(*missed[:2], late, *missed[3:]), 12) == [
        AlertSourceChanged,
        AlertRepeated,
    ]
    assert clock.look(course(*missed[:2], *missed[3:]), 12) == [AlertSourceChanged]
    assert clock.severity() == "medium"


def test_two_sessions_without_a_form_are_told_a_day_after_the_second() -> None:
    held = session(7), session(14)
    clock = Clock()
    assert clock.look(course(*held), 15, after=timedelta(seconds=-1)) == []
    assert clock.look(course(*held), 15) == [AlertRaised]
    assert (clock.only.rule, clock.only.severity) == ("measure_missing", "info")
    assert clock.look(course(*held, form(16)), 16) == []
    assert clock.look(course(*held, session(21), form(16)), 22) == [AlertResolved]


def test_a_form_told_late_withdraws_that_it_was_missing() -> None:
    clock = Clock()
    clock.look(course(session(7), session(14)), 15)
    told = course(session(7), session(14), form(14, told=15))
    assert clock.look(told, 15) == [AlertWithdrawn]


def test_sessions_while_measuring_was_off_miss_nothing() -> None:
    held = [session(7.0 * week) for week in range(1, 5)]
    assert Clock().look(course(*held, measuring="paused"), 30) == []
    since = START + 20 * DAY
    on_again = course(*held, measuring_since=since)
    assert Clock().look(on_again, 28) == []
    assert Clock().look(on_again, 30) == [AlertRaised]


def test_measuring_paused_resolves_what_was_missing() -> None:
    clock = Clock()
    clock.look(course(session(7), session(14)), 15)
    paused = course(session(7), session(14), measuring="paused", measuring_since=START + 15 * DAY)
    assert clock.look(paused, 16) == [AlertResolved]


def test_while_data_is_held_back_only_that_is_told() -> None:
    clock = Clock()
    clock.look(course(), 22)
    held = course(form(22), held_since=START + 23 * DAY)
    assert clock.look(held, 24) == [AlertRaised]
    standing = {one.rule: one.status for one in clock.alerts.values()}
    assert standing == {"gap": "open", "data_held_up": "open"}
    assert clock.look(held, 30) == []
    assert clock.look(course(form(22)), 31) == [AlertResolved, AlertResolved]


def test_data_held_back_is_told_where_the_client_is_still_seen() -> None:
    assert Clock().look(course(held_since=START, speaks=False), 1) == []


def test_an_episode_closed_before_the_gap_began_never_had_one() -> None:
    clock = Clock()
    clock.look(course(), 22)
    assert clock.look(course(closed_at=START + 20 * DAY), 23) == [AlertWithdrawn]
    clock = Clock()
    clock.look(course(), 22)
    assert clock.look(course(closed_at=START + 22 * DAY), 23) == [AlertResolved]


def test_a_gap_undone_by_mistake_is_the_same_alert_again() -> None:
    clock = Clock()
    clock.look(course(), 22)
    before = clock.only.id
    clock.look(course(form(20, told=22)), 22)
    assert clock.look(course(), 23) == [AlertRaised]
    assert (clock.only.id, clock.only.status, clock.only.version) == (before, "open", 3)


def test_what_a_person_has_resolved_calls_for_nothing_until_there_is_more() -> None:
    clock = Clock()
    clock.look(course(), 22)
    alert = clock.only
    [resolved] = decide(alert, Resolve(actor="Dr A", reason="on holiday"))
    clock.alerts[alert.id] = msgspec.structs.replace(
        alert, status="resolved", by_person=True, version=alert.version + 1
    )
    assert isinstance(resolved, AlertResolved)
    assert clock.look(course(), 41) == []
    assert clock.look(course(), 42) == [AlertRaised]


DAYS = st.integers(0, 60)
PARTS = st.lists(
    st.one_of(
        st.builds(session, DAYS, st.sampled_from(["held", "missed", "booked"])),
        st.builds(form, DAYS),
    ),
    max_size=6,
    unique_by=lambda one: one.session.id if isinstance(one, Booking) else one.id,
)


@given(PARTS)
def test_whoever_looks_only_when_told_to_misses_nothing(parts: Sequence[Booking | Form]) -> None:
    known = course(*parts)
    eager, patient = Clock(), Clock()
    moments = [START + hour * timedelta(hours=6) for hour in range(4 * 90)]
    due: datetime | None = START
    for now in moments:
        day = (now - START) / DAY
        eager.look(known, day)
        while due is not None and due <= now:
            patient.look(known, (due - START) / DAY)
            due = next_moment(RULES, known, due + INSTANT)
        assert {a.id: a.status for a in eager.alerts.values()} == {
            a.id: a.status for a in patient.alerts.values()
        }


@pytest.mark.parametrize(
    ("forms", "told"),
    [
        ([form(1, told=5, historical=True, risk=10)], True),
        ([form(1, told=5, historical=True, risk=0)], False),
        ([form(1, told=5, historical=True, risk=20), form(2, told=5, historical=True)], True),
        ([form(1, told=5, historical=True, risk=20), form(2, risk=0)], False),
        ([form(1, told=5, historical=True, risk=20, delivered=True)], False),
        ([form(1, risk=20)], False),
    ],
)
def test_the_latest_answer_on_risk_decides_whether_history_is_told(
    forms: Sequence[Form], told: bool
) -> None:
    known = course(*forms)
    rested = START + 5 * DAY + timedelta(minutes=10)
    assert untold_risk(known, rested) is None
    assert (untold_risk(known, rested + INSTANT) is not None) == told
    closed = msgspec.structs.replace(known, closed_at=START + 4 * DAY)
    assert untold_risk(closed, rested + INSTANT) is None
