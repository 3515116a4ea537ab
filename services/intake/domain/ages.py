"""Age groups, by which norms are looked up; fixed at the start of an episode."""

from datetime import date

from shared.contracts.intake import AgeGroup

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
