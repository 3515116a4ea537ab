"""`heroic assess --revise`: what rules say of past ratings, said anew."""

import asyncio
import os
from typing import Annotated

import msgspec
import typer

from deploy.cli.installation import Chosen
from deploy.cli.settings import CONNECTIONS, key_settings, urls
from services.outcomes.revising import Revised, Reviser
from shared.database import create_database
from shared.errors import Invalid
from shared.eventstore import EventStore
from shared.privacy import open_keyring

SERVICE = "outcomes"

commands = typer.Typer(
    invoke_without_command=True, help="What rules say of ratings; without --revise, nothing."
)


@commands.callback()
def assess(
    context: typer.Context,
    revise: Annotated[
        bool, typer.Option("--revise", help="Judge past ratings by the rules in force now.")
    ] = False,
    client: Annotated[str | None, typer.Option(help="Only this client, by id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Judge past ratings anew, by this code and by the rules that are in force now.

    New rules and new code never change by themselves what was said of past ratings.
    """
    if not revise:
        raise Invalid("New ratings are assessed by themselves; past ones only with --revise.")
    done = asyncio.run(run(context.ensure_object(Chosen), client))
    words = f"{done.clients} clients looked at, {done.assessments} assessments revised"
    typer.echo(msgspec.json.encode(done).decode() if as_json else words)


async def run(chosen: Chosen, client_id: str | None) -> Revised:
    """The work on the database of outcomes, in the role that sees the organisation alone."""
    tenant = chosen.organisation or chosen.site().organisation.id
    given = os.environ.get("HEROIC_OUTCOMES_DATABASE_URL")
    database = create_database(given or urls(chosen, "heroic_outcomes").app, pool_size=CONNECTIONS)
    keys_url, key_encryption_key = key_settings(chosen)
    keyring = open_keyring(create_database(keys_url, pool_size=CONNECTIONS), key_encryption_key)
    store = EventStore(database, keyring, service=SERVICE)
    try:
        return await Reviser(database, store, keyring).revise(tenant, client_id)
    finally:
        await keyring.close()
        await database.dispose()
