"""Random histories of one client's two episodes, and what the services make of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter
from random import Random
from typing import NamedTuple

import pandas as pd
from hypothesis import strategies as st

from services.alerts.domain.alert import Alert, series_of
from services.alerts.domain.judged import JudgedSeries, put, words_of
from services.alerts.domain.reconcile import reconcile
from services.outcomes.domain.assessing import Derived, Speech, Touched, speak, take_in
from services.outcomes.domain.assessor_state import AssessorState
from services.outcomes.domain.standards import shipped
from shared.contracts import Event, Recorded
from shared.contracts.feedback import RatingContent, RatingMoved, RatingSubmitted
from shared.contracts.outcomes import Assessment, AssessmentWithdrawn
from shared.ids import derived_id
from tests.unit.outcomes.story import CLIENT, START, Story, rating_id

EPISODES = tuple(derived_id("test episode", name) for name in ("first", "second"))
DAYS, HIGHEST, MOST = 29, 63, 14

Act = tuple[str, int, int, int]
"""What is done, to which rating or episode, on which day, with which score."""

ACTS = st.tuples(
    st.sampled_from(["rate", "rate", "rate", "rate", "score", "day", "void", "move"]),
    st.integers(0, 999),
    st.integers(0, DAYS),
    st.integers(0, HIGHEST),
)
HISTORIES = st.lists(ACTS, min_size=4, max_size=3 * MOST)


class Rated(NamedTuple):
    """A rating as it stands: its episode (0 or 1), day, score (points) and order of recording."""

    name: str
    episode: int
    day: int
    score: int
    order: int


class History:
    """Two episodes of a client, begun on one day; many things are done to their ratings."""

    def __init__(self, acts: Iterable[Act]) -> None:
        self.stories = [Story(CLIENT, episode_id) for episode_id in EPISODES]
        self.ratings: dict[str, Rated] = {}
        self._count = 0
        self.stories[0].register()
        for story in self.stories:
            story.open()
        for act in acts:
            self.do(*act)

    @property
    def events(self) -> list[Recorded[Event]]:
        """All that happened, stream by stream."""
        return [event for story in self.stories for event in story.events]

    def do(self, what: str, which: int, day: int, score: int) -> None:
        """One more thing happens; nothing where there is no rating to which it could."""
        self._count += 1
        if what == "rate":
            one = Rated(f"rating {self._count}", which % 2, day, score, self._count)
            self.stories[one.episode].rate(one.name, 10 * score, day=day)
            self.ratings[one.name] = one
        elif self.ratings:
            one = list(self.ratings.values())[which % len(self.ratings)]
            self._change(what, one, day, score)

    def _change(self, what: str, one: Rated, day: int, score: int) -> None:
        story = self.stories[one.episode]
        match what:
            case "score":
                one = one._replace(score=score)
                story.correct(one.name, 10 * score, day=one.day)
            case "day":
                one = one._replace(day=day)
                story.correct(one.name, 10 * one.score, day=day)
            case "move":
                self._move(one)
                one = one._replace(episode=1 - one.episode, order=self._count)
            case "void":
                story.void(one.name)
                del self.ratings[one.name]
                return
        self.ratings[one.name] = one

    def _move(self, one: Rated) -> None:
        home, other = self.stories[one.episode], self.stories[1 - one.episode]
        leaving = RatingMoved(
            rating_id=rating_id(one.name),
            episode_id=home.episode_id,
            client_id=CLIENT,
            measure="bdi",
            to_episode_id=other.episode_id,
            private=None,
        )
        coming = RatingSubmitted(
            rating_id=rating_id(one.name),
            episode_id=other.episode_id,
            client_id=CLIENT,
            measure="bdi",
            definition_version=1,
            occurred_at=START + timedelta(days=one.day),
            moved_from=home.episode_id,
            private=RatingContent(total=10 * one.score),
        )
        home.add(f"feedback-{home.episode_id}", leaving)
        other.add(f"feedback-{other.episode_id}", coming)

    def table(self) -> pd.DataFrame:
        """The ratings that stand, as the second implementation takes them."""
        rows = sorted(self.ratings.values(), key=lambda one: (one.episode, one.order))
        found = [(EPISODES[one.episode], one.day, float(one.score)) for one in rows]
        return pd.DataFrame(found, columns=["client", "time", "value"])


def interleaved(events: Sequence[Recorded[Event]], chance: Random) -> list[Recorded[Event]]:
    """The events in another order in which each stream has its own."""
    streams: dict[str, list[Recorded[Event]]] = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    mixed = []
    while streams:
        name = chance.choice(sorted(streams))
        mixed.append(streams[name].pop(0))
        if not streams[name]:
            del streams[name]
    return mixed


def batches(
    events: Sequence[Recorded[Event]], chance: Random
) -> Iterable[Sequence[Recorded[Event]]]:
    """The events in batches of any size."""
    start = 0
    while start < len(events):
        size = chance.randint(1, 8)
        yield events[start : start + size]
        start += size


@dataclass
class Services:
    """The assessor, and the alerts that follow from what it says."""

    state: AssessorState = field(default_factory=AssessorState)
    said: list[Derived] = field(default_factory=list)
    judged: dict[str, JudgedSeries] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)

    def hear(self, batch: Sequence[Recorded[Event]]) -> None:
        """Take in a batch; the alerts follow at once."""
        touched: dict[str, Touched] = {}
        for event in batch:
            take_in(self.state, event, touched)
        for episode_id, mark in touched.items():
            news = speak(self.state, Speech(CLIENT, episode_id, mark, shipped()))
            self.said += news
            self._alert(news)

    def _alert(self, news: Sequence[Derived]) -> None:
        for event in (one.data for one in news):
            series = series_of(event)
            judged = put(self.judged.get(series.id, {}), words_of([event]))
            self.judged[series.id] = judged
            of_series = [one for one in self.alerts.values() if one.series == series]
            for change in reconcile(series, judged, of_series):
                self.alerts[change.alert.id] = change.alert

    def assessments(self) -> dict[object, list[Assessment]]:
        """What is said now of each rating, by episode and in clinical order."""
        latest: dict[str, dict[str, Assessment]] = {episode: {} for episode in EPISODES}
        for event in (one.data for one in self.said):
            of_episode = latest[event.episode_id]
            if isinstance(event, AssessmentWithdrawn):
                del of_episode[event.rating_id]
            elif event.private is not None:
                of_episode[event.rating_id] = event.private
        return {
            episode: sorted(found.values(), key=attrgetter("ordinal"))
            for episode, found in latest.items()
            if found
        }

    def standing(self) -> set[tuple[str, str, str, str, int]]:
        """The alerts that are not withdrawn: episode, rule, severity, status, repetitions."""
        return {
            (one.id, one.rule, one.severity, one.status, len(one.causes) - 1)
            for one in self.alerts.values()
            if one.status != "withdrawn"
        }
