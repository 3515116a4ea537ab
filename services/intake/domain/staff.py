"""Roles of people given and taken, and access ended; somebody always stays to administer."""

from collections.abc import Iterable, Mapping

from services.intake.domain.person import Person
from shared.contracts import Event
from shared.contracts.people import PersonDeactivated, RoleGranted, RoleRevoked, StaffRole
from shared.errors import Conflict

ADMINISTRATOR: StaffRole = "administrator"


class LastAdministrator(Conflict):
    """Without them nobody could let anybody in."""

    code, title = "last_administrator", "The last administrator"


def grant(person: Person, role: StaffRole) -> list[Event]:
    """They have one role more; nothing where they have it."""
    if not person.active:
        raise Conflict("They have no access any more.")
    return [] if role in person.roles else [RoleGranted(person_id=person.id, role=role)]


def revoke(person: Person, role: StaffRole) -> list[Event]:
    """They have one role less; nothing where they do not have it."""
    return [RoleRevoked(person_id=person.id, role=role)] if role in person.roles else []


def deactivate(person: Person) -> list[Event]:
    """They have no access any more, for good; nothing where they have none."""
    return [PersonDeactivated(person_id=person.id)] if person.active else []


def administers(person: Person) -> bool:
    """Whether they are an administrator and have access."""
    return person.active and ADMINISTRATOR in person.roles


def check_administered(people: Mapping[str, Person], leaving_id: str) -> None:
    """Raises LastAdministrator where the one who steps down leaves nobody to administer.

    Somebody who never took up the invitation is no help to those who are locked out: where one who
    joined steps down, another one who joined must stay.
    """
    others = [one for one in people.values() if one.id != leaving_id and administers(one)]
    joined_stays = any(one.joined for one in others)
    if not others or (people[leaving_id].joined and not joined_stays):
        raise LastAdministrator("Somebody else must be an administrator first.")


def turns(events: Iterable[Event]) -> int:
    """How often somebody ended as an administrator, or may have: it only ever grows."""
    return sum(
        isinstance(event, PersonDeactivated)
        or (isinstance(event, RoleRevoked) and event.role == ADMINISTRATOR)
        for event in events
    )
