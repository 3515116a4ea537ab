"""Ratings as they come in, one a body or one a line of a bulk call.

A plain one is read by msgspec in one pass, several times as fast as by pydantic. Whatever looks
unusual (an escape, a key that may occur twice, an unusual time, anything wrong) is read strictly
by the model of the API, which decides: so both ways take and refuse the same.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import msgspec
from pydantic import TypeAdapter

from services.feedback.api.models import MAX_ITEM_CHARS, MAX_ITEMS, RatingIn, reference
from services.feedback.domain.episode import Reference
from services.feedback.domain.state import Given
from shared.contracts.feedback import Mode, RaterKind
from shared.errors import TooLarge
from shared.web import strict_validate
from shared.web.models import EARLIEST, LATEST, MAX_POINTS
from shared.web.ndjson import MAX_LINE_BYTES, Line

KEYS = re.compile(rb'"[ \t\r\n]*:')
PLAIN_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.ASCII).fullmatch
PLAIN_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}").fullmatch
PLAIN_LANGUAGE = re.compile(r"[A-Za-z]{2,3}").fullmatch
SHORT = 200
"""No text of a plain rating is longer than this."""

strict = TypeAdapter(RatingIn)


class Said(NamedTuple):
    """What a rating that comes in says."""

    reference: Reference
    given: Given


class PlainRater(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Rater` for msgspec."""

    kind: RaterKind = "self"
    id: str | None = None


class Named(msgspec.Struct):
    """What names the episode in a line."""

    episode_id: str | None = None
    episode_external_id: str | None = None


class PlainRating(msgspec.Struct, forbid_unknown_fields=True):
    """`RatingIn` for msgspec; the unit test of this module holds the two together."""

    measure: str
    occurred_at: str
    episode_id: str | None = None
    episode_external_id: str | None = None
    external_id: str | None = None
    session_id: str | None = None
    items: dict[str, int | float] | None = None
    total: int | float | None = None
    rater: PlainRater = PlainRater()
    mode: Mode = "self"
    language: str | None = None
    note: str | None = None


decode_named = msgspec.json.Decoder(Named).decode


def parse_line(raw: bytes) -> Said:
    """What a line says. Raises what the single call would answer to such a body."""
    if len(raw) > MAX_LINE_BYTES:
        raise TooLarge(f"A line may have at most {MAX_LINE_BYTES} bytes.")
    return parse(raw)


def parse(raw: bytes) -> Said:
    """What a rating says. Raises BadRequest or Invalid."""
    plain = parse_plain(raw)
    return plain if plain is not None else parse_strictly(raw)


def parse_strictly(raw: bytes) -> Said:
    """What any rating says, as the model of the API reads it."""
    rating = strict_validate(strict, raw)
    return Said(rating.reference(), rating.given())


def parse_plain(raw: bytes) -> Said | None:
    """What a plain rating says; None for any other."""
    if b"\\" in raw:
        return None
    try:
        document = msgspec.json.decode(raw)
        plain = msgspec.convert(document, PlainRating)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # Each key stands before a colon: a key that occurs twice makes more colons than keys.
    items, rater = document.get("items"), document.get("rater")
    if len(KEYS.findall(raw)) != len(document) + len(items or ()) + len(rater or ()):
        return None
    return row_of(plain) if is_plain(plain) else None


def is_plain(plain: PlainRating) -> bool:
    """Whether all its texts are such as the single call takes without a second look."""
    for name in (plain.measure, plain.episode_external_id, plain.external_id):
        if name is not None and not 0 < len(name) <= SHORT:
            return False
    for one in (plain.episode_id, plain.session_id, plain.rater.id):
        if one is not None and PLAIN_ID(one) is None:
            return False
    language, note = plain.language, plain.note
    return (language is None or PLAIN_LANGUAGE(language) is not None) and (
        note is None or len(note) <= SHORT
    )


def row_of(plain: PlainRating) -> Said | None:
    """The plain rating as the domain takes it; None where a number or time needs a second look."""
    occurred_at, total = plain_time(plain.occurred_at), None
    if plain.total is not None:
        total = plain_tenths(plain.total)
        if total is None:
            return None
    items = plain_items(plain.items) if plain.items is not None else None
    if occurred_at is None or (plain.items is not None and items is None):
        return None
    given = Given(
        measure=plain.measure,
        occurred_at=occurred_at,
        items=items,
        total=total,
        rater_kind=plain.rater.kind,
        rater_id=plain.rater.id,
        mode=plain.mode,
        language=plain.language,
        session_id=plain.session_id,
        note=plain.note,
        external_id=plain.external_id,
    )
    return Said(reference(plain.episode_id, plain.episode_external_id), given)


def plain_time(text: str) -> datetime | None:
    """The moment, where it is written in the usual way and exists."""
    if PLAIN_TIME(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if EARLIEST <= moment < LATEST else None


def plain_items(items: dict[str, int | float]) -> dict[str, int] | None:
    """The answers in tenths, where all of them are on that grid and look like items."""
    found = {}
    for name, value in items.items():
        tenths = plain_tenths(value)
        if tenths is None or not 0 < len(name) <= MAX_ITEM_CHARS:
            return None
        found[name] = tenths
    return found if len(found) <= MAX_ITEMS else None


def plain_tenths(value: float) -> int | None:
    """Points as tenths, where they are on that grid.

    Exact: `tenths / 10` is the float that is nearest to that decimal, and so is `value`.
    """
    if not -MAX_POINTS <= value <= MAX_POINTS:
        return None
    tenths = round(value * 10)
    return tenths if tenths / 10 == value else None


def references(lines: Sequence[Line]) -> list[Reference]:
    """The episodes that the lines name, each once; lines that cannot be read name none."""
    found: dict[Reference, None] = {}
    for _, raw in lines:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            named = decode_named(raw)
            found[Reference(named.episode_id, named.episode_external_id)] = None
    return [one for one in found if (one.id is None) != (one.external_id is None)]
