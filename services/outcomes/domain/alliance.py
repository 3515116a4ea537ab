"""What a form on the alliance is judged with: the session it is about, how the client is then.

Such a form is about the session just held. Filled in late, with the next session already held, it
still belongs to the one that it names: what was rated after that does not count for it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from services.outcomes.domain.standards import Definitions
from services.outcomes.domain.state import Care, Rating, Series, Session


class Standing(NamedTuple):
    """The number of the session (from 1, among those held), and how much better the primary
    measure is than its baseline (tenths; worse is negative). None: unknown."""

    session: int | None = None
    outcome_gain: int | None = None


UNKNOWN = Standing()
"""Of a rating that is not about the alliance."""


def standing_at(
    rating: Rating, held: Sequence[Session], outcome: Series | None, definitions: Definitions
) -> Standing:
    """What a rating of the alliance is judged with; `held` are the sessions held, in order."""
    place = place_of(rating, held)
    if outcome is None:
        return Standing(place + 1 if place is not None else None)
    ratings, at = outcome.ratings, rating.occurred_at
    end = bisect_right(ratings, at, key=_occurred_at)
    if place is not None and place + 1 < len(held) and held[place + 1].starts_at <= at:
        end = bisect_left(ratings, held[place + 1].starts_at, key=_occurred_at)
    gain = gain_of(outcome.measure, ratings[:end], definitions)
    return Standing(place + 1 if place is not None else None, gain)


_occurred_at = attrgetter("occurred_at")


def place_of(rating: Rating, held: Sequence[Session]) -> int | None:
    """Which of the sessions held a form is about: the one that it names, else the last that had
    begun. None where neither is known."""
    if rating.session_id is not None:
        for place, one in enumerate(held):
            if one.id == rating.session_id:
                return place
    begun = bisect_right(held, rating.occurred_at, key=_starts_at)
    return begun - 1 if begun else None


def _starts_at(session: Session) -> datetime:
    return session.starts_at


def gain_of(measure: str, ratings: Sequence[Rating], definitions: Definitions) -> int | None:
    """How much better the last of `ratings` is than the first (tenths), of those with a score."""
    scored = [
        (one.total, definitions[measure, one.definition_version].sign)
        for one in ratings
        if one.total is not None and (measure, one.definition_version) in definitions
    ]
    if not scored:
        return None
    latest, sign = scored[-1]
    return sign * (latest - scored[0][0])


def held_sessions(care: Care) -> list[Session]:
    """The sessions that were held, by their start."""
    return [one for one in care.sessions if one.status == "held"]


def outcome_series(series: Sequence[Series], primary: str | None, of: Series) -> Series | None:
    """The series that says how the client is: on the primary measure, by the rater of the form
    on the alliance, else by the client."""
    found = {
        (one.rater_kind, one.rater_id): one
        for one in series
        if one.measure == primary and one.ratings
    }
    return found.get((of.rater_kind, of.rater_id)) or found.get(("self", None))
