"""What feedback knows of an episode: enough to take a rating of it."""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from shared.contracts.intake import AgeGroup
from shared.errors import Conflict, FieldError, Invalid

PRE_EPISODE = "pre_episode"
FOLLOW_UP = "follow_up"
PLACES = (PRE_EPISODE, FOLLOW_UP)
"""The flags that say where a rating lies beside its episode."""
LONGEST_BEFORE = timedelta(days=90)
"""A rating from longer before the opening belongs to some other episode."""


class Reference(NamedTuple):
    """How a caller names an episode: by our id, or by its own."""

    id: str | None = None
    external_id: str | None = None


class Episode(msgspec.Struct, frozen=True):
    """One client's course of care. `closed_at` is None while it is open.

    `declined_since` is when the client declined measuring, if they do. `restricted`: the law
    demands keeping what there is, and nobody works with it.
    """

    id: str
    client_id: str
    age_group: AgeGroup
    opened_at: datetime
    closed_at: datetime | None = None
    declined_since: datetime | None = None
    restricted: bool = False


class MeasuringDeclined(Conflict):
    """The client would rather not be measured; what they said before that is history."""

    code, title = "measuring_declined", "The client declines measuring"


def check_measuring(episode: Episode, occurred_at: datetime) -> None:
    """Raise MeasuringDeclined for a rating that was given after the client had declined."""
    if episode.declined_since is not None and occurred_at > episode.declined_since:
        raise MeasuringDeclined("The client had declined measuring by then.")


def check_time(occurred_at: datetime, latest: datetime) -> None:
    """Raise Invalid for a time in the future, which begins after `latest`."""
    if occurred_at > latest:
        raise Invalid(errors=[FieldError("/occurred_at", "lies in the future", "in_the_future")])


def place(
    episode: Episode, occurred_at: datetime, latest: datetime, pointer: str = "/occurred_at"
) -> list[str]:
    """The flags that follow from when a rating was given: before the opening, after the closing.

    Raises Invalid for one in the future (after `latest`) or more than 90 days before the opening;
    `pointer` is what of the request is to blame for that.
    """
    check_time(occurred_at, latest)
    if occurred_at < episode.opened_at - LONGEST_BEFORE:
        raise Invalid(
            errors=[
                FieldError(
                    pointer,
                    "more than 90 days before the episode was opened",
                    "before_episode",
                )
            ]
        )
    if occurred_at < episode.opened_at:
        return [PRE_EPISODE]
    if episode.closed_at is not None and occurred_at > episode.closed_at:
        return [FOLLOW_UP]
    return []
