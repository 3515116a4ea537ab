"""Everything of a client out of the four services, by the command line; then they are erased."""

import asyncio
import csv
import io
import json
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.front_door import FrontDoor, episode_of, phq9
from tests.support.observed import Observed
from tests.support.paths import REPOSITORY
from tests.support.waiting import eventually_async

# Starting all of it may take a while where many things run.
pytestmark = pytest.mark.timeout(300)

NAME = "=1+1"
ARCHIVE = {
    "intake": {"clients.csv", "episodes.csv", "sessions.csv"},
    "feedback": {"ratings.csv"},
    "outcomes": {"series.csv"},
    "alerts": {"alerts.csv"},
}


async def heroic(platform: Observed, *arguments: str) -> tuple[int, str]:
    """Run `heroic` for the platform; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.cli",
        "--up-file",
        str(platform.up_file),
        *arguments,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    """The rows of a table."""
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


async def test_a_client_is_taken_away_whole_and_then_erased(
    platform: Observed, door: FrontDoor, tmp_path: Path
) -> None:
    client = await door.post("/intake/v1/clients", {"family_name": NAME, "external_id": "away"})
    episode = await door.post("/intake/v1/episodes", episode_of(client_id=client["id"]))
    rating = await door.post("/feedback/v1/ratings", phq9(episode["id"], 3))

    async def arrived() -> bool:
        answer = await door.tried("GET", f"/outcomes/v1/clients/{client['id']}")
        alerts = await door.get(f"/alerts/v1/alerts?client_id={client['id']}")
        return rating["id"] in answer.text and bool(alerts["items"])

    await eventually_async(arrived, seconds=30)
    out = tmp_path / "client.zip"
    code, said = await heroic(platform, "export", "client", client["id"], str(out))
    assert (code, said.strip()) == (0, str(out))
    with zipfile.ZipFile(out) as archive:
        wanted = {f"{s}/{n}" for s, tables in ARCHIVE.items() for n in tables}
        always = {f"{s}/{n}" for s in ARCHIVE for n in ("events.ndjson", "export.json")}
        assert set(archive.namelist()) == wanted | always
        for service, tables in ARCHIVE.items():
            assert json.loads(archive.read(f"{service}/export.json"))["clients"] == 1
            for table in tables - {"sessions.csv"}:
                [row] = rows(archive, f"{service}/{table}")
                assert row["client_id"] == client["id"]
        assert rows(archive, "intake/clients.csv")[0]["family_name"] == f"'{NAME}"
        assert json.dumps(NAME).encode() in archive.read("intake/events.ndjson")
    assert out.stat().st_mode & 0o077 == 0, "nobody else reads it"
    await erased(door, client["id"])
    code, said = await heroic(platform, "erasures", "list")
    assert code == 0
    assert client["id"] in said
    code, said = await heroic(platform, "export", "client", client["id"], str(tmp_path / "again"))
    assert code == 1
    assert "410" in said


async def erased(door: FrontDoor, client_id: str) -> None:
    """Ask, approve, and wait until all have confirmed."""
    await door.call("PUT", "/intake/v1/organisation/sign-in-policy", json={"erasure_wait_days": 0})
    people = [
        (await door.post("/intake/v1/people", {"name": name, "roles": ["administrator"]}))["id"]
        for name in ("Ada", "Bea")
    ]
    asked = {"reason": "She asked.", "actor": people[0]}
    request = await door.post(f"/intake/v1/clients/{client_id}/erasure-requests", asked)
    path = f"/intake/v1/erasure-requests/{request['id']}"
    before = datetime.now(UTC)
    await door.post(f"{path}/approve", {"actor": people[1]})

    async def complete() -> bool:
        return bool((await door.get(path))["complete"])

    await eventually_async(complete, seconds=30)
    receipt = await door.get(path)
    assert datetime.fromisoformat(receipt["executed_at"]) >= before
