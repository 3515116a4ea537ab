"""`make up` and `make down`: the story of one installation on one machine."""

import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from tests.support.heroic import Heroic

pytestmark = pytest.mark.timeout(300)

SERVICES = {"intake", "feedback", "outcomes", "alerts"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heroic]:
    heroic = Heroic(tmp_path_factory.mktemp("installation") / "home")
    yield heroic
    heroic.make("clean")


@pytest.fixture
def running(installation: Heroic) -> Heroic:
    """The installation, up, whatever the test before did to it."""
    result = installation.make("up")
    assert result.returncode == 0, result.stdout + result.stderr
    return installation


def test_up_says_where_everything_is_and_tells_nobody_else(running: Heroic) -> None:
    up = running.up

    assert set(up) == {"base_url", "organisations", "sign_in", "kafka", "postgres", "redis"}
    assert len(up["organisations"]) == 2
    for organisation in up["organisations"]:
        assert set(organisation) == {"id", "name", "client_id", "client_secret"}
    assert set(up["postgres"]) == SERVICES
    assert stat.S_IMODE(running.up_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(running.home.stat().st_mode) == 0o700
    for service in SERVICES:
        assert httpx.get(f"{up['base_url']}/{service}/health/ready").status_code == 200


def test_the_integration_of_each_organisation_gets_a_token_with_every_scope(
    running: Heroic,
) -> None:
    for organisation in running.up["organisations"]:
        answer = httpx.post(
            f"{running.up['base_url']}/intake/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(organisation["client_id"], organisation["client_secret"]),
        )
        assert answer.status_code == 200
        granted = set(answer.json()["scope"].split())
        assert {f"{service}.{right}" for service in SERVICES for right in ("read", "write")} == (
            granted
        )


async def test_the_given_dsns_read_every_tenant_and_write_nothing(running: Heroic) -> None:
    connection = await asyncpg.connect(running.up["postgres"]["intake"])
    try:
        tenants = {row["tenant"] for row in await connection.fetch("SELECT tenant FROM events")}
        assert {organisation["id"] for organisation in running.up["organisations"]} <= tenants
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM events")
    finally:
        await connection.close()


def test_passwords_are_no_arguments_of_any_process(running: Heroic) -> None:
    secrets = (running.home / "secrets" / "secrets.json").read_text()
    words = {word.strip('",') for word in secrets.split()} - {"{", "}", "},"}
    passwords = {word for word in words if len(word) > 40}
    assert len(passwords) == 5

    arguments = " ".join(" ".join(process.cmdline()) for process in running.processes())

    assert not [password for password in passwords if password in arguments]


def test_up_twice_changes_nothing(running: Heroic) -> None:
    before = {process.pid for process in running.processes()}

    assert running.make("up").returncode == 0

    assert {process.pid for process in running.processes()} == before


def test_a_second_installation_never_answers_in_the_name_of_the_first(
    running: Heroic, tmp_path: Path
) -> None:
    port = running.up["base_url"].rpartition(":")[2]
    second = Heroic(tmp_path / "home")

    result = second.make("up", HEROIC_PORT=port)

    assert result.returncode != 0
    assert f"port {port} is in use" in result.stdout + result.stderr
    assert not second.up_file.exists()


def test_no_process_holds_the_terminal(running: Heroic) -> None:
    for process in running.processes():
        for descriptor in (0, 1, 2):
            target = Path(f"/proc/{process.pid}/fd/{descriptor}").readlink()
            assert target == Path("/dev/null") or running.home in target.parents


@pytest.mark.parametrize("part", ["java", "services.feedback worker"])
def test_when_one_process_dies_it_is_reported_and_the_others_stop(
    running: Heroic, part: str
) -> None:
    processes = running.processes()
    [victim] = [
        process
        for process in processes
        if part == process.name() or " ".join(process.cmdline()).endswith(part)
    ]

    victim.kill()

    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []
    assert not running.up_file.exists()
    assert "ended with -9" in (running.home / "logs" / "supervisor.log").read_text()


def test_everything_dies_with_a_supervisor_that_is_killed(running: Heroic) -> None:
    processes = running.processes()

    processes[0].send_signal(signal.SIGKILL)

    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def test_what_was_known_is_known_after_all_that(running: Heroic) -> None:
    first = running.up["organisations"]

    assert running.make("down").returncode == 0
    assert running.make("up").returncode == 0

    assert running.up["organisations"] == first


def test_down_leaves_no_process_and_clean_no_data(running: Heroic) -> None:
    processes = running.processes()

    assert running.make("down").returncode == 0
    assert psutil.wait_procs(processes, timeout=20)[1] == []
    assert (running.home / "postgres" / "data" / "PG_VERSION").exists()
    assert not running.up_file.exists()
    assert running.make("down").returncode == 0

    assert running.make("clean").returncode == 0
    assert not running.home.exists()


def test_clean_refuses_a_folder_that_is_no_installation(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("ten years")

    result = Heroic(tmp_path).make("clean")

    assert result.returncode != 0
    assert (tmp_path / "thesis.tex").exists()
