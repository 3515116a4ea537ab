"""Age groups, by which norms are looked up; fixed at the start of an episode."""

from datetime import date, datetime

from shared.contracts.intake import AgeGroup
from shared.errors import FieldError, Invalid

ADOLESCENT_FROM = 13
ADULT_FROM = 18


def age_on(birth_date: date, day: date) -> int:
    """Completed years of life on `day`; negative before birth."""
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    return day.year - birth_date.year - (0 if had_birthday else 1)


def age_group(birth_date: date, day: date) -> AgeGroup:
    """The group of somebody born on `birth_date`, on `day` (ORS and its kin ask from 13 on)."""
    age = age_on(birth_date, day)
    if age < ADOLESCENT_FROM:
        return "child"
    return "adolescent" if age < ADULT_FROM else "adult"


def opening_age_group(
    birth_date: date | None, opened_at: datetime, stated: AgeGroup | None
) -> AgeGroup:
    """The age group of an episode: by the birth date, else as stated, else adult.

    A stated group that the birth date contradicts is refused.
    """
    if birth_date is None:
        return stated or "adult"
    day = opened_at.date()
    if age_on(birth_date, day) < 0:
        raise Invalid(errors=[FieldError("/opened_at", "Before the client was born.", "range")])
    found = age_group(birth_date, day)
    if stated is not None and stated != found:
        raise Invalid(
            errors=[FieldError("/age_group", "The birth date says otherwise.", "mismatch")]
        )
    return found
