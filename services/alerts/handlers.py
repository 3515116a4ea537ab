"""What people do with alerts: load, decide, append."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from services.alerts.bell import Bell
from services.alerts.care import load_closed
from services.alerts.domain.alert import Alert, alert_stream, evolve, fold
from services.alerts.domain.commands import Command, decide
from services.alerts.ownership import owners_of
from services.alerts.reaching import UNKNOWN
from services.alerts.rows import save_alerts
from services.alerts.writing import append_of
from shared.consuming import held_back_since
from shared.contracts import Event, Recorded
from shared.database import Database, driver
from shared.errors import Conflict, NotFound, PreconditionFailed, Unavailable
from shared.eventstore import (
    EventStore,
    IdempotencyKey,
    NewEvent,
    StoredResponse,
    Write,
    WrongVersion,
)
from shared.ids import new_id
from shared.purging import living, no_purge
from shared.telemetry import current_trace_id, current_traceparent

log = logging.getLogger(__name__)

SERVICE = "alerts"
TRIES = 10
"""How often a command that lost a race is decided anew before its caller is told."""


class Answer(Protocol):
    """Makes the body of an answer."""

    def __call__(self, alert: Alert, /) -> bytes:
        """The body that tells of `alert`."""


class Around(NamedTuple):
    """Which episodes are closed (those that intake has not told of yet are left out), since when
    data of which clients is held back, and whose the alerts of each episode are."""

    closed: Mapping[str, bool]
    held_back_since: Mapping[str, datetime]
    owners: Mapping[str, str | None]


class Asked(NamedTuple):
    """A command's frame: which alert of which tenant, and what the caller insists on."""

    tenant: str
    alert_id: str
    if_match: int | None = None
    idempotency: IdempotencyKey | None = None


class Alerts:
    """The alerts of all tenants, as people read and change them."""

    def __init__(self, database: Database, store: EventStore, bell: Bell) -> None:
        self._database = database
        self._store = store
        self._bell = bell

    async def history(self, tenant: str, alert_id: str) -> list[Recorded[Event]]:
        """The events of one alert; NotFound where the tenant has no such alert."""
        events = await self._store.read(tenant, alert_stream(alert_id))
        if not events:
            raise NotFound(UNKNOWN)
        return events

    async def around(self, tenant: str, found: Sequence[Alert]) -> Around:
        """What belongs to these alerts without being of them."""
        of_episode = {alert.series.episode_id: alert for alert in found}
        async with self._database.session(tenant) as conn:
            closed = await load_closed(driver(conn), tenant, of_episode)
            held = await held_back_since(
                conn, tenant, sorted({alert.series.client_id for alert in found})
            )
            owners = await owners_of(
                driver(conn), [(tenant, alert) for alert in of_episode.values()]
            )
        return Around(closed, held, dict(zip(of_episode, owners, strict=True)))

    async def do(self, asked: Asked, command: Command, answer: Answer) -> StoredResponse:
        """Do `command`; what `answer` makes of the alert after it, or the answer of before.

        Raises NotFound, PreconditionFailed, NeedsReview, NotARisk, AlreadyEnded and what the
        store raises.
        """
        if stored := await self._answered(asked):
            return stored
        for _ in range(TRIES):
            try:
                return await self._once(asked, command, answer)
            except (Conflict, PreconditionFailed) as error:
                # What is in the way may be the same request, which was quicker.
                if stored := await self._answered(asked):
                    return stored
                if not isinstance(error, WrongVersion):
                    raise
        raise Conflict("Others keep changing this alert.")

    async def _answered(self, asked: Asked) -> StoredResponse | None:
        if asked.idempotency is None:
            return None
        return await self._store.stored_response(asked.tenant, asked.idempotency)

    async def _once(self, asked: Asked, command: Command, answer: Answer) -> StoredResponse:
        told = await self.history(asked.tenant, asked.alert_id)
        alert = fold(one.data for one in told)
        if asked.if_match is not None and asked.if_match != alert.version:
            raise PreconditionFailed
        decided = decide(alert, command)
        if not decided:
            return StoredResponse(200, answer(alert))
        for event in decided:
            alert = evolve(alert, event)
        body = answer(alert)
        events = [NewEvent(id=new_id(), data=event) for event in decided]
        written = await self._store.write(
            Write(
                tenant=asked.tenant,
                appends=[append_of(asked.tenant, alert, events)],
                idempotency=asked.idempotency,
                response=body,
                response_status=200,
                secret_of=alert.series.client_id,
                correlation_id=current_trace_id() or new_id(),
                traceparent=current_traceparent(),
            )
        )
        if written.replayed is not None:
            return written.replayed
        self._bell.ring()
        try:
            await self.keep(asked.tenant, [alert])
        except Unavailable as error:
            # It is done and durable; whoever reads the row next mends it.
            log.warning("a row was left behind: %s", error.detail)
        return StoredResponse(200, body)

    async def keep(self, tenant: str, alerts: Sequence[Alert]) -> None:
        """Bring rows up to date with the streams, so that whoever lists them finds what is; of who
        has been erased meanwhile there are none."""
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            await no_purge(raw, [tenant])
            alive = await living(raw, {(tenant, alert.series.client_id) for alert in alerts})
            kept = [one for one in alerts if (tenant, one.series.client_id) in alive]
            await save_alerts(raw, ((tenant, alert) for alert in kept))
