"""Age groups, by birthdays."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.ages import age_group, age_on

DAYS = st.dates(date(1920, 1, 1), date(2030, 1, 1))


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2000, 2, 29), date(2018, 2, 28), 17),
        (date(2000, 2, 29), date(2018, 3, 1), 18),
        (date(2000, 1, 1), date(2000, 1, 1), 0),
        (date(2000, 1, 2), date(2000, 1, 1), -1),
    ],
)
def test_age_in_completed_years(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


@pytest.mark.parametrize(
    ("day", "group"),
    [
        (date(2019, 6, 14), "child"),
        (date(2019, 6, 15), "adolescent"),
        (date(2024, 6, 14), "adolescent"),
        (date(2024, 6, 15), "adult"),
    ],
)
def test_groups_change_on_birthdays(day: date, group: str) -> None:
    assert age_group(date(2006, 6, 15), day) == group


@given(DAYS, DAYS)
def test_nobody_grows_younger(born: date, day: date) -> None:
    assert age_on(born, day) <= age_on(born, day + timedelta(days=1))
