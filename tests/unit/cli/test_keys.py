"""`heroic keys`: a new signing key is there before it signs, unless the old ones are out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.commands import commands
from shared.security import SigningKeys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one key."""
    file = tmp_path / "keys.json"
    SigningKeys.generate().write(file)
    return file


def run(*words: str) -> list[dict[str, str]]:
    done = CliRunner().invoke(commands, ["keys", *words, "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_a_rotated_key_waits_until_it_is_known(path: Path) -> None:
    before = SigningKeys.read(path).current.kid
    new, old = run("rotate", "--file", str(path))
    assert (old["kid"], old["status"]) == (before, "signs")
    assert (new["status"], old["signs_from"]) == ("published", "ever")
    assert run("list", "--file", str(path)) == [new, old]
    assert SigningKeys.read(path).current.kid == before


def test_keys_that_are_out_go_at_once(path: Path) -> None:
    before = SigningKeys.read(path).current.kid
    [new] = run("rotate", "--at-once", "--file", str(path))
    assert new["status"] == "signs"
    assert new["kid"] != before
    assert str(before) not in path.read_text()


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["keys", "rotate", "--file", str(tmp_path / "none.json")])
    assert done.exit_code != 0
    assert list(tmp_path.iterdir()) == []
