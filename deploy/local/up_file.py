"""`up.json`: where a running stack is and how to use it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.environment import Environment
from deploy.local.home import write_json
from deploy.setup.databases import SERVICES

SAMPLE_ORGANISATIONS = ("Sample Clinics North", "Sample Clinics South")


@dataclass(frozen=True)
class Organisation:
    """A sample organisation and the credentials of its integration, which holds all scopes."""

    id: str
    name: str
    client_id: str
    client_secret: str


def write(environment: Environment, organisations: list[Organisation]) -> None:
    """Write `up.json`, all of it at once."""
    value = {
        "base_url": environment.public_url,
        "organisations": [asdict(organisation) for organisation in organisations],
        # Nobody signs in before there are people's accounts and pages.
        "sign_in": {},
        "kafka": environment.stack.kafka,
        "postgres": {
            service: environment.urls(f"heroic_{service}").inspect for service in SERVICES
        },
        "redis": environment.stack.redis_url,
    }
    write_json(environment.home.up_file, value)


def addresses(environment: Environment) -> list[str]:
    """What a person wants to open."""
    base = environment.public_url
    docs = [f"  {base}/{service}/docs" for service in SERVICES]
    return [f"Heroic is up at {base}", *docs, f"Details: {environment.home.up_file}"]


def read_organisations(file: Path) -> list[Organisation]:
    """The organisations that earlier runs made."""
    if not file.exists():
        return []
    return [Organisation(**fields) for fields in json.loads(file.read_text())]


def write_organisations(file: Path, organisations: list[Organisation]) -> None:
    """Remember them: intake keeps the secrets only as hashes."""
    write_json(file, [asdict(organisation) for organisation in organisations])


def decode_organisation(answer: bytes) -> Organisation:
    """Intake's answer to `organisation create --json`."""
    fields = json.loads(answer)
    return Organisation(fields["id"], fields["name"], fields["client_id"], fields["client_secret"])
