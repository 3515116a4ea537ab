"""`heroic clinic`, `heroic team` and what `heroic person` says of people who are there already."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer

from deploy.cli.installation import Chosen, Site, checked
from deploy.cli.operators import AsJson, show
from deploy.cli.people import commands as person
from shared.contracts.people import StaffRole

__all__ = ["clinic", "person", "team"]

clinic = typer.Typer(no_args_is_help=True, help="Places of work.")
team = typer.Typer(no_args_is_help=True, help="Who works together, and who leads.")


class Page(msgspec.Struct):
    """A page of a list."""

    items: list[dict[str, Any]]
    next: str | None = None


@clinic.command("open")
def open_clinic(
    context: typer.Context,
    name: str,
    timezone: Annotated[str, typer.Option(help="Such as Europe/Berlin.")],
    as_json: AsJson = False,
) -> None:
    """A new clinic."""
    made = _site(context).post("/intake/v1/clinics", {"name": name, "timezone": timezone})
    _show([made], as_json=as_json)


@clinic.command("list")
def list_clinics(context: typer.Context, as_json: AsJson = False) -> None:
    """All clinics, the oldest first."""
    _show(_items(_site(context), "/intake/v1/clinics"), as_json=as_json)


@team.command("form")
def form_team(
    context: typer.Context,
    name: str,
    lead: Annotated[list[str] | None, typer.Option(help="A person's id; may be repeated.")] = None,
    member: Annotated[
        list[str] | None, typer.Option(help="A person's id; may be repeated.")
    ] = None,
    clinic_id: Annotated[str | None, typer.Option("--clinic", help="A clinic's id.")] = None,
    as_json: AsJson = False,
) -> None:
    """A new team; its leads see the clients of its members."""
    body = {
        "name": name,
        "clinic_id": clinic_id,
        "lead_ids": lead or [],
        "member_ids": member or [],
    }
    _show([_site(context).post("/intake/v1/teams", body)], as_json=as_json)


@team.command("list")
def list_teams(context: typer.Context, as_json: AsJson = False) -> None:
    """All teams that have anybody in them, the oldest first."""
    _show(_items(_site(context), "/intake/v1/teams"), as_json=as_json)


@person.command("list")
def list_people(context: typer.Context, as_json: AsJson = False) -> None:
    """All people, in the order in which they were invited."""
    _show(_items(_site(context), "/intake/v1/people"), as_json=as_json)


@person.command("grant")
def grant(context: typer.Context, person_id: str, role: StaffRole, as_json: AsJson = False) -> None:
    """Somebody has one role more."""
    answer = _site(context).post(f"/intake/v1/people/{person_id}/roles", {"role": role})
    _show([answer], as_json=as_json)


@person.command("revoke-role")
def revoke_role(
    context: typer.Context, person_id: str, role: StaffRole, as_json: AsJson = False
) -> None:
    """Somebody has one role less; the last administrator keeps theirs."""
    site = _site(context)
    path = f"/intake/v1/people/{person_id}/roles/{role}"
    answer = checked(site.http.delete(path, headers=site.headers()))
    _show([answer.json()], as_json=as_json)


@person.command("deactivate")
def deactivate(context: typer.Context, person_id: str, as_json: AsJson = False) -> None:
    """Somebody's access ends for good, everywhere within five seconds; see who takes over."""
    site = _site(context)
    answer = checked(
        site.http.post(f"/intake/v1/people/{person_id}/deactivate", headers=site.headers())
    )
    _show([answer.json()], as_json=as_json)


@person.command("caseload")
def caseload(context: typer.Context, person_id: str, as_json: AsJson = False) -> None:
    """The open episodes that somebody leads."""
    _show(_items(_site(context), f"/intake/v1/people/{person_id}/caseload"), as_json=as_json)


@person.command("hand-over")
def hand_over(
    context: typer.Context, person_id: str, to_person_id: str, as_json: AsJson = False
) -> None:
    """Somebody else leads all open episodes that a person leads."""
    path = f"/intake/v1/people/{person_id}/hand-over"
    answer = _site(context).post(path, {"to_person_id": to_person_id})
    _show(msgspec.convert(answer, Page).items, as_json=as_json)


def _site(context: typer.Context) -> Site:
    return context.ensure_object(Chosen).site()


def _items(site: Site, path: str) -> Iterator[dict[str, Any]]:
    """All of a list, page by page."""
    following: str | None = ""
    while following is not None:
        query = f"?limit=200&cursor={following}" if following else ""
        page = msgspec.json.decode(site.get(path + query), type=Page)
        yield from page.items
        following = page.next


def _show(things: Any, *, as_json: bool) -> None:
    """A line each; what is a list or a flag in words, unless JSON is asked for."""
    if as_json:
        for one in things:
            typer.echo(msgspec.json.encode(one).decode())
        return
    show([{name: _word(value) for name, value in one.items()} for one in things], as_json=False)


def _word(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return "" if value is None else str(value)
