"""`heroic analyse change`, as it is called."""

from functools import partial
from math import sqrt
from pathlib import Path

import pytest

from shared.errors import Invalid
from tests.support.analysing import analyse, report_of

LONG = ["--client", "id", "--time", "t", "--value", "bdi", "--pre", "1", "--post", "4"]
WIDE = ["--client", "id", "--pre", "before", "--post", "after"]
JT = ["--direction", "lower", "--reliability", "0.8"]

# Two clients get better by 20, one worse by 15; the mean at pre is 20, the squares sum up to 640.
PAIRS = [(30, 10), (32, 12), (10, 25), (12, 12), (14, 14), (12, 13), (30, 30), (16, 15), (24, 25)]


run, report = partial(analyse, "change"), partial(report_of, "change")


def long_file(pairs: list[tuple[int, int]]) -> str:
    lines = [f"{n},1,{pre}\n{n},2,99\n{n},4,{post}" for n, (pre, post) in enumerate(pairs)]
    return "\n".join(["id,t,bdi", *lines, ""])


def wide_file(pairs: list[tuple[int, int]]) -> str:
    lines = [f"{n},{pre},{post}" for n, (pre, post) in enumerate(pairs)]
    return "\n".join(["id,before,after", *lines, ""])


def test_a_long_file_has_the_shape_that_is_promised(tmp_path: Path) -> None:
    answer = report(tmp_path, long_file(PAIRS), *LONG, *JT)
    sd = sqrt(640 / 8)
    assert answer["counts"] == {
        "recovered": 0,
        "improved": 2,
        "unchanged": 6,
        "deteriorated": 1,
        "harmed": 0,
    }
    assert (answer["n_used"], answer["n_left_out"]) == (9, 0)
    first = answer["rows"][0]
    assert first.pop("index") == pytest.approx(-20 / (sqrt(2) * sd * sqrt(0.2)))
    assert first == {"client": "0", "pre": 30, "post": 10, "change": -20, "class": "improved"}
    thresholds = answer["thresholds"]
    assert (thresholds["mean_pre"], thresholds["sd_pre"]) == pytest.approx((20, sd))
    assert thresholds["reliable_change"] == pytest.approx(1.96 * sqrt(2) * sd * sqrt(0.2))
    assert thresholds["cutoff"] is None
    assert answer["effect_sizes"]["suppressed"] == "fewer than 10 clients"
    assert answer["unreadable"] == []


def test_a_wide_file_says_the_same_as_a_long_one(tmp_path: Path) -> None:
    wide = report(tmp_path, wide_file(PAIRS), *WIDE, *JT)
    assert wide == report(tmp_path, long_file(PAIRS), *LONG, *JT)


def test_recovered_and_harmed_need_a_functional_population(tmp_path: Path) -> None:
    functional = ["--functional-mean", "12", "--functional-sd", "9"]
    answer = report(tmp_path, long_file(PAIRS), *LONG, *JT, *functional)
    sd = sqrt(640 / 8)
    assert answer["thresholds"]["cutoffs"] == pytest.approx(
        {"a": 20 - 2 * sd, "b": 12 + 18, "c": (9 * 20 + sd * 12) / (9 + sd)}
    )
    assert answer["thresholds"]["cutoff"] == answer["thresholds"]["cutoffs"]["c"]
    assert answer["counts"]["recovered"] == 2
    assert (answer["counts"]["deteriorated"], answer["counts"]["harmed"]) == (0, 1)


def test_ten_clients_show_effect_sizes(tmp_path: Path) -> None:
    answer = report(tmp_path, long_file([*PAIRS, (20, 10)]), *LONG, *JT)
    sizes = answer["effect_sizes"]
    assert sizes["suppressed"] is None
    assert sizes["d_pre"] == pytest.approx(3.4 / sqrt(640 / 9))
    assert sizes["hedges_g"] == pytest.approx(sizes["d_pre"] * (1 - 3 / 35))
    assert sizes["interval"]["low"] < sizes["hedges_g"] < sizes["interval"]["high"]


@pytest.mark.parametrize("percent", ["50", "0.5"])
def test_percentage_change_is_given_in_percent_or_as_a_share(tmp_path: Path, percent: str) -> None:
    options = ["--direction", "lower", "--method", "percent", "--percent", percent]
    answer = report(tmp_path, wide_file([(20, 10), (20, 11), (0, 0)]), *WIDE, *options)
    assert [row["class"] for row in answer["rows"]] == ["improved", "unchanged", "unchanged"]
    assert [row["index"] for row in answer["rows"]] == [-50, -45, None]
    assert answer["thresholds"]["percent"] == 50


