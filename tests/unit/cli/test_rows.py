"""A CSV file of ratings: what is read, what is refused, and the stable names of rows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.cli.rows import Columns, Rows, read_rows
from shared.errors import Invalid

BY_DAY = Columns("client", "bdi", day="day", start=date(2020, 1, 6))
BY_TIME = Columns("client", "bdi", time="time")


def read(folder: Path, text: str, columns: Columns = BY_DAY, measure: str = "bdi") -> Rows:
    file = folder / "ratings.csv"
    file.write_text(text, encoding="utf-8")
    return read_rows(file, measure, columns)


def test_days_count_from_midnight_utc_of_the_start(tmp_path: Path) -> None:
    rows = read(tmp_path, "client,day,bdi\n7,0,25\n7,29,34.5\n")
    assert [row.at for row in rows.ratings] == [
        datetime(2020, 1, 6, tzinfo=UTC),
        datetime(2020, 2, 4, tzinfo=UTC),
    ]
    assert [row.value for row in rows.ratings] == [Decimal(25), Decimal("34.5")]
    assert [row.line for row in rows.ratings] == [2, 3]


def test_an_episode_opens_with_the_first_rating_wherever_it_stands(tmp_path: Path) -> None:
    rows = read(tmp_path, "client,day,bdi\n7,29,34\n8,3,1\n7,0,25\n")
    assert rows.opened_at() == {
        "7": datetime(2020, 1, 6, tzinfo=UTC),
        "8": datetime(2020, 1, 9, tzinfo=UTC),
    }


def test_a_row_keeps_its_name_when_its_value_or_other_rows_change(tmp_path: Path) -> None:
    before = read(tmp_path, "client,day,bdi\n7,0,25\n7,0,26\n7,1,27\n")
    after = read(tmp_path, "client,day,bdi\n8,0,1\n7,0,9\n7,0,26\n7,1,27\n")
    names = [row.external_id for row in before.ratings]
    assert len(set(names)) == 3
    assert [row.external_id for row in after.ratings if row.client == "7"] == names


def test_a_row_has_another_name_for_another_measure(tmp_path: Path) -> None:
    [bdi] = read(tmp_path, "client,day,bdi\n7,0,25\n").ratings
    [phq] = read(tmp_path, "client,day,bdi\n7,0,25\n", measure="phq-9").ratings
    assert bdi.external_id != phq.external_id


def test_times_have_an_offset_or_are_days(tmp_path: Path) -> None:
    text = "client,time,bdi\na,2020-01-06T10:00:00+02:00,1\na,2020-01-07,2\n"
    rows = read(tmp_path, text, BY_TIME)
    assert [row.at for row in rows.ratings] == [
        datetime(2020, 1, 6, 8, tzinfo=UTC),
        datetime(2020, 1, 7, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (",2020-01-06,1", "no client"),
        ("a,2020-13-06,1", "the time is none"),
        ("a,2020-01-06T10:00:00,1", "the time has no offset"),
        ("a,2020-01-06,", "no value"),
        ("a,2020-01-06,many", "the value is no number"),
        ("a,2020-01-06,nan", "the value is no number"),
        ("a,2020-01-06,Infinity", "the value is no number"),
        ("a,2020-01-06", "no value"),
    ],
)
def test_what_cannot_be_read_is_reported_with_its_line_and_the_rest_is_taken(
    tmp_path: Path, row: str, detail: str
) -> None:
    rows = read(tmp_path, f"client,time,bdi\n{row}\na,2020-01-08,2\n", BY_TIME)
    [problem] = rows.problems
    assert (problem.line, problem.status, problem.detail) == (2, "refused", detail)
    assert len(rows.ratings) == 1


def test_a_day_beyond_all_calendars_is_reported(tmp_path: Path) -> None:
    rows = read(tmp_path, "client,day,bdi\na,1e99,1\n")
    assert [one.detail for one in rows.problems] == ["the day is out of range"]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        read(tmp_path, "client,bdi\n1,2\n")
    assert [error.pointer for error in refusal.value.errors] == ["day"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert len(read(tmp_path, "\ufeffclient,day,bdi\n7,0,25\n").ratings) == 1


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes(b"client,day,bdi\n\xe9,0,25\n")
    with pytest.raises(Invalid):
        read_rows(file, "bdi", BY_DAY)
