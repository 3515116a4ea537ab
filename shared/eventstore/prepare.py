"""From a caller's `Write` to rows: sealed, checked and ready to be sent with those of others."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from shared.contracts.events import Sealed
from shared.database import array_literal as text
from shared.errors import Invalid, TooLarge
from shared.eventstore.model import (
    CLAIM,
    MAX_EVENT_BYTES,
    MAX_WRITE_EVENTS,
    Append,
    IdempotencyKey,
    NewEvent,
    StoredResponse,
    Write,
)
from shared.privacy import Keyring, SubjectErased, SubjectRef, seal
from shared.privacy.sealing import Ciphers

GIVEN_UP = -1

_encode = msgspec.json.Encoder().encode
_decode_sealed = msgspec.json.Decoder(Sealed).decode


class HeadRow(NamedTuple):
    """What heroic_append wants to know of a stream head; see there for the versions."""

    tenant: str
    stream: str
    expected: int
    version: int
    subject: str
    ref: str | None
    last_id: str | None


class KeyRow(NamedTuple):
    """What heroic_append wants to know of an idempotency key."""

    tenant: str
    principal: str
    key: str
    request_hash: bytes
    status: int
    response: bytes


class EventRow(NamedTuple):
    """What heroic_append wants to know of an event."""

    tenant: str
    stream: str
    version: int
    id: str
    type: str
    subject: str
    schema_version: int
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    data: bytes


class Prepared(NamedTuple):
    """A write as rows. `names` are the streams and the key that no other of its batch may touch."""

    write: Write
    heads: list[HeadRow]
    key: KeyRow | None
    events: list[EventRow]
    names: tuple[tuple[str, str, str], ...]
    size: int


async def prepare(write: Write, keyring: Keyring) -> Prepared:
    """Seal `write` and turn it into rows.

    Raises TooLarge, Invalid (NUL), SubjectErased and KeyMissing.
    """
    refs = secrets_of(write)
    return rows_of(write, await keyring.load(refs) if refs else {})


async def prepare_all(writes: Sequence[Write], keyring: Keyring) -> list[Prepared]:
    """All of them in order, their keys fetched at once."""
    refs = {ref for write in writes for ref in secrets_of(write)}
    ciphers = await keyring.load(refs) if refs else {}
    return [rows_of(write, ciphers) for write in writes]


def secrets_of(write: Write) -> set[SubjectRef]:
    """Whose keys it takes to seal `write`."""
    refs = {
        (append.tenant, append.secret_of)
        for append in write.appends
        if any(getattr(event.data, "private", None) is not None for event in append.events)
    }
    if write.idempotency is not None:
        refs.add((write.tenant, write.secret_of))
    return refs


def rows_of(write: Write, ciphers: Ciphers) -> Prepared:
    """`write` as rows, sealed with `ciphers`, which hold at least those of `secrets_of`."""
    heads: list[HeadRow] = []
    events: list[EventRow] = []
    for append in write.appends:
        cipher = ciphers.get((append.tenant, append.secret_of))
        version = append.expected
        for event in append.events:
            version += 1
            data = seal(
                event.data, cipher, tenant=append.tenant, stream=append.stream, event_id=event.id
            )
            events.append(event_row(write, append, event, version, data))
        if version == append.expected:
            raise Invalid("an append without events")
        last = append.events[-1].id
        heads.append(
            HeadRow(
                append.tenant, append.stream, append.expected, version, append.subject, None, last
            )
        )
    for claim in write.claims:
        heads.append(HeadRow(claim.tenant, claim.stream, 0, 0, claim.subject, claim.ref, None))
    for stream in write.release:
        heads.append(HeadRow(write.tenant, stream, GIVEN_UP, GIVEN_UP, "", None, None))
    key = key_row(write, write.idempotency, ciphers) if write.idempotency else None
    names = [("stream", head.tenant, head.stream) for head in heads]
    if key:
        names.append((f"key {key.principal}", key.tenant, key.key))
    size = sum(len(event.data) for event in events) + (len(key.response) if key else 0)
    check(write, heads, events, key)
    return Prepared(write, heads, key, events, tuple(names), size)


def event_row(write: Write, append: Append, event: NewEvent, version: int, data: bytes) -> EventRow:
    """The row of one event; raises TooLarge where no Kafka record could carry it."""
    if len(data) > MAX_EVENT_BYTES:
        raise TooLarge(f"an event of {len(data)} bytes; at most {MAX_EVENT_BYTES}")
    return EventRow(
        append.tenant,
        append.stream,
        version,
        event.id,
        event.data.type,
        append.subject,
        event.data.version,
        write.correlation_id,
        event.causation_id,
        write.traceparent,
        data,
    )


def check(write: Write, heads: list[HeadRow], events: list[EventRow], key: KeyRow | None) -> None:
    """Refuse what heroic_append must never be asked; each would be an error in our own code."""
    if not heads or len({(head.tenant, head.stream) for head in heads}) < len(heads):
        raise Invalid("a write names at least one stream, and each once")
    if len(events) > MAX_WRITE_EVENTS:
        raise TooLarge(f"{len(events)} events at once; at most {MAX_WRITE_EVENTS}")
    for head in heads:
        if (head.version <= 0) != head.stream.startswith(CLAIM):
            raise Invalid("claims, and nothing else, are heads without events")
    # PostgreSQL has no NUL in a text; all that a caller may have chosen himself is here.
    chosen = [write.correlation_id, write.traceparent or ""]
    for head in heads:
        chosen += (head.stream, head.ref or "")
    chosen += [key.principal, key.key] if key else []
    if "\0" in "".join(chosen):
        raise Invalid("contains NUL")


def key_row(write: Write, idempotency: IdempotencyKey, ciphers: Ciphers) -> KeyRow:
    """The row of the key, with the response as a ciphertext."""
    cipher = ciphers.get((write.tenant, write.secret_of))
    if cipher is None:
        raise SubjectErased
    sealed = cipher.seal(write.response, **binding(write.tenant, idempotency))
    return KeyRow(
        write.tenant,
        idempotency.principal,
        idempotency.key,
        idempotency.request_hash,
        write.response_status,
        _encode(sealed),
    )


async def open_response(
    tenant: str, idempotency: IdempotencyKey, status: int, response: bytes, keyring: Keyring
) -> StoredResponse:
    """The stored answer in the clear; raises SubjectErased."""
    sealed = _decode_sealed(response)
    ref = (tenant, sealed.sub)
    cipher = (await keyring.load([ref]))[ref]
    if cipher is None:
        raise SubjectErased([ref])
    body = cipher.open(sealed, **binding(tenant, idempotency))
    # The cipher pads with spaces, with which no JSON ends.
    return StoredResponse(status, body.rstrip(b" "))


def binding(tenant: str, idempotency: IdempotencyKey) -> dict[str, Any]:
    """What the ciphertext of a stored answer is bound to."""
    return {
        "tenant": tenant,
        "stream": f"idempotency-{idempotency.principal}",
        "event_id": idempotency.key,
    }


class Columns:
    """The arguments of heroic_append for some writes, each of which is a caller of its own."""

    def __init__(self, batch: Sequence[Prepared]) -> None:
        heads = sorted((*head, n) for n, one in enumerate(batch, 1) for head in one.heads)
        keys = sorted((*one.key, n) for n, one in enumerate(batch, 1) if one.key)
        events = [(*event, n) for n, one in enumerate(batch, 1) for event in one.events]
        self.callers = len(batch)
        self.heads = columns(heads, 8)
        self.keys = columns(keys, 7)
        self.events = columns(events, 12)
        self.tenants = sorted({head[0] for head in heads})

    def arguments(self, tenants: Sequence[str] | None, recorded_at: datetime) -> list[Any]:
        """In the order of CALL; `tenants` None: the transaction has set them."""
        h, k, e = self.heads, self.keys, self.events
        return [
            *(tenants, recorded_at, self.callers),
            *(h[7], text(h[0]), text(h[1]), h[2], h[3], text(h[4]), text(h[5]), text(h[6])),
            *(k[6], text(k[0]), text(k[1]), text(k[2]), k[3], k[4], k[5]),
            *(e[11], text(e[0]), text(e[1]), e[2], text(e[3]), text(e[4]), text(e[5]), e[6]),
            *(text(e[7]), text(e[8]), text(e[9]), e[10]),
        ]


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    """The columns of `rows`, also where there are none."""
    return list(zip(*rows, strict=True)) or [()] * width
