"""From records of Kafka to events of clients: checked, and their private parts opened."""

from collections.abc import Sequence
from typing import NamedTuple

from services.outcomes.rows import ClientKey
from shared.consuming.records import Incoming
from shared.contracts import Envelope, Event, Recorded
from shared.errors import Permanent
from shared.privacy import KeyMissing, Keyring, open_envelope, sealed_for


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
    envelopes = [one.envelope for one in events]
    try:
        ciphers = await keyring.load(sealed_for(envelopes))
    except KeyMissing as error:
        first = next(one for one in envelopes if sealed_for([one]) & error.refs)
        raise blame(error, first) from error
    opened = []
    for incoming, envelope in zip(events, envelopes, strict=True):
        client_id = getattr(envelope.data, "client_id", None)
        if client_id is None:
            continue
        try:
            check_place(envelope, client_id)
            event = open_envelope(envelope, ciphers)
        except Permanent as error:
            raise blame(error, envelope) from error
        opened.append(ClientEvent((envelope.tenant, client_id), event, incoming.raw))
    return opened


def check_place(envelope: Envelope, client_id: str) -> None:
    """Raise Misplaced where data, key, stream and secret are not of one client and episode.

    A state is one part a stream; an event that speaks in another's place would break that.
    """
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
