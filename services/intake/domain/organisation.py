"""An organisation with its clinics, its people and the machines that act for it."""

from collections.abc import Iterable

import msgspec

from shared.contracts import Event
from shared.contracts.people import (
    ClinicOpened,
    IntegrationRegistered,
    IntegrationRevoked,
    OrganisationRegistered,
    PersonDetails,
    PersonInvited,
)
from shared.errors import Conflict


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as it stands: its name, and its clinics by id."""

    id: str
    name: str
    clinics: dict[str, str] = {}


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that may act for an organisation."""

    id: str
    scopes: frozenset[str]
    secret_hash: str
    revoked: bool = False


def register(organisation: Organisation | None, organisation_id: str, name: str) -> list[Event]:
    """A new organisation."""
    if organisation is not None:
        raise Conflict("The organisation is registered already.")
    return [OrganisationRegistered(organisation_id=organisation_id, name=name)]


def open_clinic(
    organisation: Organisation | None, clinic_id: str, name: str, timezone: str
) -> list[Event]:
    """A new clinic of the organisation."""
    if organisation is None:
        raise Conflict("The organisation is not registered.")
    return [ClinicOpened(clinic_id=clinic_id, name=name, timezone=timezone)]


def invite(person_id: str, name: str, email: str | None, roles: list[str]) -> list[Event]:
    """A new member of staff."""
    details = PersonDetails(name=name, email=email)
    return [PersonInvited(person_id=person_id, roles=roles, private=details)]


def register_integration(
    integration_id: str, name: str, scopes: Iterable[str], secret_hash: str
) -> list[Event]:
    """A new machine; the secret itself is never kept."""
    return [
        IntegrationRegistered(
            integration_id=integration_id,
            name=name,
            scopes=sorted(scopes),
            secret_hash=secret_hash,
        )
    ]


def fold_organisation(events: Iterable[Event]) -> Organisation | None:
    """The organisation after `events`."""
    organisation: Organisation | None = None
    for event in events:
        if isinstance(event, OrganisationRegistered):
            organisation = Organisation(id=event.organisation_id, name=event.name)
        elif isinstance(event, ClinicOpened) and organisation is not None:
            clinics = {**organisation.clinics, event.clinic_id: event.name}
            organisation = msgspec.structs.replace(organisation, clinics=clinics)
    return organisation


def fold_integration(events: Iterable[Event]) -> Integration | None:
    """The integration after `events`."""
    integration: Integration | None = None
    for event in events:
        if isinstance(event, IntegrationRegistered):
            integration = Integration(
                id=event.integration_id,
                scopes=frozenset(event.scopes),
                secret_hash=event.secret_hash,
            )
        elif isinstance(event, IntegrationRevoked) and integration is not None:
            integration = msgspec.structs.replace(integration, revoked=True)
    return integration
