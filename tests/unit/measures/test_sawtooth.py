"""Sawtooth courses: only large steps count, and only where they turn."""

from decimal import Decimal

import pytest

from shared.measures.sawtooth import sawtooth

SIX = Decimal(6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([200, 260, 200, 260, 200], True),
        ([200, 260, 200, 260, 201], False),  # the last step is 5.9
        ([200, 260, 200, 260], False),  # four ratings
        ([200, 260, 320, 260, 320, 260], True),  # the second rise turns nothing
        ([200, 260, 320, 260, 320], False),
        ([200, 260, 250, 190, 250, 190], True),  # a small step in between
        ([200, 230, 260, 230, 200, 230, 260], False),  # large only over two steps
        ([], False),
    ],
)
def test_four_large_steps_that_turn_make_a_sawtooth(values: list[int], expected: bool) -> None:
    assert sawtooth(values, step=SIX) is expected


def test_a_threshold_between_two_tenths_is_not_rounded() -> None:
    values = [200, 260, 200, 260, 200]
    assert sawtooth(values, step=Decimal("6.00"))
    assert not sawtooth(values, step=Decimal("6.01"))
