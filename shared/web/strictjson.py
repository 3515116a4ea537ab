"""JSON as the contract has it: what other parsers let pass is refused here.

Refused: duplicate keys, NaN and infinities (1e309 too), nesting deeper than 32, NUL, lone
surrogates, and anything that is not JSON in UTF-8. Types are then checked strictly by pydantic
in its JSON mode: "36" is no number and true is not 1.
"""

import json
import math
import re
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.errors import BadRequest, FieldError, Invalid

MAX_DEPTH = 32
MAX_ERRORS = 50

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None
T = TypeVar("T")

QUOTING = {
    "union_tag_invalid": "This is none of the kinds that are known.",
    "uuid_parsing": "A UUID is needed.",
    "url_parsing": "A URL is needed.",
    "url_syntax_violation": "A URL is needed.",
    "json_invalid": "This is not JSON.",
}
"""What we say instead of those messages of pydantic that repeat parts of the input."""

_SAFE_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,40}")


def strict_loads(raw: bytes) -> JsonValue:
    """The value of `raw`. Raises `BadRequest` if it is not JSON, `Invalid` for what we refuse."""
    try:
        value: JsonValue = _decoder.decode(raw.decode("utf-8"))
    except RecursionError as error:
        raise Invalid("The JSON is nested too deeply.") from error
    except _Refused as error:
        raise Invalid(str(error)) from error
    except ValueError as error:
        raise BadRequest("The body is not JSON in UTF-8.") from error
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise Invalid("The JSON is nested too deeply.")
    if b"\\u" in raw:
        _check_texts(value, "")
    return value


def strict_validate(adapter: TypeAdapter[T], raw: bytes) -> T:
    """`raw` as the type of `adapter`; `Invalid` says what is wrong and where."""
    strict_loads(raw)
    return validate(adapter, raw)


def validate(adapter: TypeAdapter[T], raw: bytes) -> T:
    """`raw`, which has passed `strict_loads`, as the type of `adapter`; or `Invalid`."""
    try:
        return adapter.validate_json(raw, strict=True)
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Invalid:
    """What pydantic found, without repeating any value."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return Invalid(
        "Something in the input is wrong.",
        errors=[field_error(one) for one in details[:MAX_ERRORS]],
    )


def field_error(details: ErrorDetails, *, skip: int = 0) -> FieldError:
    """One finding of pydantic; the first `skip` parts of its place are left out."""
    pointer = "".join(f"/{_safe(part)}" for part in details["loc"][skip:])
    detail = QUOTING.get(details["type"]) or details["msg"].removeprefix("Value error, ")
    return FieldError(pointer, detail, details["type"])


def _safe(part: str | int) -> str:
    """A key of the input, where it cannot be words of somebody."""
    text = str(part)
    return text if _SAFE_KEY.fullmatch(text) else "?"


class _Refused(Exception):  # never leaves this module
    pass


def _no_duplicates(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("A key occurs twice in one object.")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused("A number is too large.")
    return value


def _no_constant(text: str) -> float:
    raise _Refused("NaN and infinities are no numbers here.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_float=_finite, parse_constant=_no_constant
)


def _depth(value: JsonValue) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _check_texts(value: JsonValue, pointer: str) -> None:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise Invalid(
                "Something in the input is wrong.",
                errors=[FieldError(pointer, "NUL and lone surrogates are refused.", "characters")],
            )
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key, pointer)
            _check_texts(inner, f"{pointer}/{_safe(key)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_texts(inner, f"{pointer}/{index}")
