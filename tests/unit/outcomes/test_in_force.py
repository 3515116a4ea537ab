"""A rating is judged by what was in force when it was recorded, by nothing that came later."""

from datetime import timedelta
from decimal import Decimal

import msgspec

from services.outcomes.domain.standards import Standards, shipped
from shared.contracts.intake import ClientDetails
from shared.contracts.outcomes import AssessmentRevised, RatingAssessed
from shared.measures import RuleSet, default_rules
from shared.measures.expected import Curve
from shared.measures.norms import NormSet
from shared.measures.rule_set import Effective
from shared.measures.thresholds import ReliableChange
from tests.unit.outcomes.listener import Listener
from tests.unit.outcomes.story import START, Story, rating_id, recorded_on

FROM = 20
"""The day from which what is published counts."""


def a_curve(version: int = 1, *, day: float = FROM) -> Curve:
    """People with 20 points get to 10 and stay there, give or take one."""
    return Curve(
        measure="bdi",
        age_group="adult",
        version=version,
        kind="fitted",
        effective_from=START + timedelta(days=day),
        intercept=10.0,
        slope=0.0,
        baseline_effect=0.0,
        interaction=0.0,
        baseline_mean=20.0,
        g00=0.0,
        g01=0.0,
        g11=0.0,
        variance=1.0,
        longest=20,
    )


def with_curves(*curves: Curve) -> Standards:
    """What ships, and these."""
    return shipped()._replace(curves={("bdi", "adult"): curves})


def of_rules(version: int, *names: str, day: float = FROM) -> Standards:
    """What ships, and from a day on these rules of it alone."""
    rules = [one for one in default_rules().rules if one.id in names]
    chosen = RuleSet(key="ours", version=version, rules=rules)
    return shipped()._replace(rule_sets=[Effective(START + timedelta(days=day), chosen)])


def weekly(story: Story, *totals: int) -> None:
    """A rating a week, recorded on its day."""
    for week, total in enumerate(totals):
        recorded = recorded_on(story.rate(str(week), total, day=7 * week), 7 * week)
        story.events[-1] = recorded


def versions(listener: Listener) -> dict[str, int]:
    """By which version of the rules each rating was last judged."""
    return {
        one.data.rating_id: one.data.rule_set_version
        for one in listener.said
        if isinstance(one.data, RatingAssessed | AssessmentRevised)
    }


def test_a_curve_speaks_of_the_ratings_recorded_under_it_alone() -> None:
    story, listener = Story(), Listener()
    listener.standards = with_curves(a_curve())
    story.open()
    weekly(story, *[200] * 5)
    listener.hear(*story.events)
    # Day 21 is the first under the curve, so day 28 is the second rating off the track in a row.
    assert listener.holding("off_track") == {rating_id("4")}


def test_without_a_fitted_curve_nobody_is_off_the_track() -> None:
    story, listener = Story(), Listener()
    story.open()
    weekly(story, *[200] * 5)
    listener.hear(*story.events)
    assert listener.holding("off_track") == set()


def test_word_of_a_curve_comes_with_each_rating() -> None:
    story, listener = Story(), Listener()
    listener.standards = with_curves(a_curve(), a_curve(2, day=27))
    story.open()
    weekly(story, *[200] * 5)
    listener.hear(*story.events)
    found = [
        one.data.curve_version for one in listener.said if isinstance(one.data, RatingAssessed)
    ]
    assert found == [None, None, None, 1, 2]


def test_what_counts_is_when_a_rating_was_recorded_and_not_when_it_occurred() -> None:
    story, listener = Story(), Listener()
    listener.standards = with_curves(a_curve())
    story.open()
    weekly(story, 200, 200)
    listener.hear(*story.events)
    [late] = listener.hear(recorded_on(story.rate("late", 200, day=10), 25))
    assert isinstance(late.data, RatingAssessed)
    assert late.data.curve_version == 1


def test_a_curve_of_clients_is_not_held_against_others() -> None:
    story, listener = Story(), Listener()
    listener.standards = with_curves(a_curve(day=-1))
    story.open()
    for week in range(5):
        story.rate(str(week), 200, day=7 * week, rater="caretaker")
    listener.hear(*story.events)
    assert listener.holding("off_track") == set()


def test_raters_have_series_of_their_own() -> None:
    story, listener = Story(), Listener()
    story.open()
    story.rate("own", 200, day=0)
    story.rate("caretaker's", 300, day=1, rater="caretaker")
    story.rate("own again", 210, day=7)
    listener.hear(*story.events)
    assert listener.holding("reliable_deterioration") == set()
    assert {one.baseline for one in listener.standing().values() if one is not None} == {200, 300}


def test_rules_judge_what_is_recorded_from_their_beginning_on() -> None:
    story, listener = Story(), Listener()
    listener.standards = of_rules(7, "session_drop")
    story.open()
    weekly(story, 200, 300, 310, 400)
    listener.hear(*story.events)
    assert [versions(listener)[rating_id(str(week))] for week in range(4)] == [2, 2, 2, 7]
    assert listener.holding("reliable_deterioration") == {rating_id("1"), rating_id("2")}
    assert listener.holding("session_drop") == {rating_id("1"), rating_id("3")}


