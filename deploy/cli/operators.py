"""`heroic organisation`: the tenants."""

import asyncio
from typing import Annotated

import msgspec
import typer

from deploy.cli.installation import Chosen
from deploy.cli.settings import intake_settings, reader
from services.intake.app import open_organisations
from shared.database import Database, driver

organisation = typer.Typer(no_args_is_help=True, help="Organisations, the tenants.")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

ORGANISATIONS = """
SELECT tenant AS id, convert_from(data, 'UTF8')::jsonb ->> 'name' AS name, recorded_at
FROM events WHERE type = 'heroic.intake.OrganisationRegistered' ORDER BY recorded_at
"""


@organisation.command("create")
def create_organisation(context: typer.Context, name: str, as_json: AsJson = False) -> None:
    """Register an organisation with an integration of all scopes; its secret is shown once."""
    chosen = context.ensure_object(Chosen)

    async def create() -> dict[str, str]:
        async with open_organisations(intake_settings(chosen)) as organisations:
            organisation_id = await organisations.register(name)
            credentials = await organisations.create_integration(organisation_id, name)
        return {"id": organisation_id, "name": name, **msgspec.structs.asdict(credentials)}

    show([asyncio.run(create())], as_json=as_json)


@organisation.command("list")
def list_organisations(context: typer.Context, as_json: AsJson = False) -> None:
    """Every organisation, the oldest first."""
    chosen = context.ensure_object(Chosen)
    show(asyncio.run(organisations_in(reader(chosen, "intake"))), as_json=as_json)


async def organisations_in(database: Database) -> list[dict[str, str]]:
    """Their ids and names."""
    async with database.session() as conn:
        rows = await driver(conn).fetch(ORGANISATIONS)
    await database.dispose()
    return [{"id": row["id"], "name": row["name"]} for row in rows]


def show(things: list[dict[str, str]], *, as_json: bool) -> None:
    """A line each, or a JSON document each line."""
    for one in things:
        words = msgspec.json.encode(one).decode() if as_json else "  ".join(one.values())
        typer.echo(words)
