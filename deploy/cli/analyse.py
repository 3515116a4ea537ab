"""`heroic analyse`: what the published methods say of any CSV file; it needs no server."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.cli import analyse_change, analyse_gains, analyse_rules
from deploy.cli.analyse_change import Choice, Direction
from deploy.cli.analyse_csv import Table, exact
from deploy.cli.analyse_gains import Series
from deploy.cli.analyse_report import tell_change, tell_gains, tell_rules
from shared.contracts.intake import AgeGroup
from shared.measures import default_rules
from shared.measures import measure as definition_of
from shared.measures.methods import Method

commands = typer.Typer(
    no_args_is_help=True, help="Judge the ratings in a CSV file by published methods."
)

encode = msgspec.json.Encoder(decimal_format="number").encode

CsvFile = Annotated[
    Path,
    typer.Argument(
        help="CSV with a header; cells that are empty or NA are missing.",
        exists=True,
        dir_okay=False,
    ),
]
Client = Annotated[str, typer.Option(help="Column of the clients.")]
Time = Annotated[str | None, typer.Option(help="Column of the times, in a long file.")]
Value = Annotated[str | None, typer.Option(help="Column of the scores, in a long file.")]
Values = Annotated[str | None, typer.Option(help="Columns of a wide file, in order: C1,C2,C3.")]
Better = Annotated[Direction, typer.Option(help="Which scores are better.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@commands.callback()
def group() -> None:
    """Judge the ratings in a CSV file by published methods."""


@commands.command()
def change(
    file: CsvFile,
    client: Client,
    pre: Annotated[str, typer.Option(help="The time before; in a wide file its column.")],
    post: Annotated[str, typer.Option(help="The time after; in a wide file its column.")],
    direction: Better,
    time: Time = None,
    value: Value = None,
    method: Annotated[Method, typer.Option(help="How a change is judged.")] = "jt",
    reliability: Annotated[float | None, typer.Option(help="Of the measure, in (0, 1).")] = None,
    reliability_post: Annotated[
        float | None, typer.Option(help="The same at post, for nk; else as --reliability.")
    ] = None,
    functional_mean: Annotated[float | None, typer.Option(help="Mean of those well.")] = None,
    functional_sd: Annotated[float | None, typer.Option(help="Their deviation.")] = None,
    percent: Annotated[
        Decimal | None, typer.Option(parser=exact, help="Such as 50; below 1 a share: 0.5.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge each client's change from PRE to POST. Means and deviations are those of the file.

    Clients without both values are left out and counted. Of several values of a client at one
    time the first counts, and the others are named by line. Only with the mean and deviation of
    a functional population can clients recover or be harmed: cutoff c divides the two sides.
    """
    if (functional_mean is None) != (functional_sd is None):
        raise typer.BadParameter("give --functional-mean and --functional-sd, or neither")
    if method == "percent" and not (percent is not None and percent > 0):
        raise typer.BadParameter("percent needs --percent above 0")
    if method != "percent" and reliability is None:
        raise typer.BadParameter(f"{method} needs --reliability")
    functional = None
    if functional_mean is not None and functional_sd is not None:
        functional = functional_mean, functional_sd
    if percent is not None and percent < 1:
        percent *= 100
    choice = Choice(method, direction, reliability, reliability_post, functional, percent)
    if time is not None and value is not None:
        table = Table(file, [client, time, value])
        pairs = analyse_change.long_pairs(table, pre, post)
    elif time is None and value is None:
        table = Table(file, [client, pre, post])
        pairs = analyse_change.wide_pairs(table)
    else:
        raise typer.BadParameter("give --time and --value (long file), or neither (wide file)")
    report = analyse_change.judge_all(pairs, choice, table.unreadable)
    if as_json:
        typer.echo(encode(report))
    else:
        tell_change(report)


@commands.command()
def gains(
    file: CsvFile,
    client: Client,
    direction: Better,
    cut: Annotated[
        Decimal, typer.Option(parser=exact, help="Least step, in points: 7 for the BDI.")
    ],
    time: Time = None,
    value: Value = None,
    values: Values = None,
    as_json: AsJson = False,
) -> None:
    """Find sudden gains and losses by the three criteria of Tang and DeRubeis.

    In a long file ratings are sorted by time (numbers or ISO dates); those of one time keep the
    order of the file, and a row without a value keeps its place, as an empty cell does in a wide
    file.
    """
    table, series = series_in(partial(Table, file), client, time, value, values)
    report = analyse_gains.find_all(series, direction, cut, table.unreadable)
    if as_json:
        typer.echo(encode(report))
    else:
        tell_gains(report)


@commands.command()
def rules(
    file: CsvFile,
    client: Client,
    measure: Annotated[str, typer.Option(help="Key of the measure, such as bdi.")],
    time: Time = None,
    value: Value = None,
    values: Values = None,
    age_group: Annotated[AgeGroup, typer.Option(help="Of the clients.")] = "adult",
    as_json: AsJson = False,
) -> None:
    """Show what the default rules would have signalled, and the alerts that it calls for.

    A client's ratings are sorted by time (numbers or ISO dates); those of one time keep the order
    of the file. A score that the measure's scale does not have is left out and named by line. No
    curve is in force, so nothing is said of the expected response.
    """
    definition = definition_of(measure)
    scores = partial(analyse_rules.Scores, file, definition=definition)
    table, series = series_in(scores, client, time, value, values)
    report = analyse_rules.judge_all(
        series, definition, default_rules(), age_group, table.unreadable
    )
    if as_json:
        typer.echo(encode(report))
    else:
        tell_rules(report)


def series_in(
    open_table: Callable[[list[str]], Table],
    client: str,
    time: str | None,
    value: str | None,
    values: str | None,
) -> tuple[Table, list[Series]]:
    """The table of a long or a wide file, as the options say, and the series in it."""
    if values is not None and time is None and value is None:
        table = open_table([client, *(name.strip() for name in values.split(","))])
        return table, analyse_gains.wide_series(table)
    if values is None and time is not None and value is not None:
        table = open_table([client, time, value])
        return table, analyse_gains.long_series(table)
    raise typer.BadParameter("give --time and --value (long file), or --values (wide file)")
