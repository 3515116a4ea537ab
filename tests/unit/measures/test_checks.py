"""A definition that contradicts itself is refused, and each contradiction named by its place."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.measures import measure
from shared.measures.checks import read_definition

Document = dict[str, Any]

SOUND: Document = {
    "key": "own",
    "version": 1,
    "title": "Our own",
    "kind": "outcome",
    "better": "lower",
    "items": [
        {"id": "1", "axis": "One", "low": "0", "high": "4", "step": "1"},
        {"id": "2", "axis": "Two", "low": "0", "high": "4", "step": "1", "reversed": True},
        {"id": "3", "axis": "Three", "low": "0", "high": "4", "step": "1"},
        {"id": "away", "axis": "Away", "low": "0", "high": "1", "step": "1", "scored": False},
    ],
    "formula": {"times": 2},
    "total": {"low": "0", "high": "24", "step": "2"},
    "missing": {"most": 1, "never": ["1"]},
    "subscales": [
        {
            "key": "first",
            "title": "First",
            "items": ["1", "2"],
            "scale": {"low": "0", "high": "16", "step": "2"},
            "missing": {"most": 0},
        }
    ],
    "exemptions": [{"item": "away", "value": "1", "exempts": ["3"]}],
    "cutoffs": {"adult": {"value": "10", "clinical": ">="}},
    "reliable_change": {"value": "4.5", "reached": ">=", "basis": "published"},
    "norms": [
        {
            "age_groups": ["adult"],
            "clinical": {"mean": "14", "sd": "5", "size": 300},
            "functional": {"mean": "6", "sd": "4"},
            "reliability": {"value": "0.8", "kind": "retest"},
            "cutoff": {"value": "9.56", "clinical": ">"},
            "reliable_change": {"value": "6.2", "reached": ">=", "basis": "jacobson-truax"},
            "source": "ours",
        }
    ],
    "bands": [
        {"from": "0", "to": "8", "name": "low"},
        {"from": "10", "to": "24", "name": "high"},
    ],
    "risk": [{"item": "3", "target": "self"}],
    "licence": {"holder": "us", "ships": "wording", "note": ""},
    "codes": {"total": "0-0"},
    "source": "ours",
    "wording": {
        "en": {
            "title": "Our own",
            "items": {"1": "a", "2": "b", "3": "c", "away": "d"},
            "item_anchors": {"away": ["no", "yes"]},
            "attribution": "us",
            "source": "us",
        }
    },
}


def with_change(path: str, value: object) -> Document:
    """The sound definition with `value` at a place; the place may be new."""
    document = deepcopy(SOUND)
    *parents, last = path.split("/")
    place: Any = document
    for step in parents:
        place = place[int(step) if isinstance(place, list) else step]
    if isinstance(place, list) and int(last) == len(place):
        place.append(value)
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return document


def problems(document: Document) -> dict[str, str]:
    """Codes by pointer."""
    try:
        read_definition(msgspec.json.encode(document))
    except Invalid as refusal:
        return {error.pointer: error.code for error in refusal.errors}
    return {}


def test_a_sound_definition_is_read_as_it_is() -> None:
    assert problems(SOUND) == {}
    assert read_definition(msgspec.json.encode(SOUND)).key == "own"


@pytest.mark.parametrize(
    ("path", "value", "pointer", "code"),
    [
        # names
        ("key", "Our own", "/key", "bad_name"),
        ("version", 0, "/version", "bad_version"),
        ("title", " ", "/title", "no_title"),
        ("formula/times", 0, "/formula/times", "bad_formula"),
        ("items/1/id", "1", "/items/1/id", "twice"),
        ("codes/9", "1-1", "/codes/9", "unknown_item"),
        # scales
        ("items/0/step", "0.25", "/items/0/step", "not_in_tenths"),
        ("items/0/low", "NaN", "/items/0/low", "not_in_tenths"),
        ("items/0/low", "sNaN", "/items/0/low", "not_in_tenths"),
        ("items/0/high", "1e999999", "/items/0/high", "not_in_tenths"),
        ("items/0/step", "0", "/items/0/step", "step_not_positive"),
        ("items/0/step", "3", "/items/0/step", "uneven_step"),
        ("items/0/high", "0", "/items/0/high", "empty_scale"),
        # what the items can give
        ("total/high", "26", "/total", "range_not_reached"),
        ("total/high", "22", "/total", "range_not_reached"),
        ("total/step", "3", "/total/step", "step_not_met"),
        ("subscales/0/scale/high", "24", "/subscales/0/scale", "range_not_reached"),
        # items that are named
        ("missing/most", 3, "/missing/most", "bad_missing_rule"),
        ("missing/most", -1, "/missing/most", "bad_missing_rule"),
        ("missing/never/0", "9", "/missing/never/0", "unknown_item"),
        ("missing/never/0", "away", "/missing/never/0", "unknown_item"),
        ("subscales/0/items/2", "9", "/subscales/0/items/2", "unknown_item"),
        ("subscales/0/items/1", "1", "/subscales/0/items/1", "twice"),
        ("subscales/0/missing/most", 2, "/subscales/0/missing/most", "bad_missing_rule"),
        ("exemptions/0/item", "gone", "/exemptions/0/item", "unknown_item"),
        ("exemptions/0/item", "1", "/exemptions/0/item", "scored_item"),
        ("exemptions/0/value", "2", "/exemptions/0/value", "no_such_answer"),
        ("exemptions/0/value", "sNaN", "/exemptions/0/value", "no_such_answer"),
        ("exemptions/0/exempts", ["1", "2", "3"], "/exemptions/0/exempts", "nothing_scored"),
        ("risk/0/item", "9", "/risk/0", "unknown_item"),
        ("risk/0/item", "2", "/risk/0", "reversed_risk"),
        ("risk/1", {"item": "3", "target": "others"}, "/risk/1", "twice"),
        ("risk_on_paper", True, "/risk_on_paper", "risk_both_ways"),
        # bands
        ("bands/1/from", "8", "/bands/1/from", "band_overlap"),
        ("bands/1/from", "12", "/bands/1/from", "band_gap"),
        ("bands/0/from", "2", "/bands/0/from", "band_gap"),
        ("bands/1/to", "22", "/bands/1/to", "band_gap"),
        ("bands/1/to", "26", "/bands/1/to", "off_scale"),
        ("bands/0/to", "7", "/bands/0/to", "off_scale"),
        ("bands/1/name", "low", "/bands/1/name", "twice"),
        # thresholds
        ("cutoffs/adult/value", "24.1", "/cutoffs/adult/value", "out_of_range"),
        ("cutoffs/adult/value", "-0.1", "/cutoffs/adult/value", "out_of_range"),
        ("cutoffs/adult/value", "Infinity", "/cutoffs/adult/value", "out_of_range"),
        ("cutoffs/adult/value", "0", "/cutoffs/adult/value", "divides_nothing"),
        ("cutoffs/adult/clinical", "=>", "/cutoffs/adult/clinical", "unknown_operator"),
        ("cutoffs/adult/clinical", "<", "/cutoffs/adult/clinical", "wrong_side"),
        ("reliable_change/value", "0", "/reliable_change/value", "out_of_range"),
        ("reliable_change/value", "24.5", "/reliable_change/value", "out_of_range"),
        ("reliable_change/reached", "<=", "/reliable_change/reached", "unknown_operator"),
        # norms
        ("norms/0/clinical/sd", "0", "/norms/0/clinical/sd", "bad_sd"),
        ("norms/0/clinical/sd", "-5", "/norms/0/clinical/sd", "bad_sd"),
        ("norms/0/clinical/mean", "25", "/norms/0/clinical/mean", "out_of_range"),
        ("norms/0/clinical/mean", "sNaN", "/norms/0/clinical/mean", "out_of_range"),
        ("norms/0/clinical/size", 1, "/norms/0/clinical/size", "bad_size"),
        ("norms/0/reliability/value", "1", "/norms/0/reliability/value", "bad_reliability"),
        ("norms/0/reliability/value", "0", "/norms/0/reliability/value", "bad_reliability"),
        ("norms/0/functional/mean", "14", "/norms/0/functional/mean", "samples_swapped"),
        ("norms/0/age_groups", [], "/norms/0/age_groups", "nobody"),
        ("norms/0/cutoff/value", "25", "/norms/0/cutoff/value", "out_of_range"),
        ("norms/0/reliable_change/value", "5", "/norms/0/reliable_change/value", "does_not_follow"),
        ("norms/1", {"age_groups": ["child", "adult"], "source": ""}, "/norms/1", "norms_overlap"),
        # words
        ("wording/english", SOUND["wording"]["en"], "/wording/english", "bad_language"),
        ("wording/en/items/3", "", "/wording/en/items/3", "no_words"),
        ("wording/en/items/9", "e", "/wording/en/items/9", "unknown_item"),
        ("wording/en/item_anchors/away", ["no"], "/wording/en/anchors", "anchors_do_not_fit"),
        ("wording/en/attribution", "", "/wording/en/attribution", "no_attribution"),
        ("licence/ships", "scoring", "/wording/en", "not_licensed"),
        # what is no definition at all
        ("items/0/low", "zero", "/items/0/low", "malformed"),
        ("surprise", 1, "", "malformed"),
        ("cutoffs", {"elder": {"value": "10", "clinical": ">="}}, "/cutoffs", "malformed"),
    ],
)
def test_each_contradiction_is_named_by_its_place(
    path: str, value: object, pointer: str, code: str
) -> None:
    found = problems(with_change(path, value))
    assert found.get(pointer) == code, found


def test_several_contradictions_are_named_at_once() -> None:
    document = with_change("cutoffs/adult/clinical", "=>")
    document["norms"][0]["clinical"]["sd"] = "0"
    document["bands"][1]["from"] = "8"
    assert problems(document) == {
        "/cutoffs/adult/clinical": "unknown_operator",
        "/norms/0/clinical/sd": "bad_sd",
        "/bands/1/from": "band_overlap",
    }


def test_what_is_no_json_is_refused_as_such() -> None:
    with pytest.raises(Invalid) as refusal:
        read_definition(b'{"key": ')
    assert [error.code for error in refusal.value.errors] == ["malformed"]


def test_a_measure_of_totals_needs_no_items() -> None:
    assert read_definition(msgspec.json.encode(measure("bdi"))) == measure("bdi")


PLACES = (
    *("items/0/low", "items/1/high", "items/2/step", "total/low", "total/high", "total/step"),
    *("bands/0/to", "cutoffs/adult/value", "reliable_change/value", "exemptions/0/value"),
    *("norms/0/clinical/sd", "norms/0/functional/mean", "norms/0/reliability/value"),
)


@given(st.dictionaries(st.sampled_from(PLACES), st.decimals().map(str), max_size=4))
def test_no_number_whatever_makes_the_check_fail(changes: dict[str, str]) -> None:
    document = deepcopy(SOUND)
    for path, value in changes.items():
        *parents, last = path.split("/")
        place: Any = document
        for step in parents:
            place = place[int(step) if isinstance(place, list) else step]
        place[last] = value
    problems(document)
