"""`heroic assess --revise`: what rules say of past ratings, said anew."""

import asyncio
from typing import Annotated

import msgspec
import typer

from deploy.cli.installation import Chosen
from deploy.cli.settings import operated
from services.outcomes.revising import Revised, Reviser
from shared.errors import Invalid

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
    async with operated(chosen, SERVICE) as on:
        return await Reviser(on.database, on.store, on.keyring).revise(on.tenant, client_id)
