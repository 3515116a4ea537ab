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


def write(
    environment: Environment, organisations: list[Organisation], sign_in: dict[str, str]
) -> None:
    """Write `up.json`, all of it at once. `sign_in`: a one-time link for each role."""
    value = {
        "base_url": environment.public_url,
        "organisations": [asdict(organisation) for organisation in organisations],
        "sign_in": sign_in,
        "kafka": environment.stack.kafka,
        "postgres": {
            service: environment.urls(f"heroic_{service}").inspect for service in SERVICES
        },
        "redis": environment.stack.redis_url,
    }
    write_json(environment.home.up_file, value)


def addresses(environment: Environment, sign_in: dict[str, str]) -> list[str]:
    """What a person wants to open."""
    base = environment.public_url
    docs = [f"  {base}/{service}/docs" for service in SERVICES]
    links = [f"  {role}: {link}" for role, link in sign_in.items()]
    return [
        f"Heroic is up at {base}",
        *docs,
        "Sign in, once each, as",
        *links,
        f"Details: {environment.home.up_file}",
    ]


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
