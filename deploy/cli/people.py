"""`heroic person`: who may sign in, the first administrator of all."""

import asyncio
from typing import Annotated

import msgspec
import typer

from deploy.cli.choices import one_of
from deploy.cli.installation import Chosen
from deploy.cli.settings import intake_settings
from services.intake.domain.person import STAFF_ROLES
from services.intake.people.inviting import Invitation, open_inviting
from shared.contracts.people import StaffRole

commands = typer.Typer(no_args_is_help=True, help="People who sign in.")


@commands.callback()
def group() -> None:
    """Keeps the name of the one command there is."""


@commands.command()
def invite(
    context: typer.Context,
    name: str,
    email: Annotated[str, typer.Option(help="By which they sign in.")],
    role: Annotated[
        list[str],
        typer.Option(
            callback=one_of(STAFF_ROLES), help=f"{', '.join(STAFF_ROLES)}; may be repeated."
        ),
    ],
    organisation: Annotated[
        str | None, typer.Option(help="Of this organisation, not the first one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Invite somebody; prints the one-time link by which they choose a password, once."""
    chosen = context.ensure_object(Chosen)
    tenant = organisation or chosen.organisation or chosen.site().organisation.id

    async def send() -> Invitation:
        async with open_inviting(intake_settings(chosen)) as inviting:
            roles = msgspec.convert(role, list[StaffRole])
            return await inviting.invite(tenant, name, email, roles)

    made = asyncio.run(send())
    if as_json:
        said = {"id": made.person_id, "organisation_id": tenant, "link": made.url}
        typer.echo(msgspec.json.encode(said))
    else:
        typer.echo(made.url)
