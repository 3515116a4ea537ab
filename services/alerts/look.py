"""One look at some episodes: which alerts of time follow, and when to look next."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.alerts.consumers import AlertPlan, up_to_date
from services.alerts.domain.alert import Alert, Series, alert_stream
from services.alerts.domain.course import Course, Form
from services.alerts.domain.holding import FINDERS, next_moment, untold_risk
from services.alerts.domain.risk import RISK_ITEM
from services.alerts.domain.timed import Step, settle, told_late
from services.alerts.rows import Key, load_of_series
from services.alerts.writing import Decided
from shared.contracts.alerts import AlertContent, AlertRaised, AlertRepeated
from shared.contracts.outcomes import Rule
from shared.database import driver
from shared.eventstore import EventStore
from shared.ids import new_id
from shared.measures import default_rules
from shared.measures.rule_set import Effective, in_force

AT_LEAST_EVERY = timedelta(days=1)
"""How often an open episode is looked at whatever happens: other rules may be in force by now."""


class Look:
    """One look at some episodes. `next`: when to look at each again; `delivered`: the forms
    (tenant, episode id, id) of which the risk is told."""

    def __init__(
        self,
        store: EventStore,
        conn: AsyncConnection,
        said: Mapping[str, Sequence[Effective]],
        now: datetime,
    ) -> None:
        self._store = store
        self._conn = conn
        self._said = said
        self._now = now
        self.next: dict[Key, datetime] = {}
        self.delivered: list[tuple[str, str, str]] = []

    async def at(self, courses: Mapping[Key, Course], plan: AlertPlan) -> AlertPlan:
        """What follows for `courses`, added to the plan."""
        untold = {
            key: form
            for key, course in courses.items()
            if course.held_since is None and (form := untold_risk(course, self._now)) is not None
        }
        series = {key: [course.series] for key, course in courses.items()}
        for key, form in untold.items():
            series[key].append(rated_series(courses[key], form))
        wanted = [(key[0], one.id) for key, ones in series.items() for one in ones]
        loaded = await load_of_series(driver(self._conn), wanted)
        rows = await up_to_date(self._conn, self._store, loaded, plan)
        alerts = {key: [row.alert for row in found] for key, found in rows.items()}
        for key, course in courses.items():
            tenant = key[0]
            rules = self._rules(tenant)
            steps = settle(rules, course, alerts[tenant, course.series.id], self._now)
            if (form := untold.get(key)) is not None:
                of_form = alerts[tenant, rated_series(course, form).id]
                steps += await self._tell(tenant, course, form, of_form)
            plan.take(tenant, [decided(step) for step in steps])
            self._look_next(key, rules, course)
        return plan

    def _rules(self, tenant: str) -> dict[str, Rule]:
        rules = in_force(self._said[tenant], self._now, default_rules())
        return {rule.id: rule for rule in rules.rules if rule.id in FINDERS}

    def _look_next(self, key: Key, rules: Mapping[str, Rule], course: Course) -> None:
        if not course.is_open(self._now) or course.held_since is not None:
            return
        moments = [one.effective_from for one in self._said[key[0]]]
        moments.append(self._now + AT_LEAST_EVERY)
        if (moment := next_moment(rules, course, self._now)) is not None:
            moments.append(moment)
        self.next[key] = min(one for one in moments if one >= self._now)

    async def _tell(
        self, tenant: str, course: Course, form: Form, alerts: Sequence[Alert]
    ) -> list[Step]:
        """The risk of a historical rating, where nobody has reviewed it yet."""
        of_form = [one for one in alerts if one.rule == RISK_ITEM and form.id in one.causes]
        alert = next((one for one in of_form if not one.ended), None)
        if alert is None:
            return []
        events = await self._store.read_in(self._conn, tenant, alert_stream(alert.id))
        contents: list[AlertContent] = [
            one.data.private
            for one in events
            if isinstance(one.data, AlertRaised | AlertRepeated)
            and one.data.cause_id == form.id
            and one.data.private is not None
        ]
        self.delivered.append((tenant, course.episode_id, form.id))
        return [told_late(form, alert, contents[-1] if contents else None)]


def rated_series(course: Course, form: Form) -> Series:
    """The series that a form belongs to."""
    return Series(
        episode_id=course.episode_id,
        client_id=course.client_id,
        measure=form.measure,
        rater_kind=form.rater_kind,
        rater_id=form.rater_id,
    )


def decided(step: Step) -> Decided:
    """What was decided; it has no event for its cause, and its place in the stream for a name."""
    return Decided(step.event, step.alert, str(step.alert.version), None, new_id(), None)
