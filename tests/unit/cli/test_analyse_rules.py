"""`heroic analyse rules`: any file of ratings through the rules that the services judge by."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.analyse import commands
from tests.support.paths import REPOSITORY

RATINGS = REPOSITORY.parent / "shared" / "data" / "enrichd-bdi" / "ratings.csv"
LONG = ("--client", "client", "--time", "time", "--value", "score")


def run(file: Path, *options: str) -> dict[str, Any]:
    done = CliRunner().invoke(commands, ["rules", str(file), *options, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def a_file(folder: Path, *rows: str, header: str = "client,time,score") -> Path:
    file = folder / "ratings.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def test_each_rating_is_told_with_its_signals_and_each_alert_with_its_life(tmp_path: Path) -> None:
    file = a_file(tmp_path, "a,1,20", "a,2,29", "a,3,20", "a,4,21", "b,1,30")
    report = run(file, *LONG, "--measure", "bdi")
    [a, b] = report["clients"]
    second = a["ratings"][1]
    assert {key: second[key] for key in ("time", "value", "ordinal", "baseline", "change")} == {
        "time": "2",
        "value": 29,
        "ordinal": 2,
        "baseline": 20,
        "change": 9,
    }
    assert second["classification"] == "deteriorated"
    [worse] = [one for one in second["signals"] if one["rule"] == "reliable_deterioration"]
    assert worse["inputs"] == {"baseline": 20, "latest": 29}
    assert worse["thresholds"] == {"reliable_change": "8.46"}
    assert worse["counterfactual"] == "At 28 or below it would not have fired."
    lives = {one["rule"]: (one["opened"], one["ended"]) for one in a["alerts"]}
    assert lives["reliable_deterioration"] == ("2", "4")
    assert lives["session_drop"] == ("2", "3")
    assert lives["no_early_change"] == ("3", None)
    assert a["concerns"] == 1
    assert (b["alerts"], b["concerns"]) == ([], 0)
    assert report["rules"]["reliable_deterioration"] == {
        "ratings": 1,
        "clients": 1,
        "alerts": 1,
        "open": 0,
    }
    assert "off_track" in report["not_evaluated"], "no curve is in force in a file"


def test_ratings_go_by_time_and_those_of_one_time_by_the_file(tmp_path: Path) -> None:
    file = a_file(tmp_path, "a,3,22", "a,1,20", "a,2,25", "a,2,21")
    [client] = run(file, *LONG, "--measure", "bdi")["clients"]
    assert [one["value"] for one in client["ratings"]] == [20, 25, 21, 22]


def test_missing_values_are_passed_over_and_impossible_ones_named_by_line(tmp_path: Path) -> None:
    file = a_file(tmp_path, "a,1,20", "a,2,", "a,3,NA", "a,4,64", "a,5,20.5", "a,6,x", "a,7,29")
    report = run(file, *LONG, "--measure", "bdi")
    [client] = report["clients"]
    assert [one["value"] for one in client["ratings"]] == [20, 29]
    assert report["unreadable"] == [
        {"line": 5, "detail": "the value must be from 0 to 63"},
        {"line": 6, "detail": "the value must be in steps of 1"},
        {"line": 7, "detail": "the value is no number"},
    ]


def test_a_wide_file_says_the_same_as_a_long_one(tmp_path: Path) -> None:
    long = run(a_file(tmp_path, "a,1,20", "a,2,29"), *LONG, "--measure", "bdi")
    file = a_file(tmp_path, "a,20,29", header="client,1,2")
    assert run(file, "--client", "client", "--values", "1,2", "--measure", "bdi") == long


def test_the_age_group_decides_the_cutoff(tmp_path: Path) -> None:
    file = a_file(tmp_path, "a,1,22", "a,2,27.5")
    options = (*LONG, "--measure", "ors")
    [adult] = run(file, *options)["clients"]
    [young] = run(file, *options, "--age-group", "adolescent")["clients"]
    assert adult["ratings"][-1]["classification"] == "recovered"
    assert young["ratings"][-1]["classification"] == "improved"


@pytest.mark.parametrize(
    "options",
    [("--client", "client", "--time", "time"), (*LONG, "--values", "a,b"), ("--client", "client")],
)
def test_a_file_is_long_or_wide(tmp_path: Path, options: tuple[str, ...]) -> None:
    file = a_file(tmp_path, "a,1,20")
    done = CliRunner().invoke(commands, ["rules", str(file), *options, "--measure", "bdi"])
    assert done.exit_code == 2
    assert "long file" in done.output


def test_people_get_a_table(tmp_path: Path) -> None:
    file = a_file(tmp_path, "a,1,20", "a,2,29")
    done = CliRunner().invoke(commands, ["rules", str(file), *LONG, "--measure", "bdi"])
    assert done.exit_code == 0
    assert "reliable_deterioration" in done.output
    assert "concerns: 1, of 1 clients in 2 ratings" in done.output


@pytest.mark.skipif(not RATINGS.exists(), reason="the ENRICHD ratings are not on this machine")
def test_on_real_series_it_counts_as_the_services_do() -> None:
    options = ("--client", "client", "--time", "day", "--value", "bdi", "--measure", "bdi")
    report = run(RATINGS, *options)
    assert (report["n_clients"], report["n_ratings"]) == (400, 5346)
    assert report["rules"]["reliable_deterioration"] == {
        "ratings": 106,
        "clients": 51,
        "alerts": 57,
        "open": 7,
    }
