"""`heroic care-team` and `heroic client`: who cares for whom, and clients who are one person."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from deploy.cli.installation import Chosen, Site, checked
from deploy.cli.operators import AsJson, show
from shared.contracts.intake import CareRole

care_team = typer.Typer(no_args_is_help=True, help="Who cares in an episode, and since when.")
client = typer.Typer(no_args_is_help=True, help="Clients who turn out to be one person.")

People = Annotated[list[str] | None, typer.Option(help="A person's id; may be repeated.")]
Reason = Annotated[str, typer.Option(help="Why that is known.")]


class Member(msgspec.Struct, frozen=True, omit_defaults=True, rename={"since": "from"}):
    """Somebody of a team, from a time on."""

    person_id: str
    role: CareRole
    since: datetime
    to: datetime | None = None


class Episode(msgspec.Struct, frozen=True):
    """What a command needs of an episode."""

    version: int
    care_team: list[Member]


@care_team.command("show")
def show_team(context: typer.Context, episode_id: str, as_json: AsJson = False) -> None:
    """The whole team, past members included."""
    _show(_episode(_site(context), episode_id), as_json=as_json)


@care_team.command("set")
def set_team(
    context: typer.Context,
    episode_id: str,
    lead: Annotated[str, typer.Option(help="A person's id.")],
    co: People = None,
    cover: People = None,
    supervisor: People = None,
    as_json: AsJson = False,
) -> None:
    """These care from now on. Who does already goes on; whoever is not named cares no more."""
    site = _site(context)
    episode = _episode(site, episode_id)
    wanted: dict[CareRole, Sequence[str]] = {
        "lead": [lead],
        "co": co or [],
        "cover": cover or [],
        "supervisor": supervisor or [],
    }
    members = changed(episode.care_team, wanted, datetime.now(UTC))
    answer = checked(
        site.http.post(
            f"/intake/v1/episodes/{episode_id}/care-team",
            content=msgspec.json.encode(members),
            # Of two who change a team at once, the second one looks again.
            headers=site.headers()
            | {"If-Match": f'"{episode.version}"', "Content-Type": "application/json"},
        )
    )
    _show(msgspec.json.decode(answer.content, type=Episode), as_json=as_json)


def changed(
    team: Sequence[Member], wanted: Mapping[CareRole, Sequence[str]], now: datetime
) -> list[Member]:
    """The team in which exactly the wanted people care from `now` on, and past ones are kept."""
    left = {(role, person_id) for role, people in wanted.items() for person_id in people}
    members = []
    for one in team:
        ended = one.to is not None and one.to <= now
        if not ended and one.since <= now and (one.role, one.person_id) in left:
            left.discard((one.role, one.person_id))
            members.append(msgspec.structs.replace(one, to=None))
        elif ended:
            members.append(one)
        elif one.since < now:
            members.append(msgspec.structs.replace(one, to=now))
    return [*members, *(Member(person_id, role, now) for role, person_id in sorted(left))]


@client.command("merge")
def merge(
    context: typer.Context, client_id: str, into: str, reason: Reason, as_json: AsJson = False
) -> None:
    """A client is the same person as another, who goes on."""
    path = f"/intake/v1/clients/{client_id}/merge"
    _show_client(_site(context).post(path, {"into": into, "reason": reason}), as_json=as_json)


@client.command("unmerge")
def unmerge(
    context: typer.Context, client_id: str, reason: Reason, as_json: AsJson = False
) -> None:
    """A client is somebody else after all."""
    path = f"/intake/v1/clients/{client_id}/unmerge"
    _show_client(_site(context).post(path, {"reason": reason}), as_json=as_json)


def _site(context: typer.Context) -> Site:
    return context.ensure_object(Chosen).site()


def _episode(site: Site, episode_id: str) -> Episode:
    return msgspec.json.decode(site.get(f"/intake/v1/episodes/{episode_id}"), type=Episode)


def _show(episode: Episode, *, as_json: bool) -> None:
    lines: list[dict[str, str]] = [msgspec.to_builtins(one) for one in episode.care_team]
    show(lines, as_json=as_json)


def _show_client(answer: Mapping[str, object], *, as_json: bool) -> None:
    # Ids alone: a name has no business in a terminal's memory.
    aliases = msgspec.convert(answer["aliases"], list[str])
    show([{"id": str(answer["id"]), "aliases": " ".join(aliases)}], as_json=as_json)
