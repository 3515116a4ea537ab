"""`heroic parked`: events that could not be processed, and those that wait behind them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
import typer

from deploy.cli.installation import Chosen
from deploy.cli.settings import reader
from shared.consuming import parking
from shared.database import Database

T = TypeVar("T")

SERVICES = ("feedback", "outcomes", "alerts")
"""Those that consume."""

commands = typer.Typer(no_args_is_help=True, help="Events that could not be processed.")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Group = Annotated[str, typer.Argument(help="The consumer group, such as outcomes.views.")]
EventId = Annotated[str, typer.Argument(help="The event's id.")]


@commands.command("list")
def list_parked(context: typer.Context, as_json: AsJson = False) -> None:
    """What is parked in every service, in the order in which it was."""
    chosen = context.ensure_object(Chosen)
    for service in SERVICES:
        found = on(reader(chosen, service), parking.list_parked)
        for event in found:
            words = f"{event.group} {event.event_id} {event.type} {event.reason}: {event.detail}"
            typer.echo(msgspec.json.encode(event).decode() if as_json else words)


@commands.command("show")
def show_parked(context: typer.Context, group: Group, event_id: EventId) -> None:
    """One parked event with its envelope; what it says stays sealed."""
    event, envelope = on(
        reader(context.ensure_object(Chosen), service_of(group)),
        lambda database: parking.show_parked(database, group, event_id),
    )
    typer.echo(msgspec.json.format(msgspec.json.encode({"parked": event, "envelope": envelope})))


@commands.command("replay")
def replay(context: typer.Context, group: Group, event_id: EventId) -> None:
    """Ask for the event, and all that waits behind it, to be tried again."""
    database = reader(context.ensure_object(Chosen), service_of(group))
    on(database, lambda database: parking.replay(database, group, event_id))


@commands.command("discard")
def discard(context: typer.Context, group: Group, event_id: EventId) -> None:
    """Give the event up: its version counts as passed, and what waited behind it goes on."""
    database = reader(context.ensure_object(Chosen), service_of(group))
    on(database, lambda database: parking.discard(database, group, event_id))


def service_of(group: str) -> str:
    """The service that a consumer group belongs to: the first part of its name."""
    service = group.partition(".")[0]
    if service not in SERVICES:
        raise typer.BadParameter(f"no such group: those of {', '.join(SERVICES)}")
    return service


def on(database: Database, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do `work` on the database, then close it."""

    async def do() -> T:
        try:
            return await work(database)
        finally:
            await database.dispose()

    return asyncio.run(do())
