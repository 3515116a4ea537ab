"""People of an organisation as far as signing in is concerned, and what it asks of them."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from shared.contracts import Event
from shared.contracts.people import (
    IdentityProviderSet,
    OrganisationRegistered,
    PersonDeactivated,
    PersonDetails,
    PersonInvited,
    PersonJoined,
    RoleGranted,
    RoleRevoked,
    SignInPolicySet,
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


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation's own identity provider."""

    issuer: str
    client_id: str
    client_secret: str
    group_claim: str
    group_roles: Mapping[str, list[StaffRole]]

    def roles_of(self, groups: Iterable[str]) -> frozenset[StaffRole]:
        """The roles of somebody who is in these groups."""
        return frozenset(role for group in groups for role in self.group_roles.get(group, ()))


class SignInRules(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation by name, and how its people sign in."""

    name: str
    second_factor_roles: frozenset[str] = frozenset()
    provider: Provider | None = None

    def second_factor(self, person: Person) -> bool:
        """Whether this person must show a second factor."""
        return bool(self.second_factor_roles & person.roles)


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


def fold_rules(events: Iterable[Event]) -> SignInRules | None:
    """How people of the organisation sign in after `events`; None where it is not registered."""
    rules: SignInRules | None = None
    for event in events:
        if isinstance(event, OrganisationRegistered):
            rules = SignInRules(name=event.name)
        elif rules is not None and isinstance(event, SignInPolicySet):
            needed = frozenset[str](event.second_factor_roles)
            rules = msgspec.structs.replace(rules, second_factor_roles=needed)
        elif rules is not None and isinstance(event, IdentityProviderSet):
            rules = msgspec.structs.replace(rules, provider=_provider(event))
    return rules


def _provider(event: IdentityProviderSet) -> Provider | None:
    if not event.issuer or event.private is None:
        return None
    return Provider(
        issuer=event.issuer,
        client_id=event.oauth_client_id,
        client_secret=event.private.client_secret,
        group_claim=event.group_claim,
        group_roles=event.group_roles,
    )
