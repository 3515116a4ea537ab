"""`heroic expected`: how an organisation's clients go on, fitted from their ratings."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from deploy.cli.installation import Chosen
from deploy.cli.settings import operated
from shared.contracts.intake import AgeGroup

if TYPE_CHECKING:
    from services.outcomes.expected.job import Report, Result

SERVICE = "outcomes"

commands = typer.Typer(no_args_is_help=True, help="The expected response of clients.")


@commands.callback()
def about() -> None:
    """The expected response: how clients who began alike went on."""


@commands.command("fit")
def fit_curves(
    context: typer.Context,
    measure: Annotated[str, typer.Option(help="The measure's key.")],
    age_group: Annotated[
        AgeGroup | None, typer.Option(help="Only this one; else each that has episodes.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit, and publish nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Fit the expected response, and publish it for ratings from a minute later on.

    Exit code 1 where a fit was refused; too few episodes are no failure.
    """
    report = asyncio.run(run(context.ensure_object(Chosen), measure, age_group, dry_run=dry_run))
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        show(report)
    if any(one.refused and not one.seed for one in report.results):
        raise typer.Exit(1)


async def run(
    chosen: Chosen, measure: str, age_group: AgeGroup | None, *, dry_run: bool
) -> "Report":
    """The job on the database of outcomes, in the role that sees the organisation alone."""
    # Not above: it brings statsmodels, which would make every command wait for seconds.
    from services.outcomes.expected.job import fit_expected

    async with operated(chosen, SERVICE) as on:
        await on.store.start()
        try:
            return await fit_expected(
                on.database, on.store, on.tenant, measure, age_group, dry_run=dry_run
            )
        finally:
            await on.store.stop()


def show(report: "Report") -> None:
    """A line an age group, and one on who was left out."""
    for one in report.results:
        typer.echo(f"{report.measure} {one.age_group}: {words_of(one)}")
    if not report.results:
        typer.echo(f"{report.measure}: no episodes")
    if report.without_consent or report.held_back:
        typer.echo(
            f"Left out: {report.without_consent} clients without consent to service statistics, "
            f"{report.held_back} whose data is held back."
        )


def words_of(result: "Result") -> str:
    """What became of one age group."""
    if result.seed:
        return f"{result.refused}; the seed curve stands, if there is one"
    if result.fit is None:
        return f"refused: {result.refused}"
    fit, held_out = result.fit, result.fit.coverage[0]
    words = (
        f"{fit.episodes} episodes, {fit.ratings} ratings; "
        f"the 80 % band holds {held_out.share:.1%} of {held_out.ratings} held out"
    )
    if result.published is None:
        return f"{words}; nothing published"
    event = result.published
    return f"{words}; version {event.curve_version}, in force from {event.effective_from:%FT%TZ}"
