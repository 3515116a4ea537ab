"""A client: who it is, what they agree to, and whether they are measured."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import singledispatch

import msgspec

from services.intake.domain.times import not_ahead
from shared.contracts import Event
from shared.contracts.intake import (
    ClientDetails,
    ClientDetailsCorrected,
    ClientRegistered,
    ConsentDecision,
    ConsentGiven,
    ConsentWithdrawn,
    MeasuringChanged,
    MeasuringReason,
    MeasuringState,
    Purpose,
)
from shared.errors import Conflict, FieldError, Gone, Invalid

OLDEST_YEARS = 130
DEFAULT_CONSENTS: dict[Purpose, bool] = {
    "supervision": True,
    "service_statistics": True,
    "integrations": True,
    "research": False,
}
"""What holds until the client decides."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the client about one purpose; `at` is when they made it."""

    given: bool
    at: datetime
    given_by: str | None = None
    wording_version: str | None = None


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client as they stand. `details` is None once they are erased."""

    id: str
    details: ClientDetails | None
    hashes: tuple[str, ...] = ()
    measuring: MeasuringState = "on"
    decisions: dict[Purpose, tuple[Consent, ...]] = {}
    """All decisions about a purpose in the order in which they were made."""

    def consent(self, purpose: Purpose) -> Consent | None:
        """The decision that stands: the last one made, whenever it was heard of."""
        made = self.decisions.get(purpose)
        return made[-1] if made else None

    def agrees(self, purpose: Purpose) -> bool:
        """Whether the purpose is agreed to, by decision or else by default."""
        decided = self.consent(purpose)
        return decided.given if decided else DEFAULT_CONSENTS[purpose]


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody comes into care. `hashes` are the keyed hashes of their outside identifiers."""

    client_id: str
    details: ClientDetails
    hashes: tuple[str, ...]


class Correct(msgspec.Struct, frozen=True, kw_only=True):
    """The details are these from now on."""

    details: ClientDetails
    hashes: tuple[str, ...]


class Decide(msgspec.Struct, frozen=True, kw_only=True):
    """The client decides about one purpose."""

    purpose: Purpose
    consent: Consent


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """Measuring goes on, is paused or declined."""

    state: MeasuringState
    reason: str | None = None


Command = Register | Correct | Decide | Measure


def decide(client: Client | None, command: Command, now: datetime) -> list[Event]:
    """What follows from `command`; nothing where it holds already. `now` is the clock's time."""
    if isinstance(command, Register):
        if client is not None:
            raise Conflict("The client is registered already.")
        check_details(command.details, now)
        return [
            ClientRegistered(
                client_id=command.client_id,
                external_hashes=list(command.hashes),
                private=command.details,
            )
        ]
    known = existing(client)
    if isinstance(command, Correct):
        return _correct(known, command, now)
    if isinstance(command, Decide):
        return _decide_consent(known, command, now)
    if command.state == known.measuring:
        return []
    reason = MeasuringReason(reason=command.reason) if command.reason else None
    return [MeasuringChanged(client_id=known.id, state=command.state, private=reason)]


def existing(client: Client | None) -> Client:
    """`client`, who must be there and not erased."""
    if client is None:
        raise Conflict("The client is not registered.")
    if client.details is None:
        raise Gone("The client has been erased.")
    return client


def check_details(details: ClientDetails, now: datetime) -> None:
    """Refuse details that cannot be."""
    born = details.birth_date
    if born is not None and not _plausible(born, now.date()):
        raise Invalid(errors=[FieldError("/birth_date", "Nobody was born on that day.", "range")])
    pairs = [(one.system, one.value) for one in details.identifiers]
    if len(set(pairs)) != len(pairs):
        raise Invalid(errors=[FieldError("/identifiers", "One is there twice.", "duplicate")])


def _plausible(born: date, today: date) -> bool:
    return born <= today and today.year - born.year <= OLDEST_YEARS


def _correct(client: Client, command: Correct, now: datetime) -> list[Event]:
    if command.details == client.details:
        return []
    check_details(command.details, now)
    return [
        ClientDetailsCorrected(
            client_id=client.id, external_hashes=list(command.hashes), private=command.details
        )
    ]


def _decide_consent(client: Client, command: Decide, now: datetime) -> list[Event]:
    consent = command.consent
    not_ahead(consent.at, now, "/at")
    if consent in client.decisions.get(command.purpose, ()):
        return []
    kind = ConsentGiven if consent.given else ConsentWithdrawn
    words = ConsentDecision(given_by=consent.given_by, wording_version=consent.wording_version)
    return [kind(client_id=client.id, purpose=command.purpose, at=consent.at, private=words)]


@singledispatch
def evolve(event: Event, client: Client | None) -> Client | None:
    """The client after `event`; events of other matters change nothing."""
    return client


@evolve.register
def _(event: ClientRegistered, client: Client | None) -> Client:
    return Client(id=event.client_id, details=event.private, hashes=tuple(event.external_hashes))


@evolve.register
def _(event: ClientDetailsCorrected, client: Client) -> Client:
    hashes = tuple(event.external_hashes)
    return msgspec.structs.replace(client, details=event.private, hashes=hashes)


@evolve.register
def _(event: MeasuringChanged, client: Client) -> Client:
    return msgspec.structs.replace(client, measuring=event.state)


@evolve.register(ConsentGiven)
@evolve.register(ConsentWithdrawn)
def _(event: ConsentGiven | ConsentWithdrawn, client: Client) -> Client:
    words = event.private or ConsentDecision()
    consent = Consent(
        given=isinstance(event, ConsentGiven),
        at=event.at,
        given_by=words.given_by,
        wording_version=words.wording_version,
    )
    # Of two decisions of one moment, the one heard of last stands.
    made = sorted((*client.decisions.get(event.purpose, ()), consent), key=lambda one: one.at)
    decisions = {**client.decisions, event.purpose: tuple(made)}
    return msgspec.structs.replace(client, decisions=decisions)


def fold(events: Iterable[Event], client: Client | None = None) -> Client | None:
    """The client after all of `events`."""
    for event in events:
        client = evolve(event, client)
    return client
