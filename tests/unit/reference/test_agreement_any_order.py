"""Whatever was done to ratings and in whatever order the services hear of it, they end where the
second implementation says that the ratings which stand lead."""

from operator import attrgetter
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.outcomes.domain.fold import evolve
from services.outcomes.domain.standards import shipped
from services.outcomes.domain.state import ClientState, canonical
from services.outcomes.domain.summary import Summary, summarise
from shared.contracts import Event, Recorded
from tests.reference import alerts, classify, evaluate
from tests.support.agreement import disagreements, in_table
from tests.unit.outcomes.story import rating_id
from tests.unit.reference.builders import BDI
from tests.unit.reference.courses import (
    ACTS,
    EPISODES,
    HISTORIES,
    Act,
    History,
    Rated,
    Services,
    batches,
    interleaved,
)

RULES = ["reliable_deterioration", "session_drop", "stalled", "lost_gain"]

Fate = tuple[str, str, str, str, bool, int]
"""An alert: episode, rule, rating that raised it, severity, open, repetitions."""


def heard(history: History, chance: Random) -> Services:
    """The services after they heard of it in some order, in some batches."""
    services = Services()
    for batch in batches(interleaved(history.events, chance), chance):
        services.hear(batch)
    return services


def of_reference(history: History) -> tuple[pd.DataFrame, list[Fate]]:
    """What the second implementation says of the ratings that stand, and their alerts."""
    judged = evaluate(history.table(), BDI)
    judged["class"] = classify(judged, BDI)
    fates = [
        (
            alert["client"],
            alert["rule"],
            raised_by(history, alert["client"], alert["opened_k"]),
            alert["severity"],
            pd.isna(alert["how"]),
            alert["repetitions"],
        )
        for alert in alerts(judged, BDI).to_dict("records")
    ]
    return judged, sorted(fates)


def raised_by(history: History, episode: str, ordinal: int) -> str:
    """The id of the so-manieth rating of an episode."""
    of_episode = [one for one in history.ratings.values() if EPISODES[one.episode] == episode]
    in_order: list[Rated] = sorted(of_episode, key=lambda one: (one.day, one.order))
    return rating_id(in_order[ordinal - 1].name)


def fates(services: Services) -> list[Fate]:
    """The alerts that stand."""
    return sorted(
        (
            one.series.episode_id,
            one.rule,
            one.causes[0],
            one.severity,
            not one.ended,
            len(one.causes) - 1,
        )
        for one in services.alerts.values()
        if one.status != "withdrawn"
    )


@pytest.mark.parametrize("gone", ["void", "move"])
def test_a_rating_that_follows_one_which_went_is_assessed(gone: str) -> None:
    history = History([("rate", 0, 0, 20), (gone, 0, 0, 0), ("rate", 0, 1, 30)])
    services = Services()
    for event in history.events:
        services.hear([event])
    assert sum(map(len, services.assessments().values())) == len(history.ratings)


@settings(deadline=None, max_examples=60)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_numbers_and_alerts_follow_from_the_ratings_that_stand(
    acts: list[Act], chance: Random
) -> None:
    history = History(acts)
    services = heard(history, chance)
    said = services.assessments()
    assert sum(map(len, said.values())) == len(history.ratings)
    if not history.ratings:
        return
    judged, expected = of_reference(history)
    # The one comes first that is first in the table.
    product = in_table({episode: said[episode] for episode in judged["client"].unique()}, RULES)
    for column in ("client", "k", "x", "first", "class", *RULES):
        assert disagreements(product[column], judged[column]) == [], column
    assert fates(services) == expected


@settings(deadline=None, max_examples=60)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_any_interleaving_of_what_was_said_and_assessed_gives_the_same_view(
    acts: list[Act], chance: Random
) -> None:
    history = History(acts)
    services = Services()
    services.hear(history.events)
    for one in services.said:
        story = history.stories[EPISODES.index(one.data.episode_id)]
        story.add(f"assessment-{one.data.episode_id}", one.data)
    in_order = folded(history.events)
    mixed = folded(interleaved(history.events, chance))
    assert canonical(mixed) == canonical(in_order)
    for episode in EPISODES:
        assert summaries(mixed, episode) == summaries(in_order, episode)


@settings(deadline=None, max_examples=60)
@given(HISTORIES, ACTS, st.randoms(use_true_random=False))
def test_a_void_restores_every_number_and_every_alert(
    acts: list[Act], wrong: Act, chance: Random
) -> None:
    history = History(acts)
    services = heard(history, chance)
    numbers, standing = services.assessments(), services.standing()
    before = len(history.stories[0].events), len(history.stories[1].events)
    _, which, day, score = wrong
    history.do("rate", which, day, score)
    history.do("void", len(history.ratings) - 1, 0, 0)
    news = [
        event
        for story, known in zip(history.stories, before, strict=True)
        for event in story.events[known:]
    ]
    for event in news:
        services.hear([event])
    assert len(news) == 2
    assert services.assessments() == numbers
    assert services.standing() == standing


def folded(events: list[Recorded[Event]]) -> ClientState:
    """The client as the events tell of them."""
    state = ClientState()
    for event in events:
        evolve(state, event)
    return state


def summaries(state: ClientState, episode: str) -> list[Summary]:
    """The series of an episode at a glance."""
    found = summarise(state, episode, shipped().definitions)
    return sorted(found, key=attrgetter("series_id"))
