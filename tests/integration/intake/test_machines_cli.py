"""`heroic integration`: machines made, rotated and revoked by whoever runs the installation."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.commands import commands
from tests.integration.intake.home import Caller, Intake
from tests.integration.intake.machines import P384, ask, ask_by_secret, claims, jwks, signed


@pytest.fixture
def environment(intake: Intake) -> dict[str, str]:
    """By what the commands find intake."""
    return {
        "HEROIC_INTAKE_DATABASE_URL": intake.settings.database_url,
        "HEROIC_KEYS_URL": intake.settings.keys_url,
        "HEROIC_KEY_ENCRYPTION_KEY": intake.settings.key_encryption_key,
    }


async def run(environment: dict[str, str], caller: Caller, *words: str) -> Result:
    command = ["--organisation", caller.organisation_id, "integration", *words, "--json"]
    return await asyncio.to_thread(CliRunner().invoke, commands, command, env=environment)


async def told(environment: dict[str, str], caller: Caller, *words: str) -> list[dict[str, str]]:
    done = await run(environment, caller, *words)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_a_machine_lives_from_the_command_line(
    intake: Intake, caller: Caller, environment: dict[str, str], tmp_path: Path
) -> None:
    [made] = await told(environment, caller, "create", "lab", "--scope", "intake.read")
    machine = made["client_id"].partition(".")[2]
    [second] = await told(environment, caller, "rotate", machine)
    for secret in (made["client_secret"], second["client_secret"]):
        answer = await ask_by_secret(intake, made["client_id"], secret)
        assert answer.json()["scope"] == "intake.read"
    third = await run(environment, caller, "rotate", machine)
    assert third.exit_code != 0

    [changed] = await told(environment, caller, "remove-secret", machine, machine)
    assert changed["secrets"] == second["secret_id"]
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(jwks(P384)))
    [changed] = await told(environment, caller, "keys", machine, str(file))
    assert changed["keys"] == "p384"
    assert (await ask(intake, signed(claims(made["client_id"])))).status_code == 200

    [ended] = await told(environment, caller, "revoke", machine)
    assert ended["status"] == "revoked"
    assert (await ask(intake, signed(claims(made["client_id"])))).status_code == 401
    listed = await told(environment, caller, "list")
    assert [one["status"] for one in listed] == ["active", "revoked"]
    assert second["client_secret"] not in str(listed)
