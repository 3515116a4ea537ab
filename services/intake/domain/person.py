"""People of an organisation: invited, joined, with roles that come and go."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from services.intake.domain.organisation import SignInPolicy
from shared.contracts import Event
from shared.contracts.people import (
    PersonDeactivated,
    PersonDetails,
    PersonInvited,
    PersonJoined,
    RoleGranted,
    RoleRevoked,
    StaffRole,
)
from shared.errors import Conflict


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was invited: what they are called, what they may be, whether they have come."""

    id: str
    name: str = ""
    email: str | None = None
    roles: frozenset[str] = frozenset()
    joined: bool = False
    active: bool = True


def invited(person_id: str, name: str, email: str | None, roles: Iterable[StaffRole]) -> Event:
    """Somebody is known."""
    details = PersonDetails(name=name, email=email)
    return PersonInvited(person_id=person_id, roles=sorted(roles), private=details)


def join(person: Person, how: Literal["password", "provider"]) -> list[Event]:
    """They take up the invitation; nothing where they had before."""
    if not person.active:
        raise Conflict("This person has no access any more.")
    return [] if person.joined else [PersonJoined(person_id=person.id, how=how)]


def regroup(person: Person, roles: frozenset[StaffRole]) -> list[Event]:
    """They have exactly these roles from now on."""
    held: list[StaffRole] = [role for role in STAFF_ROLES if role in person.roles]
    revoked = [RoleRevoked(person_id=person.id, role=role) for role in held if role not in roles]
    granted = [
        RoleGranted(person_id=person.id, role=role)
        for role in sorted(roles)
        if role not in person.roles
    ]
    return [*revoked, *granted]


def needs_second_factor(person: Person, policy: SignInPolicy) -> bool:
    """Whether one of their roles asks for it."""
    return not person.roles.isdisjoint(policy.second_factor_roles)


STAFF_ROLES: tuple[StaffRole, ...] = ("clinician", "supervisor", "operator", "administrator")


def fold_person(events: Iterable[Event]) -> Person | None:
    """The person after `events`; None where nobody was invited."""
    person: Person | None = None
    for event in events:
        if isinstance(event, PersonInvited):
            # Whoever was erased has no name any more.
            details = event.private or PersonDetails(name="")
            person = Person(
                id=event.person_id,
                name=details.name,
                email=details.email,
                roles=frozenset(event.roles),
            )
        elif person is not None:
            person = _evolve(person, event)
    return person


def _evolve(person: Person, event: Event) -> Person:
    match event:
        case PersonJoined():
            return msgspec.structs.replace(person, joined=True)
        case RoleGranted():
            return msgspec.structs.replace(person, roles=person.roles | {event.role})
        case RoleRevoked():
            return msgspec.structs.replace(person, roles=person.roles - {event.role})
        case PersonDeactivated():
            return msgspec.structs.replace(person, active=False)
    return person
