"""The private part of an event, on its way out and on its way in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from shared.contracts import CATALOGUE, Envelope, Event, Recorded, Wire
from shared.privacy.cipher import SubjectCipher
from shared.privacy.errors import KeyMissing, SubjectErased, SubjectRef
from shared.privacy.keyring import Keyring

Ciphers = Mapping[SubjectRef, SubjectCipher | None]

_encode = msgspec.json.Encoder().encode


def seal(
    event: Event, cipher: SubjectCipher | None, *, tenant: str, stream: str, event_id: str
) -> bytes:
    """`event` as the `data` that is stored and sent: its private part as one ciphertext.

    Raises SubjectErased where there is something private to say and no key to say it under, and
    BrokenContract for an event that no reader would accept: what is stored is read for ever, so
    a microsecond of reading it here is better than a client parked there.
    """
    private: Any = getattr(event, "private", None)
    if private is not None:
        if cipher is None:
            raise SubjectErased
        plaintext = _encode(private)
        CATALOGUE.decode_private(event.type, event.version, plaintext)
        sealed = cipher.seal(plaintext, tenant=tenant, stream=stream, event_id=event_id)
        event = msgspec.structs.replace(event, private=sealed)
    data = _encode(event)
    CATALOGUE.decode_data(event.type, event.version, data)
    return data


def open_wire(
    event_type: str,
    schema_version: int,
    wire: Wire,
    ciphers: Ciphers,
    *,
    tenant: str,
    stream: str,
    event_id: str,
) -> Event:
    """The event with its private part opened, None if its subject is erased.

    Raises KeyMissing, Forged or BrokenContract (all Permanent) for what we did not write.
    """
    contract, sealed = CATALOGUE.contracts[event_type], wire.private
    if sealed is None or contract.private is None:
        return contract.event_of(wire, None)
    ref = (tenant, sealed.sub)
    if ref not in ciphers:
        raise KeyMissing([ref])
    cipher = ciphers[ref]
    if cipher is None:
        return contract.event_of(wire, None)
    plaintext = cipher.open(sealed, tenant=tenant, stream=stream, event_id=event_id)
    private = CATALOGUE.decode_private(event_type, schema_version, plaintext)
    return contract.event_of(wire, private)


def open_envelope(envelope: Envelope, ciphers: Ciphers) -> Recorded[Event]:
    """The event in `envelope`; see `open_wire` for what is raised."""
    return _recorded(
        envelope,
        open_wire(
            envelope.event_type,
            envelope.schemaversion,
            envelope.data,
            ciphers,
            tenant=envelope.tenant,
            stream=envelope.stream,
            event_id=envelope.id,
        ),
    )


def leave_sealed(envelope: Envelope) -> Recorded[Event]:
    """The event in `envelope` for who needs its clear fields alone: `private` is None."""
    contract = CATALOGUE.contracts[envelope.event_type]
    return _recorded(envelope, contract.event_of(envelope.data, None))


async def open_all(envelopes: Sequence[Envelope], keyring: Keyring) -> list[Recorded[Event]]:
    """All of them in order, their keys fetched at once."""
    ciphers = await keyring.load(sealed_for(envelopes))
    return [open_envelope(envelope, ciphers) for envelope in envelopes]


def sealed_for(envelopes: Iterable[Envelope]) -> set[SubjectRef]:
    """Whose keys it takes to open `envelopes`."""
    return {
        (envelope.tenant, sealed.sub)
        for envelope in envelopes
        if (sealed := envelope.data.private) is not None
    }


def _recorded(envelope: Envelope, event: Event) -> Recorded[Event]:
    return Recorded(
        id=envelope.id,
        tenant=envelope.tenant,
        subject=envelope.subject,
        stream=envelope.stream,
        version=envelope.streamversion,
        recorded_at=envelope.time,
        epoch=envelope.epoch,
        position=int(envelope.position),
        correlation_id=envelope.correlationid,
        causation_id=envelope.causationid,
        traceparent=envelope.traceparent,
        data=event,
    )
