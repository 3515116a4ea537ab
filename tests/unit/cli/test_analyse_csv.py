"""CSV files as other software writes them: what is read, and what is named by line."""

from decimal import Decimal
from pathlib import Path

import pytest

from deploy.cli.analyse_csv import Table, Unreadable
from shared.errors import Invalid

COLUMNS = ["client", "time", "score"]


def table(folder: Path, content: str | bytes, columns: list[str] = COLUMNS) -> Table:
    file = folder / "ratings.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return Table(file, columns)


def cells(found: Table) -> list[list[str]]:
    return [row for _, row in found.rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_under_which_the_columns_are_found(
    tmp_path: Path, delimiter: str
) -> None:
    text = "score,note,client,time\n12,x,7,1\n".replace(",", delimiter)
    assert cells(table(tmp_path, text)) == [["7", "1", "12"]]


def test_a_column_name_may_hold_another_delimiter(tmp_path: Path) -> None:
    found = table(tmp_path, '"score, total";client;time\n1;2;3\n', ["score, total", "client"])
    assert cells(found) == [["1", "2"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path, encoding: str) -> None:
    found = table(tmp_path, "client,time,score\nZoë,1,12\n".encode(encoding))
    assert cells(found) == [["Zoë", "1", "12"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_do_anywhere(tmp_path: Path, end: str) -> None:
    found = table(tmp_path, end.join(["client,time,score", "7,1,12", "8,1,13", ""]))
    assert [line for line, _ in found.rows()] == [2, 3]


def test_a_row_is_on_the_line_that_it_begins_on(tmp_path: Path) -> None:
    text = 'client,time,score,note\n7,1,12,"two\nlines"\n\n8,1,x,\n'
    found = table(tmp_path, text)
    lines = [line for line, row in found.rows() if found.number(line, row[2], "score") is None]
    assert lines == [5]
    assert found.unreadable == [Unreadable(5, "the score is no number")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.5", "12.5"),
        ("12,5", "12.5"),
        ("-0,125", "-0.125"),
        (".5", "0.5"),
        ("1e1", "10"),
        ("0,125", "0.125"),
    ],
)
def test_numbers_have_a_point_or_a_comma(tmp_path: Path, text: str, expected: str) -> None:
    found = table(tmp_path, f'client,time,score\n7,1,"{text}"\n')
    assert found.number(2, text, "score") == Decimal(expected)
    assert found.unreadable == []


@pytest.mark.parametrize(
    "text",
    ["x", "nan", "inf", "1_000", "1.234,5", "1,234.5", "12 5", "٣", "1e999", "1" * 41, "--1", "na"],
)
def test_what_is_no_number_is_named_by_line(tmp_path: Path, text: str) -> None:
    found = table(tmp_path, "client,time,score\n")
    assert found.number(9, text, "score") is None
    assert found.unreadable == [Unreadable(9, "the score is no number")]


def test_a_comma_before_three_digits_is_read_only_where_it_cannot_mean_thousands(
    tmp_path: Path,
) -> None:
    assert table(tmp_path, "client,time,score\n").as_number("1,234") is None
    assert table(tmp_path, "client;time;score\n").as_number("1,234") == Decimal("1.234")


@pytest.mark.parametrize("text", ["", "NA"])
def test_missing_cells_are_no_problem(tmp_path: Path, text: str) -> None:
    found = table(tmp_path, "client,time,score\n")
    assert found.number(2, text, "score") is None
    assert found.unreadable == []


def test_a_short_row_ends_in_missing_cells_and_a_long_one_is_named(tmp_path: Path) -> None:
    found = table(tmp_path, "client,time,score\n7,1\n8,1,12,5\n9,1,3\n")
    assert cells(found) == [["7", "1", ""], ["9", "1", "3"]]
    assert found.unreadable == [Unreadable(3, "4 cells under 3 columns")]


def test_columns_that_are_not_there_or_twice_are_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as raised:
        table(tmp_path, "client,client,score\n")
    assert [(one.pointer, one.detail) for one in raised.value.errors] == [
        ("time", "there is no such column"),
        ("client", "there are several such columns"),
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n"])
def test_an_empty_file_has_no_columns(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Invalid, match="other columns"):
        table(tmp_path, content)


def test_a_quote_that_is_never_closed_swallows_no_row(tmp_path: Path) -> None:
    found = table(tmp_path, 'client,time,score\n7,1,12\n8,1,"13\n9,1,14\n')
    with pytest.raises(Invalid, match="line 3 "):
        cells(found)


def test_a_byte_that_is_no_text_harms_its_own_row_alone(tmp_path: Path) -> None:
    content = b"client,time,score,note\n7,1,12,\xe9\n\xe9,1,12,x\n9,1,3,\n"
    found = table(tmp_path, content)
    assert cells(found) == [["7", "1", "12"], ["9", "1", "3"]]
    assert found.unreadable == [Unreadable(3, "a cell is not in UTF-8")]
