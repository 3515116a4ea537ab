"""Lists a page at a time: opaque cursors, `limit` up to 200, a `Link` header."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from shared.errors import FieldError, Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR_CHARS = 500
NO_CURSOR = FieldError("/cursor", "This is no cursor of ours.", "cursor")

T = TypeVar("T")


class Paging(msgspec.Struct, frozen=True):
    """Which page: at most `limit` items after `cursor` (None: from the start)."""

    limit: int
    cursor: str | None

    def after(self, kind: type[T]) -> T | None:
        """Where the page starts, as it was given to `encode_cursor`; `Invalid` if it is broken."""
        return None if self.cursor is None else decode_cursor(self.cursor, kind)


def paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_CHARS)] = None,
) -> Paging:
    """The dependency: `Annotated[Paging, Depends(paging)]`."""
    return Paging(limit, cursor)


def encode_cursor(place: object) -> str:
    """`place` (a tuple of the keys that the list is sorted by) as an opaque cursor."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def decode_cursor(cursor: str, kind: type[T]) -> T:
    """The place that `encode_cursor` was given, of type `kind`, such as `tuple[int, str]`."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        place = msgspec.msgpack.decode(raw, type=kind)
    except (UnicodeError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise Invalid(errors=[NO_CURSOR]) from error
    # PostgreSQL has no text with a NUL in it.
    if _has_nul(place):
        raise Invalid(errors=[NO_CURSOR])
    return place


def _has_nul(place: object) -> bool:
    parts = place if isinstance(place, tuple) else (place,)
    return any("\0" in part for part in parts if isinstance(part, str))


def page_of(
    rows: Sequence[T], limit: int, place: Callable[[T], object]
) -> tuple[Sequence[T], str | None]:
    """The page of `rows` (fetched with `limit + 1`) and the cursor of the next one, if any."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(place(rows[limit - 1]))


def page_response(items: Sequence[Any], following: str | None, request: Request) -> Response:
    """`{items, next}`; items are anything that msgspec writes. `following` is the next cursor."""
    headers = {}
    if following is not None:
        kept = [
            (key, value) for key, value in request.query_params.multi_items() if key != "cursor"
        ]
        query = urlencode([*kept, ("cursor", following)])
        headers["Link"] = f'<{request.scope["path"]}?{query}>; rel="next"'
    content = msgspec.json.encode({"items": items, "next": following})
    return Response(content, headers=headers, media_type="application/json")
