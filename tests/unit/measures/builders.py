"""Filled-in forms, and what is said of wrong ones."""

import pytest

from shared.errors import Invalid
from shared.measures import Definition


def answers(
    definition: Definition, value: int = 0, *, without: tuple[int, ...] = ()
) -> dict[str, int]:
    scored = [item.id for item in definition.items if item.scored]
    return {item: value for item in scored if int(item) not in without}


def codes(refusal: pytest.ExceptionInfo[Invalid]) -> dict[str, str]:
    return {error.pointer: error.code for error in refusal.value.errors}
