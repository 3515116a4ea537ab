"""What feedback knows of an episode: enough to take a rating of it."""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from shared.contracts.intake import AgeGroup
from shared.errors import FieldError, Invalid

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
    """One client's course of care. `closed_at` is None while it is open."""

    id: str
    client_id: str
    age_group: AgeGroup
    opened_at: datetime
    closed_at: datetime | None = None


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
