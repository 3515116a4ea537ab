"""The compose file names what the code knows: services, roles, images and variables."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import stacks
from deploy.setup.databases import ROLES, SERVICES, password_variable
from deploy.setup.secrets import write_compose_secrets
from tests.support.paths import REPOSITORY


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    return loaded


def test_every_service_runs_its_api_and_its_worker(compose: dict[str, Any]) -> None:
    for service in SERVICES:
        for role in ("api", "worker"):
            command = compose["services"][f"{service}-{role}"]["command"]
            assert command == ["python", "-m", f"services.{service}", role]


def test_the_rules_of_alerts_run_apart_from_what_is_urgent(compose: dict[str, Any]) -> None:
    rules = compose["services"]["alerts-rules"]
    assert rules["command"] == ["python", "-m", "services.alerts", "rules"]
    assert not [value for value in rules["environment"].values() if "heroic_reader" in value]


def test_no_web_process_holds_the_role_that_reads_every_tenant(compose: dict[str, Any]) -> None:
    for service in SERVICES:
        environment = compose["services"][f"{service}-api"]["environment"]
        assert not [value for value in environment.values() if "heroic_reader" in value]
        assert not [value for value in environment.values() if "heroic_owner" in value]


def test_only_intakes_web_process_holds_the_keys_that_sign(compose: dict[str, Any]) -> None:
    holders = [
        name
        for name, service in compose["services"].items()
        if "signing" in str(service.get("volumes", "")) + str(service.get("secrets", ""))
    ]
    assert holders == ["intake-api"]
    environment = compose["services"]["intake-api"]["environment"]
    assert environment["HEROIC_SIGNING_KEYS"] == "/run/signing/signing-keys.json"


def test_tests_in_containers_stand_on_the_same_images(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["postgres"]["image"] == stacks.POSTGRES_IMAGE
    assert services["redis"]["image"] == stacks.REDIS_IMAGE
    assert services["kafka"]["image"] == stacks.KAFKA_IMAGE


def test_the_secrets_command_gives_every_variable_that_has_no_default(tmp_path: Path) -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text()
    needed = set(re.findall(r"\$\{(\w+)\}", text))

    write_compose_secrets(tmp_path)

    lines = (tmp_path / "compose.env").read_text().splitlines()
    given = {line.partition("=")[0] for line in lines}
    assert needed == given
    assert {password_variable(role) for role in ROLES} <= given
    for name in ("compose.env", "signing/signing-keys.json"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
