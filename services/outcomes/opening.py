"""From records of Kafka to events of clients: checked, and their private parts opened."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from services.outcomes.rows import ClientKey
from shared.consuming.records import Incoming
from shared.contracts import Envelope, Event, Recorded
from shared.contracts.feedback import RatingCorrected, RatingSubmitted
from shared.contracts.intake import ClientDetails, ClientDetailsCorrected, ClientRegistered
from shared.contracts.outcomes import AssessmentRevised, RatingAssessed
from shared.errors import Permanent
from shared.privacy import KeyMissing, Keyring, leave_sealed, open_envelope, sealed_for

USED = {
    event.type
    for event in (
        ClientRegistered,
        ClientDetailsCorrected,
        RatingSubmitted,
        RatingCorrected,
        RatingAssessed,
        AssessmentRevised,
    )
}
"""The events whose private part the fold reads."""


class Misplaced(Permanent):
    """An event whose envelope and data name different clients or episodes."""

    code, title = "misplaced", "Not where it says it belongs"


class ClientEvent(NamedTuple):
    """An event of one client, and the record that it came in."""

    key: ClientKey
    event: Recorded[Event]
    raw: bytes


async def open_batch(events: Sequence[Incoming], keyring: Keyring) -> list[ClientEvent]:
    """Those of `events` that are about clients, in order; the keys are fetched at once.

    Raises Permanent with the id of the event (`event_id`) that no retry will make readable.
    """
    found = [(one, client_of(one.envelope)) for one in events]
    about_clients = [(one, client_id) for one, client_id in found if client_id is not None]
    opened = await open_used([one.envelope for one, _ in about_clients], keyring)
    return [
        ClientEvent((event.tenant, client_id), event, one.raw)
        for (one, client_id), event in zip(about_clients, opened, strict=True)
    ]


async def open_used(envelopes: Sequence[Envelope], keyring: Keyring) -> list[Recorded[Event]]:
    """The events in order. Only what the fold uses is opened, and of who somebody is it keeps the
    sex for norms alone. Of somebody whose key is gone the private part is None. Raises as
    `open_batch` does.
    """
    try:
        ciphers = await keyring.load(sealed_for(one for one in envelopes if is_used(one)))
    except KeyMissing as error:
        first = next(one for one in envelopes if is_used(one) and sealed_for([one]) & error.refs)
        raise blame(error, first) from error
    opened = []
    for envelope in envelopes:
        try:
            check_place(envelope)
            event = (
                open_envelope(envelope, ciphers) if is_used(envelope) else leave_sealed(envelope)
            )
        except Permanent as error:
            raise blame(error, envelope) from error
        opened.append(without_names(event))
    return opened


def without_names(event: Recorded[Event]) -> Recorded[Event]:
    """The event, with nothing in it of who somebody is but the sex for norms."""
    data = event.data
    if not isinstance(data, ClientRegistered | ClientDetailsCorrected) or data.private is None:
        return event
    kept = ClientDetails(sex_for_norms=data.private.sex_for_norms)
    return msgspec.structs.replace(event, data=msgspec.structs.replace(data, private=kept))


def is_used(envelope: Envelope) -> bool:
    """Whether the fold reads the private part of such an event."""
    return envelope.event_type in USED


def client_of(envelope: Envelope) -> str | None:
    """The client whom the event is about, if it is about one."""
    return getattr(envelope.data, "client_id", None)


def check_place(envelope: Envelope) -> None:
    """Raise Misplaced where data, key, stream and secret are not of one client and episode.

    A state is one part a stream; an event that speaks in another's place would break that.
    """
    client_id = client_of(envelope) or ""
    place = getattr(envelope.data, "episode_id", client_id)
    sealed = envelope.data.private
    if (
        envelope.subject != client_id
        or not envelope.stream.endswith(place)
        or (sealed is not None and sealed.sub != client_id)
    ):
        raise Misplaced


def blame(error: Permanent, envelope: Envelope) -> Permanent:
    """`error`, saying which event it is about."""
    error.event_id = envelope.id  # type: ignore[attr-defined]  # read by the kernel, if there
    return error
