"""Fitting the expected response: it finds what is there, and refuses what is not."""

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from shared.contracts.outcomes import Coverage
from shared.measures.expected import Course
from shared.measures.fit import (
    Estimate,
    Fit,
    FitRefused,
    TooFewEpisodes,
    check_coverage,
    coverage_of,
    estimate,
    fit,
    part_of,
    trial,
    trials,
)
from tests.support.simulated import TRUTH, simulated

DATA = Path(__file__).parents[4] / "shared" / "data" / "enrichd-bdi" / "ratings.csv"
COURSES = list(simulated(400))


@pytest.fixture(scope="module")
def found() -> Fit:
    return fit(COURSES)


def test_a_fit_finds_the_curve_that_the_courses_follow(found: Fit) -> None:
    curve = found.parameters
    centred = curve.intercept - curve.baseline_effect * (curve.baseline_mean - TRUTH.baseline_mean)
    assert centred == pytest.approx(TRUTH.intercept, abs=0.8)
    assert curve.slope == pytest.approx(TRUTH.slope, abs=0.5)
    assert curve.baseline_effect == pytest.approx(TRUTH.baseline_effect, abs=0.1)
    assert curve.interaction == pytest.approx(TRUTH.interaction, abs=0.06)
    assert curve.variance == pytest.approx(TRUTH.variance, rel=0.1)
    for ordinal in (2, 5, 10, 16):
        assert curve.sd(ordinal) == pytest.approx(TRUTH.sd(ordinal), rel=0.1)


def test_a_fit_says_what_it_was_made_of(found: Fit) -> None:
    usable = [one for one in COURSES if len(one.scores) >= 2]
    assert found.episodes == len(usable)
    assert found.ratings == sum(min(len(one.scores), 16) - 1 for one in usable)


def test_the_band_holds_four_fifths_of_what_was_held_out_also_by_ending(found: Fit) -> None:
    by = {(one.by, one.group): one for one in found.coverage}
    assert by.keys() == {
        ("all", "all"),
        *(("ending", "planned"), ("ending", "unplanned"), ("ending", "open")),
        ("age_group", "adult"),
    }
    assert by["all", "all"].episodes == found.episodes
    assert sum(one.episodes for one in found.coverage if one.by == "ending") == found.episodes
    assert by["all", "all"].share == pytest.approx(0.8, abs=0.03)


def test_the_same_episodes_in_any_order_give_the_same_fit(found: Fit) -> None:
    assert fit(reversed(COURSES)) == found


def test_of_a_small_group_no_share_is_told() -> None:
    ten = [trial(TRUTH, one) for one in COURSES[:10]]
    assert coverage_of(ten[:9], "ending", "planned").share is None
    assert coverage_of(ten, "ending", "planned").share is not None


def test_ratings_beyond_the_longest_course_are_not_fitted(found: Fit) -> None:
    longer = [
        one._replace(scores=[*one.scores, *[900] * 10]) if len(one.scores) >= 16 else one
        for one in COURSES
    ]
    assert fit(longer) == found


def test_fewer_than_three_hundred_episodes_leave_the_seed_curve() -> None:
    usable = [one for one in COURSES if len(one.scores) >= 2]
    alone = [Course(f"alone-{n}", "adult", "planned", [150]) for n in range(100)]
    with pytest.raises(TooFewEpisodes, match="299 episodes, and 300 are needed"):
        fit(usable[:299] + alone)
    assert fit(usable[:300]).episodes == 300


def test_every_course_is_tried_on_a_fit_that_has_not_seen_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usable = sorted(one for one in COURSES if len(one.scores) >= 2)
    whole = estimate(usable, 16)
    seen: list[set[str]] = []

    def noted(courses: Sequence[Course], longest: int, *, near: Estimate | None = None) -> Estimate:
        seen.append({one.episode_id for one in courses})
        return whole

    monkeypatch.setattr("shared.measures.fit.estimate", noted)
    tried: list[Course] = []
    for one in trials(usable, whole):
        assert one.course.episode_id not in seen[-1]
        tried.append(one.course)
    assert sorted(tried) == usable
    everybody = {one.episode_id for one in usable}
    held_out = [everybody - one for one in seen]
    assert [len(one) for one in held_out] == pytest.approx([len(usable) / 5] * 5, abs=25)


