"""`heroic analyse gains`, as it is called."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Invalid
from tests.support.analysing import analyse, report_of

LONG = ["--client", "id", "--time", "t", "--value", "bdi"]
BDI = ["--direction", "lower", "--cut", "7"]

# The first three clients of the tests of the R package suddengains 0.7, and a loss.
SERIES: dict[str, list[int | None]] = {
    "1": [35, 37, 34, 23, 24, 21, 29, 17, 11, 11, 10, 7],
    "2": [26, None, 26, None, 27, 17, 19, 11, 10, 3, None, 7],
    "3": [35, 38, 35, 37, 36, 37, None, 35, 26, 24, None, 19],
    "4": [10, 11, 12, 30, 28, 33, None, None, None, None, None, None],
}
GAINS = [("1", "s3", "s4", 11, True), ("1", "s7", "s8", 12, False), ("3", "s8", "s9", 9, False)]
LOSSES = [("4", "s3", "s4", 18, False)]


run, report = partial(analyse, "gains"), partial(report_of, "gains")


def steps(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    assert all(list(one) == ["client", "from", "to", "size", "reversed"] for one in found)
    return [tuple(one.values()) for one in found]


def test_a_wide_file_names_the_columns_of_each_step(tmp_path: Path) -> None:
    names = [f"s{n}" for n in range(1, 13)]
    lines = [
        ",".join([client, *("NA" if value is None else str(value) for value in values)])
        for client, values in SERIES.items()
    ]
    text = "\n".join([",".join(["id", *names]), *lines, ""])
    answer = report(tmp_path, text, "--client", "id", "--values", ",".join(names), *BDI)
    assert steps(answer["gains"]) == GAINS
    assert steps(answer["losses"]) == LOSSES
    assert (answer["n_clients"], answer["n_values"]) == (4, 37)


def test_a_long_file_names_times_and_keeps_the_places_of_missing_values(tmp_path: Path) -> None:
    lines = [
        f"{client},{n},{'' if value is None else value}"
        for client, values in SERIES.items()
        for n, value in reversed(list(enumerate(values, start=1)))
    ]
    answer = report(tmp_path, "\n".join(["id,t,bdi", *lines, ""]), *LONG, *BDI)
    assert steps(answer["gains"]) == [
        (client, start[1:], end[1:], size, turned) for client, start, end, size, turned in GAINS
    ]


def test_times_may_be_dates(tmp_path: Path) -> None:
    days = ["2024-03-01", "2024-02-01T10:00:00+01:00", "2024-01-15", "2023-12-31", "2024-03-02"]
    scores = [10, 30, 30, 30, 10]
    text = "id,t,bdi\n" + "".join(
        f"a,{day},{score}\n" for day, score in zip(days, scores, strict=True)
    )
    answer = report(tmp_path, text, *LONG, *BDI)
    assert steps(answer["gains"]) == [("a", days[1], days[0], 20, False)]


def test_ratings_of_one_time_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = "id,t,bdi\na,1,30\na,1.0,30\na,1,30\na,2,10\na,2,10\na,2,12\n"
    answer = report(tmp_path, text, *LONG, *BDI)
    assert steps(answer["gains"]) == [("a", "1", "2", 20, False)]


def test_sizes_are_exact_decimals(tmp_path: Path) -> None:
    text = "id;a;b;c;d;e\n1;8,4;8,4;8,4;6,30;6,3\n2;8,4;8,4;8,4;6,31;6,31\n"
    options = ["--client", "id", "--values", "a,b,c,d,e", "--direction", "lower", "--cut", "2,1"]
    # Exactly the cut, and exactly a quarter.
    assert steps(report(tmp_path, text, *options)["gains"]) == [("1", "c", "d", 2.1, False)]


def test_rows_that_cannot_be_read_are_named_and_the_others_counted(tmp_path: Path) -> None:
    text = "id,t,bdi\na,1,30\na,soon,30\na,2024-01-01,30\n,1,30\na,2,x\na,,4\n"
    answer = report(tmp_path, text, *LONG, *BDI)
    assert [one["line"] for one in answer["unreadable"]] == [3, 4, 5, 6, 7]
    assert answer["n_values"] == 1


def test_people_see_tables(tmp_path: Path) -> None:
    text = "id,a,b,c,d,e,f\n[red],30,30,30,10,10,10\n"
    result = run(tmp_path, text, "--client", "id", "--values", "a,b,c,d,e,f", *BDI)
    assert result.exit_code == 0
    assert "[red]" in result.stdout
    assert "1 sudden gains" in result.stdout
    assert "0 sudden losses" in result.stdout


@pytest.mark.parametrize("cut", ["0", "-7"])
def test_a_cut_is_above_0(tmp_path: Path, cut: str) -> None:
    with pytest.raises(Invalid, match="above 0"):
        run(tmp_path, "id,t,bdi\na,1,30\n", *LONG, "--direction", "lower", "--cut", cut)


@pytest.mark.parametrize("options", [[], ["--time", "t"], [*LONG[2:], "--values", "a,b"]])
def test_a_file_is_either_long_or_wide(tmp_path: Path, options: list[str]) -> None:
    result = run(tmp_path, "id,t,bdi\na,1,30\n", "--client", "id", *options, *BDI)
    assert result.exit_code == 2
