"""Ratings in a CSV file: from its rows to the lines of the two bulk calls. Pure but for reading."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import msgspec

from shared.errors import FieldError, Invalid

MOST_DAYS = 100_000


class Columns(NamedTuple):
    """Which columns hold what. Times are days since `start`, or moments by themselves."""

    client: str
    value: str
    day: str | None = None
    start: date | None = None
    time: str | None = None


class RatingRow(NamedTuple):
    """A row that could be read. `line` is its line in the file; `value` is in points."""

    line: int
    client: str
    at: datetime
    value: Decimal
    external_id: str


class Problem(msgspec.Struct, frozen=True):
    """Why a row was not taken."""

    line: int
    status: str
    code: str
    detail: str


class Rows(NamedTuple):
    """A file that was read."""

    ratings: list[RatingRow]
    problems: list[Problem]

    def opened_at(self) -> dict[str, datetime]:
        """When each client's episode began: at the first rating."""
        first: dict[str, datetime] = {}
        for row in self.ratings:
            first[row.client] = min(row.at, first.get(row.client, row.at))
        return first


def read_rows(file: Path, measure: str, columns: Columns) -> Rows:
    """All rows of `file` (UTF-8, with a header); Invalid where a column is not there."""
    ratings: list[RatingRow] = []
    problems: list[Problem] = []
    seen: Counter[tuple[str, datetime]] = Counter()
    for line, fields in records(file, columns):
        try:
            client, at, value = reading(fields, columns)
        except Unreadable as error:
            problems.append(Problem(line, "refused", "unreadable", str(error)))
            continue
        seen[client, at] += 1
        name = external_id(client, measure, at, seen[client, at])
        ratings.append(RatingRow(line, client, at, value, name))
    return Rows(ratings, problems)


def records(file: Path, columns: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows as texts by column, each with its line in the file."""
    wanted = [columns.client, columns.value, columns.day or columns.time or ""]
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        try:
            missing = [name for name in wanted if name not in (reader.fieldnames or [])]
            if missing:
                errors = [FieldError(name, "there is no such column") for name in missing]
                raise Invalid("The file has other columns.", errors=errors)
            for fields in reader:
                yield reader.line_num, {name: (fields[name] or "").strip() for name in wanted}
        except (csv.Error, UnicodeDecodeError) as error:
            raise Invalid(f"line {reader.line_num + 1} is no CSV in UTF-8") from error


class Unreadable(ValueError):
    """What is wrong with a row; never its values."""


def reading(fields: dict[str, str], columns: Columns) -> tuple[str, datetime, Decimal]:
    """Client, time and value of a row."""
    client = fields[columns.client]
    if not client:
        raise Unreadable("no client")
    if columns.day is not None and columns.start is not None:
        at = after(columns.start, fields[columns.day])
    else:
        at = moment(fields[columns.time or ""])
    return client, at, number(fields[columns.value], "value")


def number(text: str, what: str) -> Decimal:
    """A plain decimal number."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Unreadable(f"the {what} is no number" if text else f"no {what}") from error
    if not value.is_finite():
        raise Unreadable(f"the {what} is no number")
    return value


def after(start: date, text: str) -> datetime:
    """So many days after midnight (UTC) of `start`."""
    days = number(text, "day")
    if abs(days) > MOST_DAYS:
        raise Unreadable("the day is out of range")
    midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return midnight + timedelta(seconds=int(days * 86_400))


def moment(text: str) -> datetime:
    """A moment with its offset, or a day (midnight UTC)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable("the time is none") from error
    if at.tzinfo is None:
        if len(text) > len("2020-01-31"):
            raise Unreadable("the time has no offset")
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC)


def external_id(client: str, measure: str, at: datetime, ordinal: int) -> str:
    """The stable id of a row: the same for the same row of the same file, and for no other."""
    parts = msgspec.json.encode((client, measure, at, ordinal))
    return hashlib.sha256(parts).hexdigest()
