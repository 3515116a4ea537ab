"""Who cares for a client in an episode: a lead, and others beside or in place of them, in time."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from services.intake.domain.times import not_before
from shared.contracts.intake import CareMember
from shared.errors import FieldError, Invalid

FURTHEST = timedelta(days=90)
"""So far ahead can it be said who will care."""
MOST = 50
"""Members of one team, past ones included."""


def check_team(members: Sequence[CareMember], now: datetime, *, open_: bool) -> None:
    """Refuse a team that cannot be; while the episode is open, one that leaves it without a lead.

    The pointers of errors are into the list.
    """
    seen = set()
    for number, member in enumerate(members):
        not_far_ahead(member.since, now, f"/{number}/from")
        if member.until is not None:
            not_before(member.until, member.since, f"/{number}/to")
        key = (member.person_id, member.role, member.since)
        if key in seen:
            raise Invalid(errors=[FieldError(f"/{number}", "It is there twice.", "duplicate")])
        seen.add(key)
    if open_ and not any(member.role == "lead" and _lasts(member, now) for member in members):
        raise Invalid(errors=[FieldError("", "Somebody must lead from now on.", "no_lead")])


def not_far_ahead(moment: datetime, now: datetime, pointer: str) -> None:
    """Refuse what lies too far in the future to be planned."""
    if moment > now + FURTHEST:
        detail = f"At most {FURTHEST.days} days ahead."
        raise Invalid(errors=[FieldError(pointer, detail, "future")])


def led_from(team: Iterable[CareMember], person_id: str, at: datetime) -> tuple[CareMember, ...]:
    """The team once `person_id` leads from `at` on, and whoever led before does no more."""
    before = (
        msgspec.structs.replace(member, until=at)
        if member.role == "lead" and (member.until is None or member.until > at)
        else member
        for member in team
    )
    return (*before, CareMember(person_id, "lead", at))


def lead_in_the_end(team: Iterable[CareMember]) -> str | None:
    """Who leads after all that is said of the future; None where nobody does."""
    leads = [member for member in team if member.role == "lead" and member.until is None]
    return max(leads, key=lambda member: member.since).person_id if leads else None


def lead_at(team: Iterable[CareMember], moment: datetime) -> str | None:
    """Who leads at a moment; None where nobody does."""
    leads = [member for member in team if member.role == "lead" and cares_at(member, moment)]
    return max(leads, key=lambda member: member.since).person_id if leads else None


def cares_at(member: CareMember, moment: datetime) -> bool:
    """Whether somebody is in the team at a moment."""
    return member.since <= moment and (member.until is None or member.until > moment)


def _lasts(member: CareMember, now: datetime) -> bool:
    return member.until is None or member.until > now
