"""`heroic` imports what a command needs, and nothing else before it is asked for."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deploy.cli.commands import commands
from deploy.cli.lazy import LazyGroup

HEAVY = ("fastapi", "sqlalchemy", "aiokafka", "scipy", "statsmodels", "pandas")
PROGRAM = f"""
import sys
from typer.testing import CliRunner
from deploy.cli.commands import commands
done = CliRunner().invoke(commands, ["analyse", "rules", "--help"])
assert done.exit_code == 0, done.output
print(sorted(set({HEAVY!r}) & sys.modules.keys()))
"""


def test_analysing_a_file_imports_nothing_that_serves_or_fits() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("group", LazyGroup.GROUPS)
def test_every_group_is_where_it_is_said_to_be(group: str) -> None:
    done = CliRunner().invoke(commands, [group, "--help"])
    assert done.exit_code == 0, done.output
    assert f"{group} [OPTIONS] COMMAND" in done.output


def test_a_command_that_is_none_is_refused() -> None:
    done = CliRunner().invoke(commands, ["analize"])
    assert done.exit_code == 2
    assert "No such command" in done.output
