"""The definitions that ship: sound, sourced, and right on every boundary that they draw."""

from collections.abc import Iterator

import msgspec
import pytest

from shared.contracts.intake import AgeGroup
from shared.measures import Definition, definitions, measure, newest
from shared.measures.catalogue import FOLDER, documents, wordings
from shared.measures.checks import check_definition
from shared.measures.definition import Cutoff
from shared.measures.norms import NormSet

SHIPPED = list(definitions().values())
BY_KEY = pytest.mark.parametrize("definition", SHIPPED, ids=lambda one: one.key)


def drawn_cutoffs() -> Iterator[tuple[Definition, Cutoff]]:
    for definition in SHIPPED:
        norms = [norm.cutoff for norm in definition.norms if norm.cutoff]
        for cutoff in (*definition.published_cutoffs.values(), *norms):
            yield definition, cutoff


@BY_KEY
def test_no_shipped_definition_contradicts_itself(definition: Definition) -> None:
    assert check_definition(definition) == []


def test_every_file_is_named_by_the_key_and_version_in_it() -> None:
    for file in documents(FOLDER):
        one = msgspec.json.decode(file.read_bytes(), type=Definition)
        assert file.name == f"{one.key}-{one.version}.json"


@BY_KEY
def test_a_definition_survives_being_sent(definition: Definition) -> None:
    encoder = msgspec.json.Encoder(decimal_format="number")
    assert msgspec.json.decode(encoder.encode(definition), type=Definition) == definition


@BY_KEY
def test_every_definition_says_whose_it_is_and_where_its_numbers_are_from(
    definition: Definition,
) -> None:
    assert definition.source
    assert definition.licence.holder


def test_words_ship_only_where_the_licence_lets_them_and_with_attribution() -> None:
    assert set(wordings()) == {"phq-9-1", "gad-7-1"}
    for definition in SHIPPED:
        assert bool(definition.wording) == (definition.licence.ships == "wording")


def test_the_lowest_answer_of_the_gad7_is_not_at_all() -> None:
    assert measure("gad-7").wording["en"].anchors_of("1")[0] == "Not at all"


def test_the_tenth_question_of_the_phq9_has_answers_of_its_own() -> None:
    words = measure("phq-9").wording["en"]
    assert words.anchors_of("10")[0] == "Not difficult at all"
    assert words.anchors_of("9")[0] == "Not at all"


@pytest.mark.parametrize(("definition", "cutoff"), list(drawn_cutoffs()), ids=str)
def test_a_cutoff_divides_exactly_where_its_operator_says(
    definition: Definition, cutoff: Cutoff
) -> None:
    worse = -definition.sign
    assert cutoff.is_clinical(cutoff.edge)
    assert cutoff.is_clinical(cutoff.edge + worse)
    assert not cutoff.is_clinical(cutoff.edge - worse)
    strict = cutoff.clinical in ("<", ">")
    exact = cutoff.value * 10
    if exact == int(exact):
        assert cutoff.is_clinical(int(exact)) != strict


@pytest.mark.parametrize(
    ("key", "age_group", "clinical", "functional"),
    [
        ("ors", "adult", 249, 250),
        ("ors", "adolescent", 279, 280),
        ("cors", "child", 319, 320),
        ("srs", "child", 359, 360),
        ("phq-9", "adult", 100, 90),
        ("gad-7", "adult", 80, 70),
        ("core-10", "adult", 110, 109),
        ("core-om", "adult", 100, 99),
        ("oq-45", "adult", 640, 630),
        ("who-5", "adult", 480, 520),
        ("bdi", "adult", 150, 140),
        ("k10", "adult", 200, 190),
    ],
)
def test_the_published_cutoffs_lie_where_their_sources_say(
    key: str, age_group: AgeGroup, clinical: int, functional: int
) -> None:
    cutoff = measure(key).cutoff(age_group)
    assert cutoff is not None
    assert cutoff.is_clinical(clinical)
    assert not cutoff.is_clinical(functional)


@pytest.mark.parametrize(
    ("key", "reached"),
    [
        *(("ors", 50), ("cors", 50), ("phq-9", 60), ("gad-7", 40), ("core-10", 60)),
        *(("core-om", 50), ("oq-45", 140), ("who-5", 100), ("bdi", 85)),
    ],
)
def test_the_published_reliable_changes_are_those_of_their_sources(key: str, reached: int) -> None:
    change = measure(key).reliable_change
    assert change is not None
    assert change.tenths == reached