def test_of_very_many_episodes_only_as_many_are_held_out_as_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.measures.fit.ENOUGH_TRIED", 60)
    usable = [one for one in COURSES if len(one.scores) >= 2]
    found = list(trials(usable, estimate(usable, 16)))
    assert {part_of(one.course.episode_id) for one in found} == {0}
    assert len(found) == sum(part_of(one.episode_id) == 0 for one in usable) >= 60


def test_the_bounds_of_the_band_are_in_it() -> None:
    flat = msgspec.structs.replace(TRUTH, g00=0, g01=0, g11=0, variance=0, slope=0, interaction=0)
    middle = flat.expected(2, 170)
    assert middle == 182
    inside = [182, 183, 182, 181]
    assert trial(flat, Course("a", "adult", "open", [170, *inside])).inside == 2


def closer(course: Course) -> Course:
    """The course with a seventh of its distance from what is expected."""
    first, later = course.scores[0], enumerate(course.scores[1:], 2)
    middles = [(TRUTH.expected(ordinal, first), score) for ordinal, score in later]
    return course._replace(scores=[first, *(round(m + (s - m) / 7) for m, s in middles)])


def test_a_band_that_fails_on_what_it_has_not_seen_is_refused() -> None:
    # A few go far astray and all others keep to the line: the spread is that of the few.
    wild = [one if place % 12 == 0 else closer(one) for place, one in enumerate(COURSES)]
    with pytest.raises(FitRefused, match="the 80 % band holds 9") as refused:
        fit(wild)
    assert [one.code for one in refused.value.errors] == ["coverage"]


@pytest.mark.parametrize(("share", "accepted"), [(0.7199, False), (0.72, True), (0.9, True)])
def test_the_bounds_of_coverage_are_accepted_themselves(share: float, accepted: bool) -> None:
    held_out = Coverage(by="all", group="all", episodes=60, ratings=400, share=share)
    if accepted:
        check_coverage(held_out)
    else:
        with pytest.raises(FitRefused, match=r"72\.0% of 400"):
            check_coverage(held_out)


def test_a_band_too_wide_is_refused_as_well() -> None:
    held_out = Coverage(by="all", group="all", episodes=60, ratings=400, share=0.9001)
    with pytest.raises(FitRefused):
        check_coverage(held_out)


@pytest.mark.parametrize(
    "scores",
    [
        lambda one: [170, *one.scores[1:]],
        lambda one: one.scores[:2],
        lambda one: [one.scores[0]] * len(one.scores),
    ],
    ids=["everybody begins alike", "two ratings each", "nothing ever changes"],
)
def test_courses_that_cannot_tell_the_parameters_apart_are_refused(scores: object) -> None:
    assert callable(scores)
    with pytest.raises(FitRefused):
        fit([one._replace(scores=scores(one)) for one in COURSES])


@pytest.fixture(scope="module")
def real() -> list[Course]:
    if not DATA.exists():
        pytest.skip("the ENRICHD data lie beside the project, not in it; they are not here")
    series: dict[str, list[int]] = {}
    with DATA.open(newline="") as file:
        for row in csv.DictReader(file):
            series.setdefault(row["client"], []).append(int(row["bdi"]) * 10)
    return [Course(client, "adult", "planned", scores) for client, scores in series.items()]


def test_on_real_series_a_fit_reaches_the_figures_known_of_them(real: list[Course]) -> None:
    found = fit(real)
    curve = found.parameters
    assert found.episodes == 400
    assert curve.intercept == pytest.approx(18.1, abs=1.5)
    assert curve.slope == pytest.approx(-4.7, abs=0.3)
    assert curve.baseline_effect == pytest.approx(0.83, abs=0.06)
    assert curve.interaction == pytest.approx(-0.18, abs=0.04)
    assert curve.variance**0.5 == pytest.approx(3.7, abs=0.4)
    share = found.coverage[0].share
    assert share is not None
    assert 0.80 <= share <= 0.90
