"""The hazard log: each hazard is whole, and each control names tests that are there."""

import re
from typing import Any

import pytest

from tests.support.clinical_safety import HAZARDS, controls, without_a_pass
from tests.support.paths import REPOSITORY

SEVERITIES = {"minor", "significant", "considerable", "major", "catastrophic"}
LIKELIHOODS = {"very low", "low", "medium", "high", "very high"}
TESTS = {
    name
    for path in (REPOSITORY / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda one: one["id"])
def test_every_hazard_says_cause_harm_controls_and_what_is_left(hazard: dict[str, Any]) -> None:
    assert all(hazard[name].strip() for name in ("id", "title", "cause", "harm", "residual"))
    assert hazard["severity"] in SEVERITIES
    assert hazard["likelihood"] in LIKELIHOODS
    assert hazard["control"]


def test_every_control_names_tests_that_are_there() -> None:
    named = [test for _, _, tests in controls() for test in tests]
    assert all(tests for _, _, tests in controls())
    assert set(named) <= TESTS


def test_a_control_is_held_by_tests_that_all_pass() -> None:
    every = {test: {"passed"} for _, _, tests in controls() for test in tests}
    first = next(iter(every))

    assert without_a_pass(every) == []
    assert "failed" in without_a_pass(every | {first: {"passed", "failed"}})[0]
    assert "did not run" in without_a_pass({k: v for k, v in every.items() if k != first})[0]
