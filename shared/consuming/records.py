"""What a consumer reads, and what a handler is."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import EVENTS, Envelope, RawEnvelope
from shared.contracts.envelope import Header
from shared.errors import HeroicError, Permanent
from shared.eventstore import Write

LONG = 4_000
"""Bytes; a shorter record has no name that would be too long for an index."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# Why a record could not be decoded.
UNREADABLE_RECORD, UNKNOWN_TYPE, BROKEN_CONTRACT = "unreadable", "unknown_type", "broken_contract"

KNOWN_SCHEMAS = frozenset(
    f"{event.type}:{version}"
    for event in EVENTS.values()
    for version in range(1, event.version + 1)
)

_raw_envelope = msgspec.json.Decoder(RawEnvelope)


class Incoming(msgspec.Struct, gc=False):
    """A record that could be decoded. `envelope` is what the consumer's `decode` made of it: an
    Envelope, or a slimmer Struct with those of its attributes that the handler and the kernel use
    (`id`, `tenant`, `subject`, `stream`, `streamversion`, `traceparent`)."""

    topic: str
    partition: int
    offset: int
    raw: bytes
    envelope: Envelope


class Broken(msgspec.Struct):
    """A record that could not be decoded, with as much of its envelope as could be read."""

    topic: str
    partition: int
    offset: int
    raw: bytes
    envelope: RawEnvelope | None
    reason: str
    detail: str


Record = Incoming | Broken


class Decode(Protocol):
    """Bytes of a record → its envelope."""

    def __call__(self, raw: bytes, /) -> Envelope:
        """Raises Permanent or msgspec's errors for bytes that are no event of ours."""


class Plan:
    """What a batch of events leads to, computed before anything is written."""

    writes: Sequence[Write] = ()
    """Derived events: the first write of the transaction."""

    async def apply(self, conn: AsyncConnection) -> None:
        """Effects in the service's tables, in the same transaction, after the append."""

    async def committed(self) -> None:
        """After the commit: wake-ups and caches. It may never run; nothing may depend on it."""


class Handler(Protocol):
    """What a service does with the events of a topic."""

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """Read what is needed with plain SELECTs and compute; write nothing.

        `events` are to be applied now and once, those of a partition in its order; the few of a
        small poll may be of several partitions. Raises Permanent for an event that no retry will
        make acceptable; with an attribute `event_id` the kernel parks that one at once, else it
        finds out which one it is.
        """


def read(topic: str, partition: int, offset: int, raw: bytes, decode: Decode) -> Record:
    """One record, decoded; what is wrong with it, if anything, is in the result."""
    try:
        envelope = decode(raw)
    except (Permanent, *UNREADABLE) as error:
        return _broken(topic, partition, offset, raw, error)
    # A handler's own decoder may not look for names that fail in every query.
    suspect = len(raw) > LONG or b"\\u0000" in raw
    if suspect and read_envelope(raw) is None:
        return Broken(topic, partition, offset, raw, None, UNREADABLE_RECORD, "names out of bounds")
    return Incoming(topic, partition, offset, raw, envelope)


def _broken(topic: str, partition: int, offset: int, raw: bytes, error: Exception) -> Broken:
    envelope = read_envelope(raw)
    if envelope is None:
        reason = UNREADABLE_RECORD
    elif not is_known(schema_of(envelope)):
        reason = UNKNOWN_TYPE
    else:
        reason = BROKEN_CONTRACT
    # Only our own errors: those of decoders quote what they could not read.
    detail = error.detail if isinstance(error, HeroicError) else type(error).__name__
    return Broken(topic, partition, offset, raw, envelope, reason, detail)


def schema_of(envelope: RawEnvelope) -> str:
    """Which schema the event follows: what an unknown one waits for a worker to know."""
    return f"{envelope.type}:{envelope.schemaversion}"


def is_known(schema: str) -> bool:
    """Whether this program can read events of `schema`."""
    return schema in KNOWN_SCHEMAS


def read_envelope(raw: bytes) -> RawEnvelope | None:
    """The envelope alone, of an event of whatever type; None where it is not even that."""
    try:
        envelope = _raw_envelope.decode(raw)
    except UNREADABLE:
        return None
    return None if "\0" in envelope.type or _holds_nul(envelope) else envelope


def _holds_nul(header: Header) -> bool:
    """Whether a name in the envelope has a NUL in it."""
    return any("\0" in name for name in (header.tenant, header.subject, header.stream, header.id))
