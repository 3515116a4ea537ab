"""`heroic analyse` on a file of a few lines, as tests call it."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from deploy.cli.commands import commands
from shared.errors import Invalid


def analyse(command: str, folder: Path, text: str, *options: str) -> Result:
    """What the command does with `text`; raises Invalid where it does."""
    file = folder / "scores.csv"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(commands, ["analyse", command, str(file), *options])
    if isinstance(result.exception, Invalid):
        raise result.exception
    return result


def report_of(command: str, folder: Path, text: str, *options: str) -> dict[str, Any]:
    """Its answer in JSON."""
    result = analyse(command, folder, text, *options, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer
