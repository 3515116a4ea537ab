"""`heroic keys`: the private keys by which intake signs tokens, and what wraps those of clients."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import kek
from deploy.cli.installation import Chosen
from deploy.cli.operators import AsJson, show
from deploy.cli.settings import home_of
from shared.errors import NotFound
from shared.security import SigningKeys

commands = typer.Typer(no_args_is_help=True, help="The keys that sign tokens or wrap other keys.")
commands.command("rewrap")(kek.rewrap_keys)
commands.command("wrapped")(kek.wrapped)

File = Annotated[
    Path | None,
    typer.Option("--file", help="The private JWK set; else that of the installation."),
]


@commands.command("list")
def list_keys(context: typer.Context, file: File = None, as_json: AsJson = False) -> None:
    """The keys that are published, the newest first, and since when each signs."""
    show(_told(SigningKeys.read(_path(context, file))), as_json=as_json)


@commands.command()
def rotate(
    context: typer.Context,
    file: File = None,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once",
            help="The keys are out: drop them all. Whoever holds a token needs another one.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a new key, which signs once everybody can know it; running processes need nothing.

    Keys whose last token has ended are dropped.
    """
    path = _path(context, file)
    keys = SigningKeys.generate() if at_once else SigningKeys.read(path).rotated()
    keys.replace(path)
    show(_told(keys), as_json=as_json)


def _path(context: typer.Context, file: Path | None) -> Path:
    """The file that is meant; NotFound where it is not there."""
    given = os.environ.get("HEROIC_SIGNING_KEYS")
    path = file or (Path(given) if given else home_of(context.ensure_object(Chosen)).signing_keys)
    if not path.is_file():
        raise NotFound(f"There is no {path}.")
    return path


def _told(keys: SigningKeys) -> list[dict[str, str]]:
    return [
        {
            "kid": kid,
            "signs_from": datetime.fromtimestamp(since, UTC).isoformat() if since else "ever",
            "status": "signs" if kid == keys.current.kid else "published",
        }
        for kid, since in keys.signs_from().items()
    ]
