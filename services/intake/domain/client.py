"""A client: who it is, what they agree to, and whether they are measured."""

from datetime import date, datetime

import msgspec

from services.intake.domain.client_state import Client, Consent, fold
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

__all__ = [
    "Client",
    "Command",
    "Consent",
    "Correct",
    "Decide",
    "Measure",
    "Register",
    "Stale",
    "check_details",
    "decide",
    "existing",
    "fold",
    "is_newer",
]

OLDEST_YEARS = 130


class Stale(Conflict):
    """What was so earlier does not correct what was so later."""

    code, title = "stale", "Older than what is known"


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody comes into care. `hashes` are the keyed hashes of their outside identifiers."""

    client_id: str
    details: ClientDetails
    hashes: tuple[str, ...]
    by: str | None = None
    """The member of staff who registers them."""
    as_of: datetime | None = None


class Correct(msgspec.Struct, frozen=True, kw_only=True):
    """The details are these from now on; they were so at `as_of`, which is now unless said."""

    details: ClientDetails
    hashes: tuple[str, ...]
    as_of: datetime | None = None


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
        not_ahead(command.as_of or now, now, "/as_of")
        return [
            ClientRegistered(
                client_id=command.client_id,
                external_hashes=list(command.hashes),
                registered_by=command.by,
                as_of=command.as_of,
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


def is_newer(client: Client, as_of: datetime | None) -> bool:
    """Whether details that were so at `as_of` were so later than what is known, and say when."""
    return as_of is not None and (client.as_of is None or as_of > client.as_of)


def _plausible(born: date, today: date) -> bool:
    return born <= today and today.year - born.year <= OLDEST_YEARS


def _correct(client: Client, command: Correct, now: datetime) -> list[Event]:
    as_of = command.as_of or now
    not_ahead(as_of, now, "/as_of")
    if command.details == client.details and not is_newer(client, command.as_of):
        return []
    check_details(command.details, now)
    if client.as_of is not None and as_of < client.as_of:
        raise Stale("What is known of the client was so later than this.")
    return [
        ClientDetailsCorrected(
            client_id=client.id,
            external_hashes=list(command.hashes),
            as_of=as_of,
            private=command.details,
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
