"""The opaque position of HTTP answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.eventstore.position import Position, decode_position, encode_position


@given(st.integers(1, 2**31 - 1))
def test_a_position_comes_back_as_it_was(version: int) -> None:
    text = encode_position("feedback", "feedback-0190", version)
    assert decode_position(text) == Position("feedback", "feedback-0190", version)
    assert text.isascii()
    assert "=" not in text


@pytest.mark.parametrize("text", ["", "x", "%%%", "AAAA", "W10", "bnVsbA", "a" * 5000, "ü", "\0"])
def test_what_is_no_position_is_an_error_of_the_caller(text: str) -> None:
    with pytest.raises(Invalid):
        decode_position(text)


@given(st.text(max_size=60))
def test_no_text_is_more_than_an_error_of_the_caller(text: str) -> None:
    try:
        decode_position(text)
    except Invalid:
        return