@BY_KEY
def test_bands_meet_without_gap_or_overlap_at_every_score(definition: Definition) -> None:
    if not definition.bands:
        assert definition.band(definition.total.grid[0]) is None
        return
    for score in definition.total.grid:
        holding = [band for band in definition.bands if band.start * 10 <= score <= band.end * 10]
        assert [definition.band(score)] == holding


@pytest.mark.parametrize(
    ("key", "score", "name"),
    [
        *(("phq-9", 90, "mild"), ("phq-9", 100, "moderate"), ("phq-9", 200, "severe")),
        *(("gad-7", 40, "minimal"), ("gad-7", 150, "severe")),
        *(("core-10", 109, "healthy or low"), ("core-10", 110, "mild"), ("core-10", 250, "severe")),
        *(("wsas", 90, "below significant"), ("wsas", 200, "significant"), ("wsas", 210, "severe")),
        *(("bdi-ii", 130, "minimal"), ("bdi-ii", 140, "mild"), ("k10", 300, "very high")),
    ],
)
def test_a_score_lies_in_its_published_band(key: str, score: int, name: str) -> None:
    band = measure(key).band(score)
    assert band is not None
    assert band.name == name


def test_what_was_not_found_at_its_source_decides_nothing() -> None:
    unconfirmed = {
        one.key
        for one in SHIPPED
        if (one.published_change and not one.published_change.confirmed)
        or any(not cutoff.confirmed for cutoff in one.published_cutoffs.values())
        or any(not norm.confirmed for norm in one.norms)
    }
    assert unconfirmed == {"wsas", "gbo", "bdi-ii", "pcl-5", "k10", "reqol-10"}
    for key in unconfirmed:
        assert measure(key).reliable_change is None
        assert measure(key).change_of("adult") is None
    for key in unconfirmed - {"k10"}:
        assert measure(key).cutoff("adult") is None
        assert measure(key).cutoffs == {}


def test_what_is_known_of_clients_is_never_applied_to_somebody_elses_ratings() -> None:
    cors = measure("cors")
    assert cors.cutoff("child") is not None
    assert cors.cutoff("child", rater="caretaker") is None


def norms(value: str, **whose: object) -> NormSet:
    document = {
        "age_groups": ["adolescent"],
        "cutoff": {"value": value, "clinical": "<"},
        "reliable_change": {"value": "7", "reached": ">", "basis": "published"},
        "source": "ours",
    }
    return msgspec.convert(document | whose, NormSet)


def test_norms_go_before_the_definition_and_those_of_the_sex_before_those_of_everybody() -> None:
    own = msgspec.structs.replace(
        measure("ors"),
        norms=[
            norms("27"),
            norms("26", sex="female"),
            norms("30", raters=["caretaker"]),
            norms("5", confirmed=False, age_groups=["adult"]),
        ],
    )
    values = {
        whose: found.value if (found := own.cutoff(*whose)) else None
        for whose in (
            ("adolescent", None, "self"),
            ("adolescent", "female", "self"),
            ("adolescent", "male", "self"),
            ("adolescent", "female", "caretaker"),
            ("adolescent", "female", "collateral"),
            ("adult", None, "self"),
            ("child", None, "self"),
        )
    }
    assert [None if value is None else int(value) for value in values.values()] == [
        *(27, 26, 27, 30, None),
        *(25, None),
    ]
    change = own.change_of("adolescent")
    assert change is not None
    assert change.tenths == 71
    plain = own.change_of("adult")
    assert plain is not None
    assert plain.tenths == 50


def test_the_risk_items_of_the_core_om_are_told_apart() -> None:
    targets = {risk.item: risk.target for risk in measure("core-om").risk}
    assert {item for item, target in targets.items() if target == "self"} == {"9", "16", "24", "34"}
    assert {item for item, target in targets.items() if target == "others"} == {"6", "22"}
    assert set(targets) == set(measure("core-om").subscales[-1].items)


def test_forms_with_a_risk_item_never_say_no_risk_of_a_total_alone() -> None:
    silent = {key for key, one in newest().items() if one.risk_on_paper}
    assert silent == {"bdi", "bdi-ii", "oq-45", "reqol-10"}
