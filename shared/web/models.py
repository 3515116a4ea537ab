"""Types of fields that requests and answers are made of."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from shared.clock import AHEAD
from shared.errors import FieldError, Invalid
from shared.ids import is_id

RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII
)
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

MAX_POINTS = 100_000


class ApiModel(BaseModel):
    """Base of what comes in and goes out by HTTP: strict, closed, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


def _utc(value: object) -> object:
    """An RFC 3339 time with its offset, in UTC; a bare number is not taken for a time."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and RFC3339.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError as error:
            raise ValueError("This is no time that exists.") from error
    else:
        raise ValueError("A time is needed, with its offset, such as 2026-01-31T09:30:00Z.")
    if moment.tzinfo is None:
        raise ValueError("The time has no offset.")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("The time is out of range.") from error
    if not EARLIEST <= moment < LATEST:
        raise ValueError("The time is out of range.")
    return moment


UtcTime = Annotated[datetime, BeforeValidator(_utc)]
"""A moment, always with its offset in the input, always UTC inside."""


def _day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not (isinstance(value, str) and ISO_DAY.fullmatch(value)):
        raise ValueError("A day is needed, such as 2026-01-31.")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError("This is no day that exists.") from error


Day = Annotated[date, BeforeValidator(_day)]
"""A calendar day."""


def to_tenths(value: float) -> int:
    """A score in points as integer tenths: 23.4 → 234. `ValueError` if it is off that grid."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number:
        raise ValueError("A number is needed.")
    if not -MAX_POINTS <= value <= MAX_POINTS:
        raise ValueError("The number is out of range.")
    tenths = Decimal(repr(value)) * 10
    if tenths != int(tenths):
        raise ValueError("At most one decimal digit.")
    return int(tenths)


def from_tenths(tenths: int) -> float:
    """Integer tenths as points: 234 → 23.4."""
    return tenths / 10


Points = Annotated[
    int,
    PlainValidator(to_tenths),
    PlainSerializer(from_tenths, return_type=float),
    WithJsonSchema({"type": "number", "multipleOf": 0.1}),
]
"""A score: plain points with at most one decimal digit outside, integer tenths inside."""


def _identifier(value: str) -> str:
    if not is_id(value):
        raise ValueError("An id (a UUID in lower case) is needed.")
    return value


Id = Annotated[
    str, AfterValidator(_identifier), WithJsonSchema({"type": "string", "format": "uuid"})
]
"""An id of ours."""


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("NUL is refused.")
    return value


def text(max_length: int, *, min_length: int = 1) -> StringConstraints:
    """The bounds of a text field: `Annotated[str, text(200)]`."""
    return StringConstraints(min_length=min_length, max_length=max_length)


Name = Annotated[str, text(200), AfterValidator(_no_nul)]
"""A short text: a name, a label."""
ExternalId = Annotated[str, text(200), AfterValidator(_no_nul)]
"""The caller's own stable id of something."""
Words = Annotated[str, text(10_000, min_length=0), AfterValidator(_no_nul)]
"""What somebody says, stored as it came."""


def not_ahead(moment: datetime, now: datetime, pointer: str) -> None:
    """Refuse what would have happened in the future (more than five minutes ahead)."""
    if moment > now + AHEAD:
        raise Invalid(errors=[FieldError(pointer, "The time lies in the future.", "future")])