@pytest.mark.parametrize("method", ["en", "gln", "hll", "nk"])
def test_every_method_answers(tmp_path: Path, method: str) -> None:
    answer = report(tmp_path, long_file(PAIRS), *LONG, *JT, "--method", method)
    assert answer["thresholds"]["method"] == method
    assert sum(answer["counts"].values()) == 9
    assert answer["thresholds"]["reliable_change"] is None


def test_times_that_are_the_same_number_are_the_same_time(tmp_path: Path) -> None:
    text = "id,t,bdi\n1,1.0,10\n1,4,5\n2,01,20\n2,4.00,7\n"
    assert report(tmp_path, text, *LONG, *JT)["n_used"] == 2


def test_times_that_are_no_numbers_are_matched_as_text(tmp_path: Path) -> None:
    text = "id,t,bdi\n1,pre,10\n1,post,5\n2,pre,20\n2,Post,7\n2,post,8\n"
    options = ["--client", "id", "--time", "t", "--value", "bdi", "--pre", "pre", "--post", "post"]
    rows = report(tmp_path, text, *options, *JT)["rows"]
    assert [(row["pre"], row["post"]) for row in rows] == [(10, 5), (20, 8)]


def test_clients_without_both_values_are_left_out_and_counted(tmp_path: Path) -> None:
    text = (
        "id,t,bdi\n1,1,10\n1,4,5\n2,1,20\n2,4,7\n3,1,5\n4,1,NA\n4,4,5\n5,2,7\n6,1,\n6,4,9\n7,1,x\n"
    )
    answer = report(tmp_path, text, *LONG, *JT)
    assert (answer["n_used"], answer["n_left_out"]) == (2, 5)
    assert answer["unreadable"] == [{"line": 12, "detail": "the value is no number"}]


def test_the_first_of_several_values_counts_and_the_others_are_named(tmp_path: Path) -> None:
    text = "id,t,bdi\n1,1,NA\n1,1,10\n1,1,11\n1,4,5\n1,4,6\n2,1,20\n2,4,7\n"
    answer = report(tmp_path, text, *LONG, *JT)
    assert (answer["rows"][0]["pre"], answer["rows"][0]["post"]) == (10, 5)
    assert [one["line"] for one in answer["unreadable"]] == [4, 6]
    answer = report(tmp_path, "id,before,after\n1,10,5\n1,11,6\n2,20,7\n", *WIDE, *JT)
    assert (answer["n_used"], answer["rows"][0]["pre"]) == (2, 10)
    assert [one["line"] for one in answer["unreadable"]] == [3]


def test_decimals_stay_as_they_are_written(tmp_path: Path) -> None:
    text = "id;before;after\n1;10,1;9,9\n2;20,25;20,35\n"
    rows = report(tmp_path, text, *WIDE, *JT)["rows"]
    assert [(row["pre"], row["change"]) for row in rows] == [(10.1, -0.2), (20.25, 0.1)]


def test_people_see_tables_and_what_could_not_be_read(tmp_path: Path) -> None:
    result = run(tmp_path, long_file(PAIRS) + "9,1,x\n", *LONG, *JT)
    assert result.exit_code == 0
    assert "9 clients, 1 left out" in result.stdout
    assert "improved" in result.stdout
    assert "line 29: the value is no number" in result.stderr


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("id,t,bdi\n1,1,5\n", [*LONG, *JT], "No row has the time 4"),
        ("id,t,bdi\n1,1,5\n1,4,6\n2,1,7\n", [*LONG, *JT], "1 of 2 clients have both values"),
        ("id,t,bdi\n1,1,5\n1,4,6\n2,1,5\n2,4,7\n", [*LONG, *JT], "standard deviation"),
        ("id,t,bdi\n1,1,5\n1,4,6\n2,1,7\n2,4,7\n", [*LONG, *JT[:-1], "1"], "reliability"),
        ("id,bdi\n1,5\n", [*LONG, *JT], "other columns"),
        ("id,t,bdi\n1,1,5\n", [*LONG[:-1], "1.0", *JT], "are the same"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    tmp_path: Path, text: str, options: list[str], reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        run(tmp_path, text, *options)


@pytest.mark.parametrize(
    "options",
    [
        [*LONG, "--direction", "lower"],
        [*LONG, "--direction", "up", "--reliability", "0.8"],
        [*LONG, *JT, "--functional-mean", "8"],
        [*LONG, *JT, "--method", "percent"],
        [*LONG, *JT, "--method", "percent", "--percent", "0"],
        [*LONG, *JT, "--method", "percent", "--percent", "half"],
        [*WIDE, *JT, "--time", "t"],
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, options: list[str]) -> None:
    result = run(tmp_path, "id,t,bdi\n1,1,5\n1,4,6\n", *options)
    assert result.exit_code == 2
