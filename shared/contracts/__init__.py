"""Every event of every service: what it is, how it travels, how old ones are read."""

from shared.contracts import alerts, feedback, intake, outcomes, people
from shared.contracts.catalogue import Catalogue
from shared.contracts.envelope import (
    Envelope,
    RawEnvelope,
    Recorded,
    Wire,
    envelope_bytes,
    schema_uri,
)
from shared.contracts.errors import BrokenContract, UnknownType
from shared.contracts.events import Event, Private, Sealed
from shared.contracts.upcasters import UPCASTERS

EVENTS: dict[str, type[Event]] = {
    event.type: event
    for module in (people, intake, feedback, outcomes, alerts)
    for event in vars(module).values()
    if isinstance(event, type) and issubclass(event, Event) and event is not Event
}
"""The event Structs by their CloudEvents type."""

CATALOGUE = Catalogue(EVENTS.values(), UPCASTERS)
"""The catalogue of this version of Heroic."""

decode = CATALOGUE.decode

__all__ = [
    "CATALOGUE",
    "EVENTS",
    "BrokenContract",
    "Catalogue",
    "Envelope",
    "Event",
    "Private",
    "RawEnvelope",
    "Recorded",
    "Sealed",
    "UnknownType",
    "Wire",
    "decode",
    "envelope_bytes",
    "schema_uri",
]
