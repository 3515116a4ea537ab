"""`heroic erasures`: who is to be erased, and who has been."""

from typing import Annotated
from urllib.parse import urlencode

import msgspec
import typer

from deploy.cli.installation import Chosen

commands = typer.Typer(no_args_is_help=True, help="Requests to erase clients.")

PATH = "/intake/v1/erasure-requests"


class Listed(msgspec.Struct):
    """A request, as far as a line tells of it."""

    id: str
    client_id: str
    status: str
    requested_at: str
    execute_at: str | None = None
    executed_at: str | None = None


class Page(msgspec.Struct):
    """Some requests; each once as it came, for JSON."""

    items: list[msgspec.Raw]
    next: str | None


@commands.callback()
def group() -> None:
    """Requests to erase clients."""


@commands.command("list")
def list_erasures(
    context: typer.Context,
    status: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON document a line.")] = False,
) -> None:
    """Every request, the newest first."""
    site = context.ensure_object(Chosen).site()
    query = [("status", one) for one in status or ()]
    cursor: str | None = ""
    while cursor is not None:
        more = [*query, ("cursor", cursor)] if cursor else query
        page = msgspec.json.decode(site.get(f"{PATH}?{urlencode(more)}"), type=Page)
        for item in page.items:
            typer.echo(bytes(item).decode() if as_json else line(item))
        cursor = page.next


def line(item: msgspec.Raw) -> str:
    """A request for people: what it is, whom it is about, when what is or was."""
    one = msgspec.json.decode(item, type=Listed)
    at = one.executed_at or one.execute_at or one.requested_at
    return f"{one.id}  {one.client_id}  {one.status:<9}  {at}"
