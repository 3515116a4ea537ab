"""Publishing a fit: an event of the organisation, in force a while later, never in the past."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from shared.contracts import Event, Recorded
from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import ExpectedResponseFitted
from shared.eventstore import COMMAND_DEADLINE, Append, EventStore, NewEvent, Write
from shared.ids import new_id
from shared.measures.expected import Curve, curve_of
from shared.measures.fit import Fit
from shared.telemetry import current_trace_id, current_traceparent

LEAD = timedelta(seconds=60) + 2 * COMMAND_DEADLINE
"""From the command to where the curve is in force: 60 s, and the time that the write may take.

Whoever assesses a rating recorded then has heard of the curve by then.
"""


def curve_stream(tenant: str) -> str:
    """The stream of all curves of an organisation."""
    return f"curve-{tenant}"


async def publish(
    store: EventStore,
    tenant: str,
    measure: str,
    age_group: AgeGroup,
    fit: Fit,
    *,
    now: datetime,
) -> ExpectedResponseFitted:
    """The event, once it is durable; WrongVersion where somebody published in the meantime."""
    stream = curve_stream(tenant)
    history = await store.read(tenant, stream)
    event = ExpectedResponseFitted(
        measure=measure,
        age_group=age_group,
        curve_version=1 + len(curves_of(history, measure, age_group)),
        fitted_at=now,
        effective_from=now + LEAD,
        episodes=fit.episodes,
        ratings=fit.ratings,
        coverage=fit.coverage,
        **msgspec.structs.asdict(fit.parameters),
    )
    append = Append(
        tenant=tenant,
        stream=stream,
        expected=len(history),
        events=[NewEvent(id=new_id(), data=event)],
        subject=tenant,
        secret_of=tenant,
    )
    await store.write(
        Write(
            tenant=tenant,
            appends=[append],
            correlation_id=current_trace_id() or "",
            traceparent=current_traceparent(),
        )
    )
    return event


def curves_of(history: Iterable[Recorded[Event]], measure: str, age_group: AgeGroup) -> list[Curve]:
    """The curves of a measure and age group in an organisation's stream, oldest first."""
    return [
        curve_of(one.data)
        for one in history
        if isinstance(one.data, ExpectedResponseFitted)
        and (one.data.measure, one.data.age_group) == (measure, age_group)
    ]
