"""The envelope: CloudEvents 1.0 in structured JSON, with our extensions.

`type` comes first on the wire, so that the decoder knows at once what it reads.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

import msgspec

from shared.contracts.events import Event, Sealed

E = TypeVar("E", bound=Event, covariant=True)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Text = Annotated[str, msgspec.Meta(max_length=1000)]
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of `data` on the wire: the event's clear fields, its private part still sealed."""

    private: Sealed | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The attributes of every envelope but `type`. `time` is when the store recorded the event.

    `id` is the event's, `stream` and `streamversion` its place in its stream (from 1), `position`
    its place in the store's table as a decimal text (CloudEvents integers end at 32 bits), `epoch`
    counts the restores of the store.
    """

    specversion: Literal["1.0"]
    id: Name
    source: Name
    subject: Name
    time: Instant
    datacontenttype: Literal["application/json"]
    dataschema: Name
    tenant: Name
    stream: Name
    streamversion: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    epoch: Count
    position: Name
    schemaversion: Count
    correlationid: Text
    causationid: Text | None = None
    traceparent: Text | None = None

    @property
    def version(self) -> int:
        """The event's version in its stream, from 1."""
        return self.streamversion

    @property
    def recorded_at(self) -> datetime:
        """When the store recorded the event."""
        return self.time


class Envelope(Header, frozen=True, kw_only=True, gc=False):
    """A decoded message; its real class is one of the union that `Catalogue` derives."""

    event_type: ClassVar[str]
    data: Wire


class RawEnvelope(Header, frozen=True, kw_only=True, gc=False):
    """An envelope of any type around `data` as it is stored: JSON text."""

    type: Name
    data: msgspec.Raw


class Recorded(msgspec.Struct, Generic[E], frozen=True, kw_only=True):
    """An event out of the store with its private part opened (None once the subject is erased)."""

    id: str
    tenant: str
    subject: str
    stream: str
    version: int
    recorded_at: datetime
    epoch: int
    position: int
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    data: E


_encode = msgspec.json.Encoder().encode


def envelope_bytes(
    *,
    event_type: str,
    event_id: str,
    subject: str,
    recorded_at: datetime,
    tenant: str,
    stream: str,
    version: int,
    epoch: int,
    position: int,
    schema_version: int,
    correlation_id: str,
    causation_id: str | None,
    traceparent: str | None,
    data: bytes,
) -> bytes:
    """The message for Kafka: the envelope around the stored `data`, which is copied as it is."""
    header = Header(
        specversion="1.0",
        id=event_id,
        source=f"/heroic/{event_type.split('.', 2)[1]}",
        subject=subject,
        time=recorded_at,
        datacontenttype="application/json",
        dataschema=schema_uri(event_type, schema_version),
        tenant=tenant,
        stream=stream,
        streamversion=version,
        epoch=epoch,
        position=str(position),
        schemaversion=schema_version,
        correlationid=correlation_id,
        causationid=causation_id,
        traceparent=traceparent,
    )
    attributes = _encode(header)[1:-1]
    return b'{"type":%b,%b,"data":%b}' % (_encode(event_type), attributes, data)


def schema_uri(event_type: str, version: int) -> str:
    """The name of a schema: `urn:heroic:event:<type>:<version>`."""
    return f"urn:heroic:event:{event_type}:{version}"
