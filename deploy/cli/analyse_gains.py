"""Sudden gains and losses in a table: from series of ratings to the answer."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from deploy.cli.analyse_change import SIGNS, Direction
from deploy.cli.analyse_csv import MISSING, Table, Unreadable
from shared.errors import Invalid
from shared.measures.gains import sudden_gains


class Series(NamedTuple):
    """A client's occasions in order, by time or column, and what was rated (points)."""

    client: str
    occasions: Sequence[str]
    values: Sequence[Decimal | None]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A sudden gain or loss between two occasions; `size` is positive, in points."""

    client: str
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    size: Decimal
    reversed: bool


class GainsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `heroic analyse gains`."""

    gains: list[Step]
    losses: list[Step]
    n_clients: int
    n_values: int
    unreadable: list[Unreadable]


class Rated(NamedTuple):
    """A row of a long file."""

    at: Decimal | datetime
    time: str
    value: Decimal | None


def long_series(table: Table) -> list[Series]:
    """The series of a file with a row for each rating (columns: client, time, value).

    They are sorted by time; ratings of one time keep the order of the file. A row without a value
    keeps its place: the occasion was not rated.
    """
    rated: dict[str, list[Rated]] = {}
    kind: type | None = None
    for line, (client, time, text) in table.rows():
        value = table.number(line, text, "value")
        at = moment(table, time)
        if client in MISSING:
            table.note(line, "no client")
        elif at is None or type(at) is not (kind := kind or type(at)):
            table.note(line, "the time is neither a number nor a date like the others")
        else:
            rated.setdefault(client, []).append(Rated(at, time, value))
    return [
        Series(client, [row.time for row in rows], [row.value for row in rows])
        for client, rows in ((one, sorted(some, key=at_of)) for one, some in rated.items())
    ]


def wide_series(table: Table) -> list[Series]:
    """The series of a file with a row for each client (columns: client, then the occasions)."""
    occasions = table.columns[1:]
    found = []
    for line, (client, *texts) in table.rows():
        values = [table.number(line, text, "value") for text in texts]
        if client in MISSING:
            table.note(line, "no client")
        else:
            found.append(Series(client, occasions, values))
    return found


def at_of(row: Rated) -> Decimal | datetime:
    """What to sort by."""
    return row.at


def moment(table: Table, text: str) -> Decimal | datetime | None:
    """A time as a number or an ISO date (midnight and UTC unless it says more), or None."""
    number = table.as_number(text)
    if number is not None:
        return number
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def find_all(
    series: Sequence[Series], direction: Direction, cut: Decimal, unreadable: list[Unreadable]
) -> GainsReport:
    """The sudden gains and losses of all series; `cut` in points, above 0."""
    if cut <= 0:
        raise Invalid("The cut must be above 0.")
    values = {value for one in series for value in one.values if value is not None}
    units = Units(values)
    sign = SIGNS[direction]
    return GainsReport(
        gains=[step for one in series for step in steps(one, units, cut, sign)],
        losses=[step for one in series for step in steps(one, units, cut, -sign)],
        n_clients=len({one.client for one in series}),
        n_values=sum(value is not None for one in series for value in one.values),
        unreadable=unreadable,
    )


class Units:
    """Scores as whole numbers of the finest fraction of a point that occurs among them."""

    def __init__(self, values: Iterable[Decimal]) -> None:
        distinct = list(values)
        self.a_point: int = 10 ** max((places(value) for value in distinct), default=0)
        self.whole = {value: int(value * self.a_point) for value in distinct}

    def points(self, units: int) -> Decimal:
        """Back to points."""
        return Decimal(units) / self.a_point


def places(value: Decimal) -> int:
    """How many digits a number has after its point."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def steps(one: Series, units: Units, cut: Decimal, sign: int) -> Iterator[Step]:
    """The sudden gains of one series, or with the sign turned its losses."""
    values = [None if value is None else units.whole[value] for value in one.values]
    for gain in sudden_gains(values, cut=cut, sign=sign, unit=units.a_point):
        yield Step(
            client=one.client,
            start=one.occasions[gain.start],
            end=one.occasions[gain.end],
            size=units.points(gain.size),
            reversed=gain.reversed,
        )