def test_a_late_rating_leaves_the_others_to_the_rules_that_they_were_judged_by() -> None:
    story, listener = Story(), Listener()
    listener.standards = of_rules(7, "session_drop")
    story.open()
    weekly(story, 200, 300, 310, 400)
    listener.hear(*story.events)
    listener.hear(recorded_on(story.rate("late", 100, day=-1), 40))
    assert [versions(listener)[rating_id(str(week))] for week in range(4)] == [2, 2, 2, 7]
    assert versions(listener)[rating_id("late")] == 7


def test_other_defaults_of_newer_code_leave_the_past_alone() -> None:
    story, listener = Story(), Listener()
    story.open()
    weekly(story, 200, 300)
    listener.hear(*story.events)
    newer = msgspec.structs.replace(default_rules(), version=99)
    listener.standards = shipped(newer)
    listener.hear(story.rate("late", 190, day=-1))
    assert versions(listener)[rating_id("0")] == versions(listener)[rating_id("1")] == 2
    assert versions(listener)[rating_id("late")] == 99


def test_only_a_command_judges_the_past_by_the_rules_of_today() -> None:
    story, listener = Story(), Listener()
    story.open()
    weekly(story, 200, 300)
    listener.hear(*story.events)
    listener.standards = of_rules(7, "session_drop")
    listener.hear(story.session("heard of", day=1))
    assert set(versions(listener).values()) == {2}
    revised = listener.doubt("an order", START + timedelta(days=FROM))
    assert [type(one.data) for one in revised] == [AssessmentRevised] * 2
    assert all(isinstance(one.data, AssessmentRevised) and one.data.imported for one in revised)
    assert listener.holding("reliable_deterioration") == set()
    assert listener.holding("session_drop") == {rating_id("1")}
    assert listener.doubt("another order", START + timedelta(days=FROM)) == []
    # What comes later finds them as the command left them.
    listener.hear(recorded_on(story.rate("2", 210, day=14), 14))
    listener.hear(story.correct("0", 190, day=0))
    assert versions(listener)[rating_id("0")] == versions(listener)[rating_id("1")] == 7
    assert versions(listener)[rating_id("2")] == 2


def test_what_needs_no_new_word_gets_none_by_command() -> None:
    story, listener = Story(), Listener()
    story.open()
    weekly(story, 200, 300, 310)
    listener.hear(*story.events)
    assert listener.doubt("an order", START + timedelta(days=FROM)) == []


def test_a_rating_waits_for_its_definition_as_if_it_had_not_come() -> None:
    own = msgspec.structs.replace(shipped().definitions["bdi", 1], key="ours", version=4)
    story, listener = Story(), Listener()
    story.open()
    story.rate("first", 400, day=0, measure="ours", definition=4)
    story.rate("bdi 1", 200, day=1)
    story.rate("bdi 2", 300, day=8)
    listener.hear(*story.events)
    assert listener.standing().keys() == {rating_id("bdi 1"), rating_id("bdi 2")}
    assert listener.holding("reliable_deterioration") == {rating_id("bdi 2")}
    listener.standards = shipped()._replace(definitions={**shipped().definitions, ("ours", 4): own})
    listener.doubt("the definition")
    assert rating_id("first") in listener.standing()
    # It is the first measure of the episode after all, and the other one's signals are marks.
    assessment = listener.standing()[rating_id("bdi 2")]
    assert assessment is not None
    assert {one.kind for one in assessment.verdicts if one.holds} == {"mark"}


def test_each_version_of_a_measure_has_its_own_thresholds() -> None:
    first = shipped().definitions["bdi", 1]
    change = msgspec.structs.replace(first.published_change, value=Decimal(20))  # type: ignore[type-var]
    second = msgspec.structs.replace(first, version=2, published_change=change)
    story, listener = Story(), Listener()
    listener.standards = shipped()._replace(
        definitions={**shipped().definitions, ("bdi", 2): second}
    )
    story.open()
    story.rate("a", 200, day=0)
    story.rate("b", 300, day=7)
    story.rate("c", 310, day=14, definition=2)
    story.rate("d", 400, day=21, definition=2)
    listener.hear(*story.events)
    assert listener.holding("reliable_deterioration") == {rating_id("b"), rating_id("d")}


def by_sex() -> Standards:
    """The measure with a reliable change of its own for one sex: 20 points."""
    bdi = shipped().definitions["bdi", 1]
    change = ReliableChange(value=Decimal(20), reached=">=", basis="published")
    norms = [NormSet(age_groups=["adult"], sex="female", reliable_change=change, source="a test")]
    changed = msgspec.structs.replace(bdi, norms=norms)
    return shipped()._replace(definitions={**shipped().definitions, ("bdi", 1): changed})


def test_norms_of_a_sex_count_for_it_alone_whenever_it_is_told() -> None:
    story, listener = Story(), Listener()
    listener.standards = by_sex()
    story.open()
    story.rate("a", 200, day=0)
    story.rate("b", 300, day=7)
    listener.hear(*story.events)
    assert listener.holding("reliable_deterioration") == {rating_id("b")}
    listener.hear(story.register(ClientDetails(sex_for_norms="female")))
    assert listener.holding("reliable_deterioration") == set()
    listener.hear(story.correct_details(ClientDetails(sex_for_norms="male")))
    assert listener.holding("reliable_deterioration") == {rating_id("b")}
