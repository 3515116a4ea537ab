"""The pair of measures of NHS Talking Therapies: caseness, recovery, and what rates divide by."""

import pytest

from shared.measures import measure
from shared.measures.nhs import Course, Scores, outcome, rates

PHQ9, GAD7 = measure("phq-9"), measure("gad-7")

PointPair = tuple[int | None, int | None]


def course(depression: PointPair, anxiety: PointPair, attended: int = 6) -> Course:
    """First and last PHQ-9 and GAD-7, in points."""

    def tenths(points: int | None) -> int | None:
        return None if points is None else 10 * points

    return Course(
        attended,
        Scores(PHQ9, *map(tenths, depression)),
        Scores(GAD7, *map(tenths, anxiety)),
    )


@pytest.mark.parametrize(
    ("depression", "anxiety", "expected"),
    [(10, 0, True), (9, 7, False), (0, 8, True), (None, 8, True), (None, 7, None)],
)
def test_either_measure_at_its_cut_is_caseness(
    depression: int | None, anxiety: int | None, expected: bool | None
) -> None:
    assert outcome(course((depression, 0), (anxiety, 0))).at_caseness is expected


@pytest.mark.parametrize(
    ("depression", "anxiety", "recovered"),
    [
        ((15, 9), (12, 7), True),
        ((15, 10), (12, 7), False),  # still at the cut on one
        ((15, 9), (12, 8), False),
        ((9, 3), (7, 3), False),  # was never at caseness
        ((10, 9), (7, 7), True),  # without any reliable improvement
    ],
)
def test_recovery_is_from_either_to_neither(
    depression: PointPair, anxiety: PointPair, recovered: bool
) -> None:
    assert outcome(course(depression, anxiety)).recovered is recovered


@pytest.mark.parametrize(
    ("depression", "anxiety", "improved", "deteriorated"),
    [
        ((15, 9), (10, 10), True, False),  # 6 on the PHQ-9
        ((15, 10), (10, 7), False, False),  # 5 and 3
        ((15, 15), (10, 6), True, False),  # 4 on the GAD-7
        ((15, 9), (10, 14), False, False),  # one better, one worse
        ((9, 15), (10, 10), False, True),
        ((9, 15), (10, 6), False, False),
    ],
)
def test_reliable_change_of_one_counts_unless_the_other_goes_against_it(
    depression: PointPair, anxiety: PointPair, improved: bool, deteriorated: bool
) -> None:
    found = outcome(course(depression, anxiety))
    assert (found.reliably_improved, found.reliably_deteriorated) == (improved, deteriorated)
    assert found.reliably_unchanged is not (improved or deteriorated)


def test_reliable_recovery_is_both() -> None:
    assert outcome(course((15, 9), (12, 7))).reliably_recovered
    assert not outcome(course((10, 9), (7, 7))).reliably_recovered


def test_a_course_without_both_pairs_has_no_outcome() -> None:
    found = outcome(course((15, 2), (12, None)))
    assert (found.paired, found.recovered, found.reliably_improved) == (False, False, False)
    assert not found.reliably_unchanged


def test_rates_divide_by_finished_courses_and_recovery_by_cases() -> None:
    recovered = course((15, 9), (12, 7))
    found = rates(
        map(
            outcome,
            [
                recovered,
                course((10, 9), (7, 7)),  # recovered, not reliably
                course((9, 15), (7, 7)),  # not at caseness; deteriorated
                course((20, 20), (15, 15)),  # unchanged
                course((None, None), (None, None)),  # unpaired: stays in both denominators
                recovered._replace(attended=1),  # not finished: counts nowhere
            ],
        )
    )
    assert (found.finished, found.not_at_caseness, found.paired) == (5, 1, 4)
    assert (found.recovery, found.reliable_recovery) == (2 / 4, 1 / 4)
    assert (found.reliable_improvement, found.reliable_deterioration) == (1 / 5, 1 / 5)
    assert found.no_reliable_change == 2 / 5


def test_without_courses_there_are_no_rates() -> None:
    assert rates([]).recovery is None
    assert rates([]).reliable_improvement is None
