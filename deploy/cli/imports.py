"""`heroic import`: what a feed would send, out of a file."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.cli.importing import Order, Summary, definition_of, run
from deploy.cli.installation import Chosen
from deploy.cli.rows import Columns, read_rows
from shared.contracts.intake import AgeGroup

SHOWN_PROBLEMS = 50

commands = typer.Typer(no_args_is_help=True, help="Bring in what happened before, or elsewhere.")

people = Console(stderr=True)


@commands.callback()
def group() -> None:
    """Bring in what happened before, or elsewhere."""


@commands.command()
def ratings(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with a header.", exists=True, dir_okay=False)],
    key: Annotated[str, typer.Option("--measure", help="Key of the measure, such as bdi.")],
    client_column: Annotated[str, typer.Option(help="Column of the caller's client ids.")],
    value_column: Annotated[str, typer.Option(help="Column of the totals, in points.")],
    day_column: Annotated[str | None, typer.Option(help="Column of days since --start.")] = None,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day 0, at midnight UTC.")
    ] = None,
    time_column: Annotated[
        str | None, typer.Option(help="Column of times with offset, or of days.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Not as history: alerts go out.")] = False,
    on_conflict: Annotated[
        Literal["correct"] | None, typer.Option(help="Correct ratings that came with other values.")
    ] = None,
    age_group: Annotated[AgeGroup, typer.Option(help="Of all clients in the file.")] = "adult",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    organisation: Annotated[str | None, typer.Option(help="Import for this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Import ratings, with their clients and episodes; running it again changes nothing.

    Exit code 1 where a row was refused.
    """
    by_day = day_column is not None and start is not None
    if by_day == (time_column is not None) or (day_column is None) != (start is None):
        raise typer.BadParameter("give --day-column with --start, or --time-column")
    columns = Columns(client_column, value_column, day_column, day_of(start), time_column)
    chosen = context.ensure_object(Chosen)
    site = chosen._replace(organisation=organisation or chosen.organisation).site()
    definition = definition_of(site, key)
    rows = read_rows(file, definition.key, columns)
    order = Order(rows, definition, age_group, live, on_conflict == "correct", dry_run)
    with bars() as shown:
        totals = {"Clients and episodes": 2 * len(rows.opened_at()), "Ratings": len(rows.ratings)}
        tasks = {name: shown.add_task(name, total=total) for name, total in totals.items()}
        summary = run(site, order, lambda step, done: shown.advance(tasks[step], done))
    if as_json:
        typer.echo(msgspec.json.encode(summary))
    else:
        tell(summary)
    if summary.refused:
        raise typer.Exit(1)


def day_of(moment: datetime | None) -> date | None:
    """The day that an option names."""
    return moment.replace(tzinfo=UTC).date() if moment is not None else None


def bars() -> Progress:
    """A bar for each step, on the standard error; still where that is no terminal."""
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=people,
    )


def tell(summary: Summary) -> None:
    """The report for people: what was not taken, row by row, and the counts."""
    for one in summary.problems[:SHOWN_PROBLEMS]:
        typer.echo(f"line {one.line}: {one.status}: {one.detail}", err=True)
    hidden = len(summary.problems) - SHOWN_PROBLEMS
    if hidden > 0:
        typer.echo(f"… and {hidden} more (--json lists all)", err=True)
    if summary.dry_run:
        typer.echo("Dry run: nothing was changed.")
    typer.echo(f"{summary.clients} clients, {summary.ratings} ratings:")
    for status in ("created", "unchanged", "corrected", "conflict", "refused"):
        typer.echo(f"  {getattr(summary, status):>7} {status}")
