"""An import: clients, episodes and ratings through the two bulk calls."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from deploy.cli.installation import Site
from deploy.cli.rows import Problem, RatingRow, Rows
from shared.contracts.intake import AgeGroup
from shared.errors import HeroicError, Invalid, Unavailable
from shared.measures import Definition, score
from shared.web.models import to_tenths
from shared.web.ndjson import LineResult, chunks, refused

T = TypeVar("T")

INTAKE, RATINGS = "/intake/v1/bulk", "/feedback/v1/ratings/bulk"
LINES_A_CALL = 50_000
TRIES = 5
"""How often lines are sent again for which a service was away."""

AWAY = ("unavailable", "not_yet_here", "outcome_unknown")

Progress = Callable[[str, int], None]
"""Told of a step that so many more of its lines are done."""

encode = msgspec.json.Encoder(decimal_format="number").encode


class Order(NamedTuple):
    """What is to be imported, and how."""

    rows: Rows
    definition: Definition
    age_group: AgeGroup
    live: bool = False
    correct: bool = False
    dry_run: bool = False

    def params(self, *, correct: bool) -> dict[str, str]:
        """The query of a bulk call."""
        chosen = {
            "mode": "" if self.live else "history",
            "on_conflict": "correct" if correct else "",
            "dry_run": "true" if self.dry_run else "",
        }
        return {name: value for name, value in chosen.items() if value}


class Summary(msgspec.Struct, kw_only=True):
    """What became of an import; `created` to `refused` count ratings."""

    clients: int
    episodes: int
    ratings: int
    created: int = 0
    unchanged: int = 0
    corrected: int = 0
    conflict: int = 0
    refused: int = 0
    dry_run: bool = False
    problems: list[Problem] = []


def definition_of(site: Site, key: str) -> Definition:
    """The measure as the organisation uses it, one that ships or one of its own; or Refused."""
    answer: dict[str, object] = msgspec.json.decode(site.get(f"/feedback/v1/measures/{quote(key)}"))
    known = {name: answer[name] for name in Definition.__struct_encode_fields__ if name in answer}
    return msgspec.convert(known, Definition)


def run(site: Site, order: Order, progress: Progress) -> Summary:
    """Do it. Raises Refused or Unavailable; running it again goes on where it ended."""
    rows = order.rows
    episodes = care_for(site, order, progress)
    known = {client: one for client, one in episodes.items() if one.status != "refused"}
    results = [(row, episodes[row.client]) for row in rows.ratings if row.client not in known]
    # What a dry run did not open is not there to be rated: those rows are only checked.
    rehearsed = {
        client for client, one in known.items() if order.dry_run and one.status == "created"
    }
    checked = [row for row in rows.ratings if row.client in rehearsed]
    results += [(row, check(row, order)) for row in checked]
    progress("Ratings", len(results))
    rated = [row for row in rows.ratings if row.client in known and row.client not in rehearsed]
    results += send(
        site,
        RATINGS,
        rated,
        lambda row: rating_line(row, order.definition.key),
        order.params(correct=order.correct),
        lambda done: progress("Ratings", done),
    )
    problems = [problem(row.line, one) for row, one in results if one.error is not None]
    return Summary(
        clients=len(episodes),
        episodes=len(known),
        ratings=len(rows.ratings) + len(rows.problems),
        dry_run=order.dry_run,
        problems=sorted([*rows.problems, *problems], key=lambda one: one.line),
        **(Counter(one.status for _, one in results) + Counter(refused=len(rows.problems))),
    )


def care_for(site: Site, order: Order, progress: Progress) -> dict[str, LineResult]:
    """Register the clients and open their episodes; what became of each client's.

    A client or an episode that is there with other content stays as it is.
    """
    opened_at = order.rows.opened_at()
    lines: list[tuple[str, bytes]] = []
    for client, moment in opened_at.items():
        registered = {"kind": "client", "external_id": client}
        opened = {
            "kind": "episode",
            "client_external_id": client,
            "external_id": client,
            "opened_at": moment,
            "age_group": order.age_group,
        }
        lines += [(client, encode(registered)), (client, encode(opened))]
    found: dict[str, LineResult] = {}
    results = send(
        site,
        INTAKE,
        lines,
        lambda line: line[1],
        order.params(correct=False),
        lambda done: progress("Clients and episodes", done),
    )
    for (client, _), result in results:
        # Of the two lines of a client: the episode's, unless the client was refused already.
        before = found.get(client)
        if before is None or before.status != "refused":
            found[client] = result
    return {client: found[client] for client in opened_at}


def send(
    site: Site,
    path: str,
    items: Sequence[T],
    line_of: Callable[[T], bytes],
    params: dict[str, str],
    done: Callable[[int], None],
) -> Iterator[tuple[T, LineResult]]:
    """What became of each item; those for which a service was away are sent again."""
    pending = list(items)
    for left in reversed(range(TRIES)):
        away: list[T] = []
        for some in chunks(pending, LINES_A_CALL):
            answered = 0
            for result in site.bulk(path, list(map(line_of, some)), params):
                answered += 1
                item = some[result.line - 1]
                if left and result.error is not None and result.error.code in AWAY:
                    away.append(item)
                    continue
                done(1)
                yield item, result
            if answered < len(some):
                raise Unavailable("The answer ended early; running it again is safe.")
        pending = away


def rating_line(row: RatingRow, key: str) -> bytes:
    """The line of the bulk call."""
    return encode(
        {
            "episode_external_id": row.client,
            "external_id": row.external_id,
            "measure": key,
            "occurred_at": row.at,
            "total": row.value,
        }
    )


def check(row: RatingRow, order: Order) -> LineResult:
    """What would become of a rating of an episode that is not there yet."""
    try:
        score(order.definition, total=to_tenths(float(row.value)))
    except ValueError as error:
        return refused(row.line, Invalid(str(error)))
    except HeroicError as error:
        return refused(row.line, error)
    return LineResult(row.line, "created")


def problem(line: int, result: LineResult) -> Problem:
    """The report of a row that was not taken; `line` is that of the file."""
    error = result.error
    if error is None:
        return Problem(line, result.status, "", "")
    details = [f"{one.pointer} {one.detail}".strip() for one in error.errors]
    return Problem(line, result.status, error.code, "; ".join(details) or error.detail)
