"""Times, days and scores, as they come in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.errors import Invalid
from shared.web import Day, Id, Points, UtcTime, from_tenths, not_ahead, strict_validate, to_tenths


@given(st.integers(-1_000_000, 1_000_000))
def test_tenths_and_points_are_the_same(tenths: int) -> None:
    assert to_tenths(from_tenths(tenths)) == tenths


@pytest.mark.parametrize(
    ("points", "tenths"), [(23.4, 234), (0.1, 1), (40, 400), (-0.3, -3), (0, 0)]
)
def test_points_become_tenths(points: float, tenths: int) -> None:
    assert to_tenths(points) == tenths


@pytest.mark.parametrize("points", [0.05, 23.45, 1e-9, 1e300, -1e6, True, float("nan")])
def test_what_is_off_the_grid_is_refused(points: float) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_tenths(points)


@pytest.mark.parametrize("raw", [b'"23.4"', b"true", b"null", b"23.44", b"1e99"])
def test_points_are_numbers(raw: bytes) -> None:
    with pytest.raises(Invalid):
        strict_validate(TypeAdapter(Points), raw)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T09:30:00Z",
        "2026-01-31t09:30:00z",
        "2026-01-31 09:30:00+00:00",
        "2026-01-31T11:30:00+02:00",
        "2026-01-31T09:30Z",
        "2026-01-31T09:30:00.000000Z",
        "2026-01-31T04:00:00-05:30",
    ],
)
def test_times_are_read_with_their_offset(text: str) -> None:
    read = strict_validate(TypeAdapter(UtcTime), f'"{text}"'.encode())
    assert read == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "raw",
    [
        b'"2026-01-31T09:30:00"',
        b'"2026-01-31"',
        b'"2026-02-30T09:30:00Z"',
        b'"2026-01-31T24:01:00Z"',
        b'"1769851800"',
        b"1769851800",
        b'"20260131T093000Z"',
        b'"0001-01-01T00:00:00+14:00"',
        b'"9999-12-31T23:59:59-14:00"',
        b'"2026-01-31T09:30:00+99:99"',
        rb'"\uff12\uff10\uff12\uff16-01-31T09:30:00Z"',
    ],
)
def test_times_without_offset_or_sense_are_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        strict_validate(TypeAdapter(UtcTime), raw)


@given(st.text())
def test_no_text_breaks_the_reading_of_times_and_days(text: str) -> None:
    raw = TypeAdapter(str).dump_json(text, ensure_ascii=True)
    for kind in (UtcTime, Day, Id):
        try:
            strict_validate(TypeAdapter(kind), raw)
        except Invalid:
            continue


@pytest.mark.parametrize("raw", [b'"2026-02-30"', b'"2026-1-1"', b'"2026-01-01T00:00:00Z"', b"0"])
def test_days_are_days(raw: bytes) -> None:
    with pytest.raises(Invalid):
        strict_validate(TypeAdapter(Day), raw)


def test_the_future_begins_after_five_minutes() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    not_ahead(now + timedelta(minutes=5), now, "/at")
    with pytest.raises(Invalid):
        not_ahead(now + timedelta(minutes=5, microseconds=1), now, "/at")
