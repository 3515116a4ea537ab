"""Rule sets are data: what ships is sound, old ones stay readable, contradictions are named."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.contracts.outcomes import AppliesTo, Rule, RuleSetPublished, RuleSetRolledBack
from shared.errors import Invalid
from shared.measures import RuleSet, assess_all, default_rules, measure, rule_sets
from shared.measures.checks.rules import check_rule_set, read_rule_set
from shared.measures.rule_set import in_force, published
from shared.measures.rules import RECIPES

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
OUTSIDE_OF_SETS = {"risk_item", "risk_item_unanswered"}


def test_the_newest_default_set_is_in_force_and_sound() -> None:
    assert (default_rules().key, default_rules().version) == ("default", 2)
    assert check_rule_set(default_rules()) == []
    assert {rule.id for rule in default_rules().rules} == RECIPES.keys()
    assert not OUTSIDE_OF_SETS & RECIPES.keys(), "nobody may turn down a risk item"


def test_version_1_says_what_it_said_when_it_was_the_only_one() -> None:
    first = rule_sets()["default", 1]
    assert [(one.id, one.kind, one.least_ratings, one.ends_after) for one in first.rules] == [
        ("reliable_deterioration", "state", 2, 2),
        ("session_drop", "point", 2, 1),
    ]
    *_, last = assess_all(measure("ors"), first, [300, 240])
    assert {one.rule: one.holds for one in last.verdicts} == {
        "reliable_deterioration": True,
        "session_drop": True,
    }


def test_a_rule_set_survives_being_stored() -> None:
    stored = msgspec.json.encode(default_rules())
    assert msgspec.json.decode(stored, type=RuleSet) == default_rules()


def changed(name: str, **fields: Any) -> RuleSet:
    """The default set with one rule changed."""
    return RuleSet(
        key="ours",
        version=1,
        rules=[
            msgspec.structs.replace(rule, **fields) if rule.id == name else rule
            for rule in default_rules().rules
        ],
    )


def place(name: str) -> int:
    return [rule.id for rule in default_rules().rules].index(name)


@pytest.mark.parametrize(
    ("name", "fields", "pointer", "code"),
    [
        ("stalled", {"id": "mood_ring"}, "id", "unknown_rule"),
        ("stalled", {"id": "gap"}, "id", "twice"),
        ("stalled", {"version": 0}, "version", "bad_version"),
        ("stalled", {"kind": "state"}, "kind", "wrong_kind"),
        ("stalled", {"severity": "urgent"}, "severity", "wrong_severity"),
        ("volatile", {"severity": "high"}, "severity", "wrong_severity"),
        ("stalled", {"requires": ["cutoff"]}, "requires", "missing_requirement"),
        ("stalled", {"resolves_when": "never_open"}, "resolves_when", "wrong_ending"),
        (
            "stalled",
            {"applies_to": AppliesTo(kind="alliance")},
            "applies_to/kind",
            "wrong_measures",
        ),
        ("stalled", {"thresholds": {}}, "thresholds", "missing_threshold"),
        ("stalled", {"thresholds": {"window": Decimal(1)}}, "thresholds/window", "out_of_range"),
        (
            "stalled",
            {"thresholds": {"window": Decimal("2.5")}},
            "thresholds/window",
            "bad_threshold",
        ),
        ("stalled", {"ends_after": 2}, "ends_after", "contradiction"),
        ("stalled", {"at": [3]}, "at", "unknown_threshold"),
        ("no_early_change", {"at": []}, "at", "missing_threshold"),
        ("no_early_change", {"at": [6, 3]}, "at", "contradiction"),
        ("no_early_change", {"at": [1]}, "at", "contradiction"),
        ("no_early_change", {"least_ratings": 3}, "least_ratings", "unknown_threshold"),
        ("session_drop", {"least_ratings": 1}, "least_ratings", "out_of_range"),
        ("volatile", {"by_measure": {}}, "by_measure", "missing_threshold"),
        (
            "intake_over_32",
            {"applies_to": AppliesTo(measures=["ors", "cors"])},
            "by_measure",
            "missing_threshold",
        ),
        (
            "lost_gain",
            {"by_measure": {"bdi": {"cut": Decimal(0)}}},
            "by_measure/bdi/cut",
            "bad_threshold",
        ),
        (
            "lost_gain",
            {"by_measure": {"bdi": {"cutt": Decimal(7)}}},
            "by_measure/bdi/cutt",
            "unknown_threshold",
        ),
        (
            "off_track",
            {
                "thresholds": {
                    "high_percentile": Decimal(25),
                    "medium_percentile": Decimal(25),
                    "running": Decimal(2),
                }
            },
            "thresholds/high_percentile",
            "contradiction",
        ),
    ],
)
def test_each_contradiction_is_named_by_its_place(
    name: str, fields: dict[str, Any], pointer: str, code: str
) -> None:
    found = {(one.pointer, one.code) for one in check_rule_set(changed(name, **fields))}
    number = place("gap") if code == "twice" else place(name)
    assert (f"/rules/{number}/{pointer}", code) in found


def test_a_rule_may_be_turned_down_to_a_mark_or_left_out() -> None:
    as_mark = {"kind": "mark", "severity": "info", "resolves_when": "never_open"}
    rules = changed("stalled", **as_mark)
    assert check_rule_set(rules) == []
    *_, last = assess_all(measure("ors"), rules, [200] * 10)
    assert [one.kind for one in last.verdicts if one.rule == "stalled"] == ["mark"]
    assert check_rule_set(RuleSet(key="ours", version=1, rules=[])) == []


def test_a_rule_set_that_contradicts_itself_is_refused_with_every_reason() -> None:
    with pytest.raises(Invalid) as refusal:
        read_rule_set(RuleSet(key="", version=0, rules=[]))
    assert {one.pointer for one in refusal.value.errors} == {"/key", "/version"}
    assert read_rule_set(default_rules()) is default_rules()


def test_numbers_are_data() -> None:
    rules = changed("stalled", least_ratings=4, thresholds={"window": Decimal(3)})
    *_, last = assess_all(measure("ors"), rules, [200] * 4)
    assert [one.holds for one in last.verdicts if one.rule == "stalled"] == [True]


def set_of(version: int, day: int) -> RuleSetPublished:
    return RuleSetPublished(
        organisation_id="ours",
        key="ours",
        rule_set_version=version,
        effective_from=START + timedelta(days=day),
        rules=[Rule(id="session_drop", version=version, kind="point", severity="high")],
    )


def version_on(day: float, *events: RuleSetPublished | RuleSetRolledBack) -> int:
    history = published(events, default_rules())
    found = in_force(history, START + timedelta(days=day), default_rules())
    return 0 if found is default_rules() else found.version


def test_a_rating_is_judged_by_what_was_in_force_when_it_was_recorded() -> None:
    events = [set_of(1, day=1), set_of(2, day=5)]
    assert [version_on(day, *events) for day in (0, 0.999, 1, 4.999, 5, 9)] == [0, 0, 1, 1, 2, 2]


def test_of_two_that_begin_at_once_the_later_published_counts() -> None:
    assert version_on(2, set_of(1, day=1), set_of(2, day=1)) == 2


def test_a_version_rolled_back_to_judges_again_from_then_on() -> None:
    back = RuleSetRolledBack(
        organisation_id="ours",
        key="ours",
        rule_set_version=1,
        effective_from=START + timedelta(days=7),
    )
    events = set_of(1, day=1), set_of(2, day=5), back
    assert [version_on(day, *events) for day in (6, 7, 8)] == [2, 1, 1]


def test_the_default_set_can_be_gone_back_to() -> None:
    back = RuleSetRolledBack(
        organisation_id="ours",
        key="default",
        rule_set_version=2,
        effective_from=START + timedelta(days=7),
    )
    assert version_on(8, set_of(1, day=1), back) == 0
