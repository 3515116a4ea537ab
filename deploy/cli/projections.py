"""`heroic projections`: versions of the client outcome view, built anew from the journal."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
import typer

from deploy.cli.installation import Chosen
from deploy.cli.settings import key_settings, reader
from services.outcomes import rebuild as projections
from shared.database import Database, create_database
from shared.privacy import Keyring, open_keyring

T = TypeVar("T")

commands = typer.Typer(no_args_is_help=True, help="Versions of the client outcome view.")

Version = Annotated[int, typer.Argument(help="The version's number.")]


@commands.command("list")
def list_projections(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Every version, oldest first."""
    for one in on(context, lambda database, _: projections.list_projections(database)):
        words = f"{one.version} {one.status} {one.clients} clients, begun {one.started_at}"
        typer.echo(msgspec.json.encode(one._asdict()).decode() if as_json else words)


@commands.command()
def rebuild(context: typer.Context) -> None:
    """Build the next version beside the one that is read, or go on with one that was begun."""
    typer.echo(f"Built version {on(context, projections.rebuild)}.")


@commands.command()
def verify(context: typer.Context, version: Version) -> None:
    """Compare a version with a fold of the journal; exit code 1 where they differ."""
    found = on(context, lambda database, keyring: projections.verify(database, keyring, version))
    for one in found:
        typer.echo(f"differs: organisation {one.tenant} client {one.client_id}")
    if found:
        raise typer.Exit(1)
    typer.echo(f"Version {version} is what the journal says.")


@commands.command()
def switch(context: typer.Context, version: Version) -> None:
    """Let everybody read a version from now on."""
    on(context, lambda database, keyring: projections.switch(database, keyring, version))
    typer.echo(f"Version {version} is live.")


def on(context: typer.Context, work: Callable[[Database, Keyring], Awaitable[T]]) -> T:
    """Do `work` on the database of outcomes in the role that sees every tenant, with the keys."""
    chosen = context.ensure_object(Chosen)

    async def do() -> T:
        database = reader(chosen, "outcomes")
        keys_url, key_encryption_key = key_settings(chosen)
        keyring = open_keyring(create_database(keys_url, pool_size=1), key_encryption_key)
        try:
            return await work(database, keyring)
        finally:
            await keyring.close()
            await database.dispose()

    return asyncio.run(do())
