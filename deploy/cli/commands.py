"""The commands of `heroic`, and what all of them take."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.lazy import LazyGroup

SERVERLESS = "analyse"
"""The group that acts on files alone."""

commands = typer.Typer(
    name="heroic",
    cls=LazyGroup,
    help="Act for an organisation of a running Heroic.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
    if context.invoked_subcommand == SERVERLESS:
        return
    # Imported here for what `lazy` says.
    from deploy.cli.installation import Chosen, default_up_file

    context.obj = Chosen(up_file or default_up_file(), organisation)
