"""The commands of `heroic`, and what all of them take."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import analyse, expected, imports, operators, parked, projections
from deploy.cli.installation import Chosen, default_up_file

commands = typer.Typer(
    name="heroic",
    help="Act for an organisation of a running Heroic.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
commands.add_typer(imports.commands, name="import")
commands.add_typer(analyse.commands, name="analyse")
commands.add_typer(expected.commands, name="expected")
commands.add_typer(operators.organisation, name="organisation")
commands.add_typer(operators.integration, name="integration")
commands.add_typer(parked.commands, name="parked")
commands.add_typer(projections.commands, name="projections")


@commands.callback()
def choose(
    context: typer.Context,
    up_file: Annotated[
        Path | None, typer.Option(help="The `up.json` of the installation.", dir_okay=False)
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(help="Act for this organisation, not the first one.")
    ] = None,
) -> None:
    """Which installation and organisation the command is about."""
    context.obj = Chosen(up_file or default_up_file(), organisation)
