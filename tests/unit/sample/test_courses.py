"""Invented clients follow the published figures, and their forms are such as clients fill in."""

from random import Random
from statistics import mean, median, stdev

from deploy.sample.courses import Course, Form, course, forms
from shared.measures import measure, score

SIZE = 3_000


def drawn(seed: int) -> list[tuple[Course, list[Form]]]:
    random = Random(seed)
    courses = [course(number, random) for number in range(SIZE)]
    return [(one, list(forms(one, random))) for one in courses]


SAMPLE = drawn(5)


def totals(key: str) -> list[list[float]]:
    found = []
    for _, filled_in in SAMPLE:
        scored = [score(measure(key), f.items).total for f in filled_in if f.measure == key]
        found.append([total / 10 for total in scored if total is not None])
    return [one for one in found if one]


def test_the_same_seed_gives_the_same_clients() -> None:
    assert drawn(5)[:20] == SAMPLE[:20]


def test_every_form_can_be_scored() -> None:
    for _, filled_in in SAMPLE:
        for form in filled_in:
            assert score(measure(form.measure), form.items).total is not None


def test_intake_and_change_on_the_ors() -> None:
    series = totals("ors")
    first = [one[0] for one in series]
    assert 16 <= mean(first) <= 19
    assert 7 <= stdev(first) <= 8.5
    pairs = [(one[0], one[-1]) for one in series if len(one) > 1]
    assert 0.55 <= mean(last - start >= 5 for start, last in pairs) <= 0.66
    assert 0.05 <= mean(start - last >= 5 for start, last in pairs) <= 0.10


def test_sessions_and_dropout() -> None:
    sessions = [one.sessions for one, _ in SAMPLE]
    assert median(sessions) == 5
    assert 6 <= mean(sessions) <= 7
    over = [one.ending for one, _ in SAMPLE if one.ending]
    assert 0.16 <= mean(ending == "unplanned" for ending in over) <= 0.25


def test_alliance_is_high_and_left_skewed() -> None:
    srs = [total for one in totals("srs") for total in one]
    assert 35.5 <= mean(srs) <= 37
    assert mean(srs) < median(srs)


def test_depression_falls_and_risk_is_rare() -> None:
    series = totals("phq-9")
    assert 13 <= mean(one[0] for one in series) <= 15.5
    assert 8.5 <= mean(one[-1] for one in series if len(one) > 1) <= 10.5
    ninth = [f.items["9"] for _, filled_in in SAMPLE for f in filled_in if f.measure == "phq-9"]
    assert 0.03 <= mean(value > 0 for value in ninth) <= 0.15
