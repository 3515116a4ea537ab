"""`heroic clinic`, `team` and `person`: by the same calls as everybody."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.commands import commands
from services.intake.organisations import Organisations
from tests.integration.staff.house import House


class Shell:
    """Somebody at the command line of an organisation."""

    def __init__(self, up_file: Path) -> None:
        self._up_file = str(up_file)

    async def run(self, *words: str) -> Result:
        """What a command does."""
        command = ["--up-file", self._up_file, *words]
        return await asyncio.to_thread(CliRunner().invoke, commands, command)

    async def told(self, *words: str) -> list[dict[str, Any]]:
        """What a command that succeeds says."""
        done = await self.run(*words, "--json")
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
async def shell(house: House, tmp_path: Path) -> Shell:
    """The command line of the house."""
    organisations: Organisations = house.platform.apps["intake"].state.organisations
    made = await organisations.create_integration(house.tenant, "operators")
    credentials = {"client_id": made.client_id, "client_secret": made.client_secret}
    organisation = {"id": house.tenant, "name": "Clinic network", **credentials}
    up = {"base_url": house.platform.base_url, "organisations": [organisation]}
    (tmp_path / "up.json").write_text(json.dumps(up))
    return Shell(tmp_path / "up.json")


async def test_an_organisation_is_set_up_from_the_command_line(house: House, shell: Shell) -> None:
    [north] = await shell.told("clinic", "open", "North", "--timezone", "Europe/Berlin")
    assert await shell.told("clinic", "list") == [north]
    lead, member = await house.invite("supervisor"), await house.invite("clinician")
    words = ["A", "--lead", lead, "--member", member, "--clinic", north["id"]]
    [team] = await shell.told("team", "form", *words)
    assert (team["lead_ids"], team["member_ids"]) == ([lead], [member])
    assert await shell.told("team", "list") == [team]
    assert [one["id"] for one in await shell.told("person", "list")] == [lead, member]


async def test_somebody_leaves_by_the_command_line(house: House, shell: Shell) -> None:
    leaver, successor = await house.invite("clinician"), await house.invite("operator")
    [granted] = await shell.told("person", "grant", successor, "clinician")
    assert granted["roles"] == ["clinician", "operator"]
    [revoked] = await shell.told("person", "revoke-role", successor, "operator")
    assert revoked["roles"] == ["clinician"]
    episode = await house.episode(leaver)
    await house.platform.carry()
    [gone] = await shell.told("person", "deactivate", leaver)
    assert gone["active"] is False
    [led] = await shell.told("person", "caseload", leaver)
    assert (led["episode_id"], led["without_lead"]) == (episode, True)
    [handed] = await shell.told("person", "hand-over", leaver, successor)
    assert handed["status"] == "handed_over"


async def test_the_last_administrator_stays_and_the_command_says_why(
    house: House, shell: Shell
) -> None:
    last = await house.invite("administrator")
    done = await shell.run("person", "deactivate", last)
    assert done.exit_code != 0
    assert "Somebody else must be an administrator first." in str(done.exception)
    plain = await shell.run("person", "list")
    assert last in plain.stdout
