"""The life of alerts that rules raise, as the ratings of a series tell it."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.domain.alert import Alert
from services.alerts.domain.commands import Acknowledge, Resolve, decide
from services.alerts.domain.judged import put, words_of
from services.alerts.domain.spans import endings, spans
from shared.contracts.alerts import (
    AlertRaised,
    AlertRepeated,
    AlertResolved,
    AlertSourceChanged,
    AlertWithdrawn,
)
from shared.contracts.outcomes import Severity, Verdict
from shared.measures import RuleSet, default_rules
from tests.unit.alerts.builders import WORD, Ratings, assessed, verdict, withdrawn

YES, NO = verdict(True), verdict(False)


def drop(holds: bool, cleared: bool = False) -> Verdict:
    return verdict(holds, cleared=cleared, rule="session_drop", kind="point")


def kinds(events: Sequence[object]) -> list[type]:
    return [type(event) for event in events]


def test_an_alert_is_raised_once_and_repeated_while_open() -> None:
    ratings = Ratings()
    assert kinds(ratings.hear(assessed(1), assessed(2, YES))) == [AlertRaised]
    assert kinds(ratings.hear(assessed(3, YES))) == [AlertRepeated]
    assert ratings.hear(assessed(3, YES)) == []
    assert ratings.only.causes == ("rating-2", "rating-3")
    assert ratings.status() == "open"


def test_the_third_repetition_raises_the_severity_one_step() -> None:
    ratings = Ratings()
    severities = []
    for number in range(2, 7):
        ratings.hear(assessed(number, YES))
        severities.append(ratings.severity())
    assert severities == ["high", "high", "high", "urgent", "urgent"]


def test_a_state_ends_after_two_evaluated_ratings_without_it() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES), assessed(3, NO), assessed(4, YES), assessed(5, NO))
    assert ratings.status() == "open"
    # A rating on which the rule was not evaluated counts neither way.
    assert ratings.hear(assessed(6)) == []
    assert kinds(ratings.hear(assessed(7, NO))) == [AlertResolved]
    assert ratings.status() == "resolved"


def test_a_point_ends_where_it_is_cleared() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, drop(True)), assessed(3, drop(False)), assessed(4, drop(False)))
    assert ratings.status() == "open"
    ratings.hear(assessed(5, drop(False, cleared=True)))
    assert ratings.status() == "resolved"


def test_marks_and_prompts_raise_nothing() -> None:
    ratings = Ratings()
    assert ratings.hear(assessed(2, verdict(True, kind="mark"))) == []
    assert ratings.hear(assessed(3, verdict(True, kind="prompt"))) == []


def test_an_alert_whose_cause_is_corrected_away_is_withdrawn() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES))
    assert kinds(ratings.hear(assessed(2, NO, revised=True))) == [AlertWithdrawn]
    assert ratings.status() == "withdrawn"


def test_an_alert_whose_cause_is_void_is_withdrawn() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES))
    assert kinds(ratings.hear(withdrawn(2))) == [AlertWithdrawn]


def test_a_correction_undone_brings_the_same_alert_back() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES))
    before = ratings.only
    ratings.hear(assessed(2, NO, revised=True))
    assert kinds(ratings.hear(assessed(2, YES, revised=True))) == [AlertRaised]
    assert ratings.only.id == before.id
    assert ratings.status() == "open"
    assert ratings.only.version == 3


def test_an_ending_that_is_corrected_away_opens_the_alert_again() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES), assessed(3, NO), assessed(4, NO))
    assert ratings.status() == "resolved"
    ratings.hear(withdrawn(4))
    assert ratings.status() == "open"


def test_a_repetition_corrected_away_takes_its_severity_along() -> None:
    ratings = Ratings()
    ratings.hear(*(assessed(number, YES) for number in range(2, 6)))
    assert ratings.severity() == "urgent"
    assert kinds(ratings.hear(assessed(4, NO, revised=True))) == [AlertSourceChanged]
    assert ratings.severity() == "high"
    assert "rating-4" not in ratings.only.causes


def test_a_corrected_score_that_still_fires_changes_what_the_alert_says() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES))
    ratings.hear(assessed(2, verdict(True, latest=95), revised=True))
    assert ratings.only.content is not None
    assert ratings.only.content.inputs == {"latest": 95}


def test_a_corrected_time_is_told_by_the_alert() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES))
    before = ratings.only.occurred_at
    moved = msgspec.structs.replace(
        assessed(2, YES, revised=True), occurred_at=before - timedelta(days=1)
    )
    assert kinds(ratings.hear(moved)) == [AlertSourceChanged]
    assert ratings.only.occurred_at == before - timedelta(days=1)
    assert ratings.hear(moved) == []


def test_a_late_rating_that_fires_earlier_becomes_the_beginning() -> None:
    ratings = Ratings()
    ratings.hear(assessed(4, YES))
    ratings.hear(assessed(3, YES))
    statuses = {alert.causes: alert.status for alert in ratings.alerts.values()}
    assert statuses == {("rating-4",): "withdrawn", ("rating-3", "rating-4"): "open"}


def test_imported_ratings_raise_historical_alerts() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES, imported=True), assessed(3, YES, imported=True))
    assert ratings.only.historical


def test_seventy_two_hours_late_is_still_live_and_a_second_more_is_history() -> None:
    for late, historical in (
        (timedelta(hours=72), False),
        (timedelta(hours=72, microseconds=1), True),
    ):
        ratings = Ratings()
        ratings.hear(assessed(2, YES, late=late))
        assert ratings.only.historical is historical


def test_a_live_rating_makes_a_historical_alert_news() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES, imported=True))
    [repeated] = ratings.hear(assessed(3, YES))
    assert isinstance(repeated, AlertRepeated)
    assert repeated.notify
    assert not repeated.historical
    assert ratings.only.live_version == 2


def resolved_by_person(ratings: Ratings, alert: Alert) -> None:
    ratings.person(alert, *decide(alert, Resolve(actor="Dr A", reason="talked about it")))


def test_what_a_person_resolved_is_dealt_with_until_a_new_rating_fires() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES), assessed(3, YES))
    first = ratings.only
    resolved_by_person(ratings, first)
    assert ratings.hear(assessed(4, NO)) == []
    assert kinds(ratings.hear(assessed(5, YES))) == [AlertRaised]
    assert {alert.status for alert in ratings.alerts.values()} == {"resolved", "open"}


def test_what_a_person_resolved_is_not_withdrawn_by_a_correction() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES))
    resolved_by_person(ratings, ratings.only)
    assert ratings.hear(assessed(2, NO, revised=True)) == []
    assert ratings.status() == "resolved"


def test_an_acknowledged_alert_goes_on_and_ends_by_itself() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, YES))
    ratings.person(ratings.only, *decide(ratings.only, Acknowledge(actor="Dr A")))
    ratings.hear(assessed(3, YES))
    assert ratings.status() == "acknowledged"
    ratings.hear(assessed(4, NO), assessed(5, NO))
    assert ratings.status() == "resolved"


histories = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.sampled_from(["yes", "no", "drop", "cleared", "unevaluated", "void"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


def word(number: int, kind: str, imported: bool) -> WORD:
    said = {"yes": [YES], "no": [NO], "drop": [drop(True)], "cleared": [drop(False, True)]}
    if kind == "void":
        return withdrawn(number)
    return assessed(number, *said.get(kind, []), imported=imported)


@given(histories, st.data())
def test_standing_alerts_follow_from_the_last_word_on_each_rating_in_any_interleaving(
    history: list[tuple[int, str, bool]], data: st.DataObject
) -> None:
    words = [word(*entry) for entry in history]
    # Words on one rating keep their order; those on different ratings come as they like, in
    # batches of any size, and some of them twice.
    order = data.draw(st.permutations(range(len(words))))
    queues: dict[str, list[WORD]] = {}
    for one in words:
        queues.setdefault(one.rating_id, []).append(one)
    shuffled = [queues[words[index].rating_id].pop(0) for index in order]

    one_by_one, at_once = Ratings(), Ratings()
    for one in shuffled:
        one_by_one.hear(one)
        if data.draw(st.booleans()):
            one_by_one.hear(one)
        open_rules = [a.rule for a in one_by_one.alerts.values() if not a.ended]
        assert len(open_rules) == len(set(open_rules))
    at_once.hear(*words)
    assert one_by_one.standing.keys() == at_once.standing.keys()
    for alert_id, expected in at_once.standing.items():
        status, severity, _, causes = one_by_one.standing[alert_id]
        assert (status, severity, causes) == (expected[0], expected[1], expected[3])


def off_track(severity: Severity) -> Verdict:
    return verdict(True, rule="off_track", severity=severity)


def test_a_state_that_gets_more_severe_raises_its_open_alert() -> None:
    ratings = Ratings()
    ratings.hear(assessed(3, off_track("medium")))
    assert ratings.severity() == "medium"
    [repeated] = ratings.hear(assessed(4, off_track("high")))
    assert isinstance(repeated, AlertRepeated)
    assert repeated.severity == "high"
    ratings.hear(assessed(5, off_track("medium")))
    assert ratings.severity() == "high"


def test_the_third_repetition_goes_one_step_up_from_the_highest_so_far() -> None:
    ratings = Ratings()
    severities: list[Severity] = ["medium", "high", "medium", "medium", "high"]
    for number, severity in enumerate(severities, 3):
        ratings.hear(assessed(number, off_track(severity)))
    assert ratings.severity() == "urgent"


def test_a_repetition_that_turns_out_less_severe_takes_the_severity_back() -> None:
    ratings = Ratings()
    ratings.hear(assessed(3, off_track("medium")), assessed(4, off_track("high")))
    [changed] = ratings.hear(assessed(4, off_track("medium"), revised=True))
    assert isinstance(changed, AlertSourceChanged)
    assert ratings.severity() == "medium"
    assert ratings.only.causes == ("rating-3", "rating-4")


def test_a_state_ends_after_as_many_ratings_as_the_rules_of_its_organisation_say() -> None:
    own = RuleSet(
        key="own",
        version=3,
        rules=[msgspec.structs.replace(default_rules().rules[0], ends_after=3)],
    )
    words = [
        msgspec.structs.replace(assessed(number, one), rule_set_key="own", rule_set_version=3)
        for number, one in enumerate((YES, NO, NO, NO), 2)
    ]
    judged = put({}, words_of(words))
    [two] = spans("series", "reliable_deterioration", judged)
    [three] = spans("series", "reliable_deterioration", judged, ends_after=endings([own]))
    ended = [span.ended_by.rating_id for span in (two, three) if span.ended_by is not None]
    assert ended == ["rating-4", "rating-5"]
