"""One append to one stream of an organisation, with the answer that a repeated request gets."""

from collections.abc import Sequence

from shared.contracts import Event
from shared.eventstore import (
    Append,
    Claim,
    EventStore,
    IdempotencyKey,
    NewEvent,
    StoredResponse,
    Write,
)
from shared.ids import new_id
from shared.telemetry import current_trace_id, current_traceparent


async def append(
    store: EventStore,
    tenant: str,
    stream: str,
    expected: int,
    events: Sequence[Event],
    *,
    secret_of: str = "",
    claims: Sequence[str] = (),
    key: IdempotencyKey | None = None,
    answer: StoredResponse | None = None,
) -> StoredResponse | None:
    """Append `events`, sealed under the key of `secret_of` (else the organisation's).

    `claims` must be free, and are held from then on. With `key`, `answer` is kept for whoever
    repeats the request; what is returned is the answer to an earlier one, None where this is the
    first. Raises as `EventStore.write`. Where nothing happens, nothing is written or kept.
    """
    if not events:
        return None
    secret_of = secret_of or tenant
    write = Write(
        tenant=tenant,
        appends=[
            Append(
                tenant=tenant,
                stream=stream,
                expected=expected,
                events=[NewEvent(id=new_id(), data=event) for event in events],
                subject=tenant,
                secret_of=secret_of,
            )
        ],
        claims=[Claim(tenant=tenant, stream=one, ref=stream, subject=tenant) for one in claims],
        idempotency=key if answer is not None else None,
        response=answer.body if key and answer else b"",
        response_status=answer.status if answer else 200,
        secret_of=secret_of,
        traceparent=current_traceparent(),
        correlation_id=current_trace_id() or "",
    )
    return (await store.write(write)).replayed
