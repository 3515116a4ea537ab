"""What a batch of events does to episodes: which are to be assessed, and how much of them."""

from datetime import UTC, datetime

import msgspec

from services.outcomes.domain.assessor_state import AssessorState
from services.outcomes.domain.fold import evolve
from services.outcomes.domain.state import ClientState
from shared.contracts import Event, Recorded
from shared.contracts.feedback import RatingSubmitted
from shared.contracts.intake import (
    ClientDetailsCorrected,
    ClientRegistered,
    SessionChanged,
    SessionEnteredInError,
    SessionRecorded,
)

CLIENT_EVENTS = (ClientRegistered, ClientDetailsCorrected)
SESSION_EVENTS = (SessionRecorded, SessionChanged, SessionEnteredInError)
EVER = datetime.min.replace(tzinfo=UTC)


class Touched(msgspec.Struct):
    """What a batch did to one episode.

    `cause_id` is its last event, `causes` the last event of each rating; `only_appended` says
    that all it did to series was to add ratings after those that were there. Ratings of the
    alliance from `alliance_since` on may be seen in another light.
    """

    cause_id: str
    only_appended: bool = True
    alliance_since: datetime | None = None
    causes: dict[str, str] = msgspec.field(default_factory=dict)


def take_in(state: AssessorState, event: Recorded[Event], touched: dict[str, Touched]) -> None:
    """Fold one event into the state, in place, and note in `touched` which episode to assess."""
    evolve(state.client, event)
    data = event.data
    if isinstance(data, CLIENT_EVENTS):
        # Norms may be of a sex.
        for each in state.client.said:
            touched.setdefault(each, Touched(event.id)).cause_id = event.id
    episode_id = getattr(data, "episode_id", None)
    if episode_id is None:
        return
    mark = touched.setdefault(episode_id, Touched(event.id))
    mark.cause_id = event.id
    rating_id = getattr(data, "rating_id", None)
    if rating_id is not None:
        mark.causes[rating_id] = event.id
    if isinstance(data, RatingSubmitted):
        mark.only_appended &= _is_last(state.client, data)
        mark.alliance_since = min(mark.alliance_since or data.occurred_at, data.occurred_at)
    elif rating_id is not None:
        mark.only_appended = False
    elif isinstance(data, SESSION_EVENTS):
        mark.alliance_since = EVER


def _is_last(client: ClientState, data: RatingSubmitted) -> bool:
    return any(
        series.ratings and series.ratings[-1].id == data.rating_id
        for series in client.said[data.episode_id].series
    )
