"""JSON that other parsers let pass."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.errors import BadRequest, Invalid
from shared.web import ApiModel, strict_loads, strict_validate
from shared.web.strictjson import MAX_DEPTH

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
)


@given(JSON)
def test_good_json_is_read_as_it_is(value: Any) -> None:
    raw = json.dumps(value).encode()
    if b"\\u0000" not in raw and b"\\ud" not in raw:
        assert strict_loads(raw) == value


@given(st.binary())
def test_rubbish_leads_to_an_error_of_ours(raw: bytes) -> None:
    with contextlib.suppress(BadRequest, Invalid):
        strict_loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"b":{"a":1,"\\u0061":2}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e309",
        b"-1e309",
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 1_000_000,
    ],
)
def test_what_we_refuse(raw: bytes) -> None:
    with pytest.raises(Invalid):
        strict_loads(raw)


@pytest.mark.parametrize("raw", [b"", b" ", b"{", b"\xff", b'"\n"', b"'a'", b"1" * 10_000, b"01"])
def test_what_is_no_json(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        strict_loads(raw)


def test_much_beside_each_other_is_not_deep() -> None:
    assert strict_loads(b"[" + b",".join([b"[]"] * 1000) + b"]") == [[]] * 1000
    assert strict_loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


class Model(ApiModel):
    """A model."""

    name: str = ""
    count: int = 0
    sure: bool = False
    size: float = 0


@pytest.mark.parametrize(
    "raw",
    [
        b'{"count":"36"}',
        b'{"count":true}',
        b'{"count":36.0}',
        b'{"sure":1}',
        b'{"sure":"true"}',
        b'{"name":36}',
        b'{"size":"1.5"}',
        b'{"size":true}',
        b"[]",
        b"null",
    ],
)
def test_types_are_meant_as_they_are_written(raw: bytes) -> None:
    with pytest.raises(Invalid):
        strict_validate(TypeAdapter(Model), raw)


def test_errors_say_where_and_never_repeat_the_input() -> None:
    raw = json.dumps({"count": "secret words", "name": 5, "Ada Lovelace": 1, "colour": 1}).encode()
    with pytest.raises(Invalid) as caught:
        strict_validate(TypeAdapter(Model), raw)
    pointers = {error.pointer for error in caught.value.errors}
    assert pointers == {"/count", "/name", "/?", "/colour"}
    assert "secret" not in str([caught.value.detail, *caught.value.errors])
    assert "Ada" not in str([caught.value.detail, *caught.value.errors])
