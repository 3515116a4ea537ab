"""How alerts open, repeat, rise and end."""

from dataclasses import replace

import pandas as pd

from tests.reference import Curve, Definition, alerts, evaluate
from tests.unit.reference.builders import BDI, ratings

TEN = replace(BDI, reliable_change=10)


def raised(
    rule: str,
    values: list[float | None],
    definition: Definition = TEN,
    curve: Curve | None = None,
    agreed: list[float] | None = None,
) -> list[tuple[int, int | None, str | None, int, str]]:
    """Opened at, ended at (ordinals), how, repetitions and severity of each alert."""
    changes = pd.DataFrame({"client": "a", "time": agreed or []})
    table = alerts(evaluate(ratings(*values), definition, curve), definition, changes)
    return [
        (
            alert["opened_k"],
            None if pd.isna(alert["ended_k"]) else alert["ended_k"],
            None if pd.isna(alert["how"]) else alert["how"],
            alert["repetitions"],
            alert["severity"],
        )
        for alert in table[table["rule"] == rule].to_dict("records")
    ]


def test_a_state_ends_when_it_was_false_twice_running() -> None:
    values: list[float | None] = [20, 30, 29, 30, 29, 29, 30]
    assert raised("reliable_deterioration", values) == [
        (2, 6, "false_twice", 1, "high"),
        (7, None, None, 0, "high"),
    ]


def test_a_missing_rating_neither_ends_a_state_nor_keeps_it_open() -> None:
    assert raised("reliable_deterioration", [20, 30, 29, None, 29]) == [
        (2, 4, "false_twice", 0, "high")
    ]


def test_severity_rises_one_step_at_the_third_repetition_and_no_further() -> None:
    values: list[float | None] = [20.0, 30, 30, 30]
    assert raised("reliable_deterioration", values) == [(2, None, None, 2, "high")]
    assert raised("reliable_deterioration", [*values, 30]) == [(2, None, None, 3, "urgent")]
    assert raised("reliable_deterioration", [*values, 30, 30, 30, 30]) == [
        (2, None, None, 6, "urgent")
    ]


def test_a_drop_ends_when_the_score_is_back_within_a_reliable_change_of_before() -> None:
    assert raised("session_drop", [20, 30, 30, 29.9]) == [(2, 4, "score_back", 0, "medium")]


def test_a_second_drop_while_one_is_open_repeats_it_and_moves_nothing() -> None:
    """After 20, 30, 40 it takes less than 30 to be back, not less than 40."""
    assert raised("session_drop", [20, 30, 40, 35, 29]) == [(2, 5, "score_back", 1, "medium")]


def test_a_lost_gain_ends_when_the_score_is_back_near_the_best() -> None:
    assert raised("lost_gain", [30, 20, 30, 31, 29.9]) == [(3, 5, "score_back", 1, "medium")]


def test_a_reversed_sudden_gain_ends_when_it_is_no_longer_reversed() -> None:
    """The step of 10 is reversed beyond 15, which is still within 10 of the best score."""
    assert raised("lost_gain", [20, 20, 10, 10, 10, 15.1, 15.0]) == [
        (6, 7, "score_back", 0, "medium")
    ]


def test_a_checkpoint_ends_at_a_reliable_change_on_whichever_rating() -> None:
    assert raised("no_early_change", [30, 30, 30, 20]) == [
        (3, 4, "reliable_improvement", 0, "medium")
    ]


def test_a_checkpoint_repeats_at_the_next_one() -> None:
    assert raised("no_early_change", [30] * 7) == [(3, None, None, 1, "medium")]


def test_an_agreed_change_ends_a_checkpoint_and_the_next_may_open_it_anew() -> None:
    assert raised("no_early_change", [30] * 6, agreed=[2.5]) == [
        (3, None, "agreed_change", 0, "medium"),
        (6, None, None, 0, "medium"),
    ]


def test_a_change_agreed_before_the_checkpoint_does_not_end_it() -> None:
    assert raised("no_early_change", [30] * 4, agreed=[1.5]) == [(3, None, None, 0, "medium")]


def test_a_change_agreed_later_does_not_overtake_an_improvement() -> None:
    assert raised("no_early_change", [30, 30, 30, 20], agreed=[9]) == [
        (3, 4, "reliable_improvement", 0, "medium")
    ]


def test_a_change_agreed_after_the_last_rating_ends_a_checkpoint_but_no_state() -> None:
    assert raised("no_early_change", [20, 30, 30], agreed=[9]) == [
        (3, None, "agreed_change", 0, "medium")
    ]
    assert raised("reliable_deterioration", [20, 30, 30], agreed=[9]) == [
        (2, None, None, 1, "high")
    ]


def test_off_track_opens_at_its_severity_and_rises_to_a_higher_one() -> None:
    curve = Curve(20, 0, 0, 0, 20, 0, 0, 0, sigma=10)
    assert raised("off_track", [20, 28, 28], curve=curve) == [(3, None, None, 0, "medium")]
    assert raised("off_track", [20, 28, 28, 40, 40], curve=curve) == [(3, None, None, 2, "high")]


def test_every_client_and_rule_has_alerts_of_its_own() -> None:
    both = pd.concat([ratings(20, 30, client="a"), ratings(20, 30, client="b")])
    table = alerts(evaluate(both, TEN), TEN)
    opened = table[["client", "rule"]].itertuples(index=False, name=None)
    assert sorted(opened) == [
        (client, rule)
        for client in ("a", "b")
        for rule in ("lost_gain", "reliable_deterioration", "session_drop")
    ]
