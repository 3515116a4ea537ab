"""Sample people of a local stack, and the links by which each of them is signed in.

python -m deploy.sample.people CREDENTIALS PEOPLE [--client]

CREDENTIALS is a file with the organisations, as the supervisor keeps it; PEOPLE is the file that
remembers who was made, so that they are made once. Prints `{"client": URL, …}`, a link a role:
the clinician has the sample clients, the supervisor leads a team with the clinician, the client is
the first of the sample clients (only with `--client`, since it registers that client). The links
are one-time, and made anew each time; only the web process of a local stack lets in by them.
"""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.installation import Organisation, Site
from deploy.local.home import write_json
from deploy.sample.simulator import client_fields
from services.intake.people.inviting import Inviting, open_inviting
from services.intake.settings import Settings

NAMES = {
    "clinician": "Sample Clinician",
    "supervisor": "Sample Supervisor",
    "operator": "Sample Operator",
    "administrator": "Sample Administrator",
}
LIFETIME = timedelta(days=30)
"""A local stack is left alone for a weekend."""


def main(
    credentials: Path,
    people_file: Path,
    client: Annotated[bool, typer.Option(help="Register the first sample client too.")] = False,
) -> None:
    """Make who is missing; print a link for each."""
    settings = Settings()
    organisation = Organisation(**json.loads(credentials.read_text())[0])
    site = Site(settings.public_url, organisation)
    people = known_people(site, people_file)
    client_id = str(site.post("/intake/v1/clients", client_fields(1))["id"]) if client else None
    typer.echo(json.dumps(asyncio.run(links(settings, organisation.id, people, client_id))))


def known_people(site: Site, people_file: Path) -> dict[str, str]:
    """The ids of the sample people by their roles."""
    people: dict[str, str] = json.loads(people_file.read_text()) if people_file.exists() else {}
    for role, name in NAMES.items():
        if role not in people:
            body = {"name": name, "email": f"{role}@sample.invalid", "roles": [role]}
            people[role] = str(site.post("/intake/v1/people", body)["id"])
            write_json(people_file, people)
    if "team" not in people:
        members = {"lead_ids": [people["supervisor"]], "member_ids": [people["clinician"]]}
        made = site.post("/intake/v1/teams", {"name": "Sample team", **members})
        write_json(people_file, people | {"team": str(made["id"])})
    return people


async def links(
    settings: Settings, tenant: str, people: dict[str, str], client_id: str | None
) -> dict[str, str]:
    """A link for each of them."""
    async with open_inviting(settings) as inviting:
        found = {role: await link(inviting, tenant, people[role]) for role in NAMES}
        if client_id is not None:
            found["client"] = await link(inviting, tenant, client_id, client_id)
    return found


async def link(
    inviting: Inviting, tenant: str, principal_id: str, client_id: str | None = None
) -> str:
    """A link that signs one of them in."""
    return await inviting.sign_in_link(tenant, principal_id, LIFETIME, client_id=client_id)


if __name__ == "__main__":
    typer.run(main)
