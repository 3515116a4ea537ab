"""The hazard log, and the rule that a whole run passes the tests of every control."""

import re
import tomllib
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.paths import REPOSITORY

HAZARDS: list[dict[str, Any]] = tomllib.loads(
    (REPOSITORY / "docs" / "clinical-safety" / "hazards.toml").read_text("utf-8")
)["hazard"]
"""As `docs/clinical-safety/hazards.toml` has them."""

_outcomes: dict[str, set[str]] = {}


def controls() -> Iterable[tuple[str, str, list[str]]]:
    """Hazard id, control, and the names of the tests that hold it."""
    for hazard in HAZARDS:
        for control in hazard["control"]:
            yield hazard["id"], control["what"], control["tests"]


def without_a_pass(outcomes: dict[str, set[str]]) -> list[str]:
    """What is wrong, given what became of each test by its name: a control without a pass."""
    return [
        f"{hazard} {what}: {test} {'failed' if outcomes.get(test) else 'did not run'}"
        for hazard, what, tests in controls()
        for test in tests
        if outcomes.get(test) != {"passed"}
    ]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what became of each test."""
    if report.when == "call" or report.outcome != "passed":
        name = re.sub(r"\[.*", "", report.nodeid).rpartition("::")[2]
        _outcomes.setdefault(name, set()).add(report.outcome)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A whole run fails where a control has no passing test; its workers know only their part."""
    if hasattr(session.config, "workerinput"):
        return
    options = session.config.option
    is_whole = session.config.args_source == pytest.Config.ArgsSource.TESTPATHS
    chosen = options.keyword or options.markexpr or options.collectonly or options.lf
    if is_whole and not chosen and exitstatus == pytest.ExitCode.OK and without_a_pass(_outcomes):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which controls."""
    if terminalreporter.config.args_source == pytest.Config.ArgsSource.TESTPATHS:
        for line in without_a_pass(_outcomes):
            terminalreporter.write_line(f"clinical safety: {line}", red=True)
