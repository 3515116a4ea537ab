"""A zip archive that is written as it is read."""

import csv
import io
import os
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from shared.web.archive import FORMULA, Member, cell, table, zipped

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


async def chunks(*content: bytes) -> AsyncIterator[bytes]:
    for chunk in content:
        yield chunk


async def rows(*found: Sequence[object]) -> AsyncIterator[Sequence[object]]:
    for row in found:
        yield row


async def test_members_come_out_as_they_went_in() -> None:
    members = [Member("a.txt", chunks(b"one ", b"two")), Member("empty", chunks())]
    whole = b"".join([chunk async for chunk in zipped(members, AT)])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert archive.read("a.txt") == b"one two"
        assert archive.read("empty") == b""
        assert archive.getinfo("a.txt").date_time == (2026, 1, 5, 9, 0, 0)


async def test_nothing_gathers_however_long_a_member_is() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(200):
            read += 1
            yield os.urandom(64 * 1024)

    sizes = []
    async for chunk in zipped([Member("long", endless())], AT):
        sizes.append(len(chunk))
        assert read <= len(sizes) + 2, "no more is read than was given away"
    assert max(sizes) < 200 * 1024


@pytest.mark.parametrize("beginning", FORMULA)
def test_no_text_is_taken_for_a_formula(beginning: str) -> None:
    assert cell(f"{beginning}1+1") == f"'{beginning}1+1"
    assert cell(f"no {beginning}") == f"no {beginning}"


async def test_tables_hold_numbers_times_and_words_of_any_kind() -> None:
    row = (-1.5, None, True, AT, 'says "no",\nand goes')
    written = b"".join([chunk async for chunk in table(["a", "b", "c", "d", "e"], rows(row))])
    [names, found] = csv.reader(io.StringIO(written.decode(), newline=""))
    assert names == ["a", "b", "c", "d", "e"]
    assert found == ["-1.5", "", "true", "2026-01-05T09:00:00+00:00", 'says "no",\nand goes']
