"""`heroic export`: everything that the four services have, in one archive."""

import shutil
import tempfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.installation import Chosen, Site, checked, patiently
from shared.errors import Conflict

SERVICES = ("intake", "feedback", "outcomes", "alerts")
CHUNK_BYTES = 1024 * 1024

commands = typer.Typer(no_args_is_help=True, help="Take everything away, as one zip archive.")

Out = Annotated[Path, typer.Argument(help="The archive to make.", dir_okay=False)]


@commands.command("client")
def client(
    context: typer.Context, client_id: Annotated[str, typer.Argument(help="Whose.")], out: Out
) -> None:
    """Everything of one client, words and names included."""
    gather(context.ensure_object(Chosen).site(), f"clients/{client_id}/export", out)


@commands.command("organisation")
def organisation(context: typer.Context, out: Out) -> None:
    """Everything of the organisation."""
    gather(context.ensure_object(Chosen).site(), "export", out)


def gather(site: Site, path: str, out: Path) -> None:
    """One archive of the archives of all services, each in a folder of its own; nothing is left of
    it where one of them cannot be had."""
    if out.exists():
        raise Conflict(f"{out} is there already.")
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / "all.zip"
        with zipfile.ZipFile(made, "x", zipfile.ZIP_DEFLATED) as archive:
            for service in SERVICES:
                part = Path(folder) / f"{service}.zip"
                patiently(partial(fetch, site, f"/{service}/v1/{path}", part))
                add(archive, service, part)
                part.unlink()
        made.chmod(0o600)
        made.rename(out)
    typer.echo(str(out))


def fetch(site: Site, url: str, part: Path) -> None:
    """Write what a service sends to a file; raises Refused, Unavailable."""
    with site.http.stream("GET", url, headers=site.headers()) as answer:
        checked(answer)
        with part.open("wb") as file:
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                file.write(chunk)


def add(archive: zipfile.ZipFile, service: str, part: Path) -> None:
    """Put the members of an archive into a folder of another, a piece at a time."""
    with zipfile.ZipFile(part) as source:
        for member in source.infolist():
            member_name = f"{service}/{member.filename}"
            info = zipfile.ZipInfo(member_name, member.date_time)
            info.compress_type = zipfile.ZIP_DEFLATED
            with source.open(member) as one, archive.open(info, "w", force_zip64=True) as other:
                shutil.copyfileobj(one, other, CHUNK_BYTES)
