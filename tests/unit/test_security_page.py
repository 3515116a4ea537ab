"""Each threat that docs/security.md names has a control, and a test that is there."""

import re

import pytest

from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "security.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| [STRIDE] \|", line)
]
TESTS = {
    name
    for path in (REPOSITORY / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
}
BOUNDARIES = (
    "Browser and web process",
    "Machine and web process",
    "Service and PostgreSQL",
    "Service and Kafka",
    "Service and Redis",
    "Keys",
    "Operators' command line",
    "Local stack",
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_every_threat_has_a_control_and_a_test_that_exists(row: list[str]) -> None:
    kind, threat, control, tests = row
    assert kind in "STRIDE"
    assert threat
    assert control
    named = re.findall(r"`(\w+)`", tests)
    assert named
    assert set(named) <= TESTS


def test_every_boundary_is_there() -> None:
    for boundary in BOUNDARIES:
        assert f"## {boundary}\n" in PAGE
    assert len(ROWS) > 40
