"""What alerts listens to: submissions for risk, assessments for the rules.

Two groups that know nothing of each other. The risk group takes each submission by itself, so
that nothing else, whether parked, late or many, comes before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, cast, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from services.alerts.bell import Bell
from services.alerts.domain.alert import Alert, AlertEvent, alert_stream, series_of
from services.alerts.domain.judged import Assessment, hold, put, words_of
from services.alerts.domain.reconcile import Change, reconcile
from services.alerts.domain.risk import RISK_ITEM, Rating, Received, Report, Reviewed, on_rating
from services.alerts.rows import (
    Heard,
    Key,
    Row,
    load_judged,
    load_of_series,
    row_of,
    save_alerts,
    save_with_taken,
    save_words,
)
from services.alerts.rule_sets import SAYINGS, SaidOfRules, load_endings, save_rule_sets
from services.alerts.writing import Decided, writes_of
from shared.consuming import Incoming, Plan
from shared.contracts import Envelope, Event, Recorded
from shared.contracts.feedback import RatingMoved, RatingVoided
from shared.database import driver
from shared.eventstore import EventStore, Write
from shared.measures import definitions
from shared.privacy import Keyring, leave_sealed, open_all

RISK_GROUP, RULES_GROUP = "alerts.risk", "alerts.rules"

RATINGS: tuple[type[Rating], ...] = get_args(Rating)
ASSESSMENTS: tuple[type[Assessment], ...] = get_args(Assessment)
ASSESSMENT_TYPES = {event.type for event in ASSESSMENTS}

T = TypeVar("T", bound=Rating | Assessment)


class AlertPlan(Plan):
    """The events of a batch, the alerts as they stand after them, and what was
    heard and taken."""

    def __init__(self, bell: Bell) -> None:
        self.writes: list[Write] = []
        self.alerts: dict[Key, Alert] = {}
        self.heard: dict[Key, Heard] = {}
        self.taken: dict[Key, int] = {}
        self.rule_sets: list[tuple[str, int, SaidOfRules]] = []
        self._is_live = False
        self._bell = bell

    def take(self, tenant: str, decided: Sequence[Decided]) -> None:
        """Add what was decided for one series of `tenant`."""
        self.writes += writes_of(tenant, decided)
        self._is_live |= any(not one.alert.historical for one in decided)
        self.alerts.update({(tenant, one.alert.id): one.alert for one in decided})

    async def apply(self, conn: AsyncConnection) -> None:
        """Write the rows."""
        alerts = [(tenant, alert) for (tenant, _), alert in self.alerts.items()]
        if self.taken:
            await save_with_taken(driver(conn), alerts, self.taken)
        else:
            await save_alerts(driver(conn), alerts)
        await save_words(driver(conn), self.heard)
        await save_rule_sets(driver(conn), self.rule_sets)

    async def committed(self) -> None:
        """Wake the streams, which tell nothing of what is history."""
        if self._is_live:
            self._bell.ring()


class RiskHandler:
    """Group `alerts.risk`: risk items, from the submission alone."""

    def __init__(self, keyring: Keyring, store: EventStore, bell: Bell) -> None:
        self._keyring = keyring
        self._store = store
        self._bell = bell

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> AlertPlan:
        """The risk alerts that `events` of feedback raise or change."""
        plan = AlertPlan(self._bell)
        for envelope in (event.envelope for event in events):
            key = envelope.tenant, envelope.stream
            plan.taken[key] = max(envelope.version, plan.taken.get(key, 0))
        asked = [e.envelope for e in events if may_tell_of_risk(e.envelope)]
        if not asked:
            return plan
        grouped = by_series(await open_all(asked, self._keyring), RATINGS)
        loaded = await load_of_series(driver(conn), grouped.keys())
        rows = await up_to_date(conn, self._store, loaded, plan)
        for key, recorded in grouped.items():
            plan.take(key[0], list(decide_risk(recorded, rows[key])))
        return plan


class RulesHandler:
    """Group `alerts.rules`: what the rules said of each rating, folded by series."""

    def __init__(self, keyring: Keyring, store: EventStore, bell: Bell) -> None:
        self._keyring = keyring
        self._store = store
        self._bell = bell

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> AlertPlan:
        """The alerts that the assessments in `events` call for, and the series with them."""
        plan = AlertPlan(self._bell)
        plan.rule_sets = [*said_of_rules(one.envelope for one in events)]
        asked = [e.envelope for e in events if e.envelope.event_type in ASSESSMENT_TYPES]
        if not asked:
            return plan
        grouped = by_series(await open_all(asked, self._keyring), ASSESSMENTS)
        loaded = await load_of_series(driver(conn), grouped.keys())
        rows = await up_to_date(conn, self._store, loaded, plan)
        heard = {key: heard_of(recorded) for key, recorded in grouped.items()}
        # Most ratings hold nothing, and nothing follows from them: they are only remembered.
        called = [key for key in heard if rows[key] or hold(heard[key].words)]
        judged = await load_judged(driver(conn), called)
        ends_after = await load_endings(driver(conn), {tenant for tenant, _ in called})
        for key in called:
            series = series_of(grouped[key][0].data)
            alerts = [row.alert for row in rows[key]]
            words = put(judged[key], heard[key].words)
            changes = reconcile(series, words, alerts, ends_after[key[0]])
            plan.take(key[0], list(caused(changes, grouped[key])))
        plan.heard = heard
        return plan


async def up_to_date(
    conn: AsyncConnection, store: EventStore, rows: dict[Key, list[Row]], plan: AlertPlan
) -> dict[Key, list[Row]]:
    """`rows`, those that a command has left behind replaced by what their streams say.

    A command writes its event and then the row; its process may have died in between. The plan
    writes such rows first: one that still says open would stand in the way of a new alert.
    """
    for (tenant, _), found in rows.items():
        for number, row in enumerate(found):
            if row.behind:
                told = await store.read_in(conn, tenant, alert_stream(row.alert.id))
                found[number] = row_of(told)
                plan.alerts[tenant, row.alert.id] = found[number].alert
    return rows


def may_tell_of_risk(envelope: Envelope) -> bool:
    """Whether it is worth opening: most ratings are on measures that ask nothing about risk.

    One scored by a definition that is not known here is opened.
    """
    event = leave_sealed(envelope).data
    if isinstance(event, Report):
        definition = definitions().get((event.measure, event.definition_version))
        return definition is None or bool(definition.risk)
    return isinstance(event, (RatingVoided, RatingMoved))


def by_series(
    recorded: Iterable[Recorded[Event]], kinds: tuple[type[T], ...]
) -> dict[Key, list[Recorded[T]]]:
    """The events of `kinds`, those of each series (tenant, series id) in their order."""
    grouped: dict[Key, list[Recorded[T]]] = {}
    for one in recorded:
        if isinstance(one.data, kinds):
            key = (one.tenant, series_of(one.data).id)
            grouped.setdefault(key, []).append(cast("Recorded[T]", one))
    return grouped


def decide_risk(recorded: Iterable[Recorded[Rating]], rows: Iterable[Row]) -> Iterator[Decided]:
    """What the ratings of one series lead to, one after another."""
    rows = list(rows)
    alerts = {row.alert.id: row.alert for row in rows}
    reviewed = last_review(rows)
    for one in recorded:
        received = Received(one.id, one.recorded_at, one.data)
        for event, alert in on_rating(received, list(alerts.values()), reviewed):
            alerts[alert.id] = alert
            yield decided(event, alert, alert.rule, one)


def last_review(rows: Iterable[Row]) -> Reviewed | None:
    """The latest review of the series' risk item."""
    reviews = (row for row in rows if row.alert.rule == RISK_ITEM and row.alert.by_person)
    last = max(reviews, key=lambda row: row.changed_at, default=None)
    return None if last is None else Reviewed(last.alert.value, last.changed_at)


def said_of_rules(envelopes: Iterable[Envelope]) -> Iterator[tuple[str, int, SaidOfRules]]:
    """What organisations said of their rules: the rules of time follow them."""
    for envelope in envelopes:
        if envelope.event_type in SAYINGS:
            event = leave_sealed(envelope).data
            yield envelope.tenant, envelope.streamversion, cast("SaidOfRules", event)


def heard_of(recorded: Sequence[Recorded[Assessment]]) -> Heard:
    """The last words of a batch on the ratings of one series."""
    return Heard(recorded[0].data.client_id, words_of(one.data for one in recorded))


def caused(
    changes: Iterable[Change], recorded: Sequence[Recorded[Assessment]]
) -> Iterator[Decided]:
    """Each change with the assessment that it goes back to: its rating's own, where it came now,
    else the latest."""
    causes = {one.data.rating_id: one for one in recorded}
    for change in changes:
        cause = causes.get(change.rating_id, recorded[-1])
        yield decided(change.event, change.alert, change.rating_id, cause)


def decided(event: AlertEvent, alert: Alert, about: str, cause: Recorded[Event]) -> Decided:
    """What was decided, with where it comes from."""
    return Decided(event, alert, about, cause.id, cause.correlation_id, cause.traceparent)
