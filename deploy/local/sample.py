"""The sample organisations and people of a local stack, made once by intake's own commands."""

import json
import subprocess
import sys

from deploy.local import up_file
from deploy.local.environment import Environment
from deploy.local.errors import PartFailed
from deploy.local.home import REPOSITORY, Home
from deploy.local.process import TAIL_BYTES


def sample_organisations(environment: Environment) -> list[up_file.Organisation]:
    """The two sample organisations, each with an integration of all scopes; made once."""
    file = environment.home.organisations_file
    known = up_file.read_organisations(file)
    for name in up_file.SAMPLE_ORGANISATIONS[len(known) :]:
        known.append(create_organisation(environment, name))
        up_file.write_organisations(file, known)
    return known


def create_organisation(environment: Environment, name: str) -> up_file.Organisation:
    """Have intake register an organisation and an integration; raises `PartFailed`."""
    command = ["services.intake", "organisation", "create", name, "--json"]
    return up_file.decode_organisation(run(environment, command))


def sample_sign_in(environment: Environment, *, client: bool) -> dict[str, str]:
    """A one-time link for each of the sample people, who are made once; raises `PartFailed`."""
    home = environment.home
    files = [str(home.organisations_file), str(home.people_file)]
    command = ["deploy.sample.people", *files, *(["--client"] if client else [])]
    found: dict[str, str] = json.loads(run(environment, command))
    return found


def simulator_command(home: Home) -> list[str]:
    """The simulator, whose clients are the sample clinician's."""
    clinician_id = json.loads(home.people_file.read_text())["clinician"]
    given = ["--up-file", str(home.up_file), "--clinician", clinician_id]
    return [sys.executable, "-m", "deploy.sample", *given]


def run(environment: Environment, command: list[str]) -> bytes:
    """What a module says when it is run as operators do; raises `PartFailed`."""
    result = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment.operator(),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if result.returncode != 0:
        words = result.stderr.decode(errors="replace")[-TAIL_BYTES:].strip()
        raise PartFailed(" ".join(command[:3]), words)
    return result.stdout
