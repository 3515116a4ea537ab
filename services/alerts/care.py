"""What there is to know of episodes: sessions from intake, forms from feedback, a row each.

An alert tells whether its episode goes on; the rules of time look at all of it.
"""

from collections.abc import Collection, Sequence

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alerts.care_rows import (
    ClientRow,
    EpisodeRow,
    FormRow,
    Rows,
    SessionRow,
    episodes_of,
)
from services.alerts.consumers import may_tell_of_risk
from services.alerts.domain.alert import is_historical
from services.alerts.domain.risk import Report
from shared.consuming import Incoming, Plan
from shared.contracts import Event, Recorded
from shared.contracts.feedback import (
    RatingCorrected,
    RatingDeclined,
    RatingMoved,
    RatingSubmitted,
    RatingVoided,
)
from shared.contracts.intake import (
    EpisodeClosed,
    EpisodeOpened,
    EpisodeReopened,
    MeasuringChanged,
    SessionChanged,
    SessionEnteredInError,
    SessionRecorded,
)
from shared.database import driver
from shared.privacy import Keyring, leave_sealed, open_all

CARE_GROUP = "alerts.care"

CLOSED = """
SELECT episode_id, closed_at IS NOT NULL AS closed FROM episodes
WHERE tenant = $1 AND episode_id = ANY($2::text[])
    AND (opened_at IS NOT NULL OR closed_at IS NOT NULL)
"""


class CarePlan(Plan):
    """The rows of a batch."""

    def __init__(self) -> None:
        self.rows = Rows()

    async def apply(self, conn: AsyncConnection) -> None:
        """Write the rows, and have the episodes looked at that they belong to."""
        rows, raw = self.rows, driver(conn)
        if rows.clients:
            at = max(row.told_at for row in rows.clients.values())
            for key in await episodes_of(raw, rows.clients):
                rows.touched.setdefault(key, at)
        await rows.save(raw)


class CareHandler:
    """Group `alerts.care`: keeps what rules of time look at."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> CarePlan:
        """The rows that `events` of intake and feedback lead to."""
        plan = CarePlan()
        envelopes = [one.envelope for one in events]
        asked = [one for one in envelopes if may_tell_of_risk(one)]
        opened = {one.id: one for one in await open_all(asked, self._keyring)} if asked else {}
        for envelope in envelopes:
            take(plan.rows, opened.get(envelope.id) or leave_sealed(envelope))
        return plan


def take(rows: Rows, one: Recorded[Event]) -> None:
    """Take in one event; those that say nothing of episodes change nothing."""
    rows.tenants.add(one.tenant)
    match one.data:
        case EpisodeOpened() | EpisodeClosed() | EpisodeReopened() as event:
            take_episode(rows, one, event)
        case SessionRecorded() | SessionChanged() | SessionEnteredInError() as event:
            take_session(rows, one, event)
        case MeasuringChanged() as event:
            client = ClientRow(one.tenant, event.client_id, event.state, one.recorded_at)
            rows.clients[one.tenant, event.client_id] = client
        case _:
            take_form(rows, one)


def take_episode(
    rows: Rows, one: Recorded[Event], event: EpisodeOpened | EpisodeClosed | EpisodeReopened
) -> None:
    """An episode begins, ends or goes on."""
    key = one.tenant, event.episode_id
    if isinstance(event, EpisodeOpened):
        rows.episodes[key] = EpisodeRow(
            *key, event.client_id, None, event.opened_at, one.recorded_at, event.imported
        )
    else:
        closed_at = event.closed_at if isinstance(event, EpisodeClosed) else None
        known = rows.episodes.get(key) or EpisodeRow(*key, event.client_id, None)
        rows.episodes[key] = known._replace(closed_at=closed_at)
    rows.touched[key] = one.recorded_at


def take_session(
    rows: Rows,
    one: Recorded[Event],
    event: SessionRecorded | SessionChanged | SessionEnteredInError,
) -> None:
    """A session was booked, changed, or never was."""
    key = one.tenant, event.episode_id, event.session_id
    if isinstance(event, SessionEnteredInError):
        rows.sessions[key] = None
    else:
        known = rows.sessions.get(key)
        rows.sessions[key] = SessionRow(
            *key,
            event.starts_at,
            event.ends_at,
            event.status,
            known.known_at if known is not None else one.recorded_at,
            one.recorded_at,
            isinstance(event, SessionRecorded) and event.imported,
        )
    rows.touched[one.tenant, event.episode_id] = one.recorded_at


def take_form(rows: Rows, one: Recorded[Event]) -> None:
    """A form was filled in, corrected or declined, or counts no more."""
    match one.data:
        case RatingDeclined() as event:
            rows.forms[one.tenant, event.episode_id, one.id] = declined(one, event)
        case RatingVoided() | RatingMoved() as event:
            rows.forms[one.tenant, event.episode_id, event.rating_id] = None
        case RatingSubmitted() | RatingCorrected() as event:
            key = one.tenant, event.episode_id, event.rating_id
            row, known = rated(one, event), rows.forms.get(key)
            if row.session_id is None and known is not None:
                row = row._replace(session_id=known.session_id)
            rows.forms[key] = row
        case _:
            return
    rows.touched[one.tenant, event.episode_id] = one.recorded_at


def rated(one: Recorded[Event], event: Report) -> FormRow:
    """A form that was filled in."""
    content = event.private
    answers = [flag.value for flag in content.risk if flag.value is not None] if content else []
    return FormRow(
        one.tenant,
        event.episode_id,
        event.rating_id,
        event.occurred_at,
        getattr(event, "session_id", None),
        False,
        one.recorded_at,
        event.imported,
        event.measure,
        event.rater_kind,
        event.rater_id,
        max(answers, default=None),
        is_historical(event.occurred_at, one.recorded_at, imported=event.imported),
    )


def declined(one: Recorded[Event], event: RatingDeclined) -> FormRow:
    """A form that was declined: an answer, too."""
    return FormRow(
        one.tenant,
        event.episode_id,
        one.id,
        event.at,
        event.session_id,
        True,
        one.recorded_at,
        False,
        event.measure,
        "self",
        None,
        None,
        False,
    )


async def load_closed(
    conn: asyncpg.Connection, tenant: str, episode_ids: Collection[str]
) -> dict[str, bool]:
    """Whether each episode is closed; those that nobody has told of yet are left out."""
    rows = await conn.fetch(CLOSED, tenant, list(episode_ids))
    return {row["episode_id"]: row["closed"] for row in rows}
