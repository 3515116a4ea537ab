"""The roles of intake and what operators ask of it.

python -m services.intake api | worker | migrate | all
python -m services.intake organisation create NAME [--json]
python -m services.intake integration create ORGANISATION_ID NAME [--json]
python -m services.intake signing-keys PATH
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from services.intake.app import SERVICE, create_app, create_worker, open_organisations
from services.intake.settings import Settings
from shared import roles
from shared.errors import HeroicError
from shared.security import SigningKeys

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
organisation = typer.Typer(no_args_is_help=True, help="Organisations, the tenants.")
integration = typer.Typer(no_args_is_help=True, help="Machines that act for an organisation.")
app.add_typer(organisation, name="organisation")
app.add_typer(integration, name="integration")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@app.command()
def api() -> None:
    """Serve HTTP until told to stop."""
    uvloop.run(roles.serve(SERVICE, create_app(Settings())))


@app.command()
def worker() -> None:
    """Relay until told to stop."""
    raise typer.Exit(uvloop.run(roles.work(SERVICE, "worker", Settings(), create_worker)))


@app.command()
def migrate() -> None:
    """Bring the database and the topics to this version; idempotent."""
    uvloop.run(roles.migrate(SERVICE, Settings()))


@app.command(name="all")
def everything() -> None:
    """All roles in one process."""
    raise typer.Exit(uvloop.run(_everything(Settings())))


@app.command(name="signing-keys")
def signing_keys(path: Path) -> None:
    """Make the private keys that tokens are signed with, in a new file."""
    SigningKeys.generate().write(path)


@organisation.command(name="create")
def create_organisation(name: str, as_json: AsJson = False) -> None:
    """Register an organisation with an integration of all scopes; its secret is shown once."""
    _say(uvloop.run(_create_organisation(Settings(), name)), as_json)


@integration.command(name="create")
def create_integration(organisation_id: str, name: str, as_json: AsJson = False) -> None:
    """Let one more machine act for an organisation; its secret is shown once."""
    _say(uvloop.run(_create_integration(Settings(), organisation_id, name)), as_json)


async def _everything(settings: Settings) -> int:
    await roles.migrate(SERVICE, settings)
    worker = roles.work(SERVICE, "worker", settings, create_worker)
    return await roles.together(worker, roles.serve(SERVICE, create_app(settings)))


async def _create_organisation(settings: Settings, name: str) -> dict[str, str]:
    async with open_organisations(settings) as organisations:
        organisation_id = await organisations.register(name)
        credentials = await organisations.create_integration(organisation_id, name)
    return {"id": organisation_id, "name": name, **msgspec.structs.asdict(credentials)}


async def _create_integration(
    settings: Settings, organisation_id: str, name: str
) -> dict[str, str]:
    async with open_organisations(settings) as organisations:
        credentials = await organisations.create_integration(organisation_id, name)
    return {"organisation_id": organisation_id, "name": name, **msgspec.structs.asdict(credentials)}


def _say(values: dict[str, str], as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(values))
        return
    for name, value in values.items():
        typer.echo(f"{name}: {value}")


def main() -> None:
    """Run a command; an error of ours ends it with its words and exit code 1."""
    try:
        app()
    except HeroicError as error:
        typer.echo(f"{error.title}: {error.detail}", err=True)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
