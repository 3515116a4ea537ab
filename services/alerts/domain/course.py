"""What rules of time look at: an episode with its sessions and forms, as known and as it was."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from services.alerts.domain.alert import LATE, Series
from services.alerts.domain.risk import FIRES_FROM
from shared.contracts.feedback import RaterKind
from shared.contracts.intake import MeasuringState
from shared.measures.rules.episodes import Answer, EpisodeSoFar, Session


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A session, since when we have known of it and when we were last told of it."""

    session: Session
    known_at: datetime
    told_at: datetime
    imported: bool = False

    @property
    def over_at(self) -> datetime | None:
        """Until when it stood as booked; None for one that was held."""
        match self.session.status:
            case "held":
                return None
            case "booked" | "missed":
                return self.session.starts_at
        return min(self.told_at, self.session.starts_at)


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A form that was filled in or declined, and when we were told.

    `risk` is the highest answer to a risk item in tenths, None where none came with it;
    `historical`: it came too late, or as history; `delivered`: its risk was told all the same.
    """

    id: str
    answer: Answer
    told_at: datetime
    imported: bool = False
    measure: str = ""
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    risk: int | None = None
    historical: bool = False
    delivered: bool = False


class Contact(NamedTuple):
    """Somebody was seen or heard (or the episode opened): at which event, and how we know."""

    id: str
    at: datetime
    told_at: datetime
    imported: bool

    def is_historical(self, moment: datetime) -> bool:
        """Whether what follows from it at `moment` was over and done with when we were told."""
        late = self.told_at - moment
        return late > LATE or (self.imported and moment <= self.told_at)


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One episode. `measuring_since` is when measuring was last switched on again; `speaks`: an
    alert on the client is told here, since the episode goes on or none after it does."""

    episode_id: str
    client_id: str
    opened_at: datetime
    told_at: datetime
    imported: bool = False
    closed_at: datetime | None = None
    bookings: tuple[Booking, ...] = ()
    forms: tuple[Form, ...] = ()
    measuring: MeasuringState = "on"
    measuring_since: datetime | None = None
    held_since: datetime | None = None
    speaks: bool = True

    @property
    def series(self) -> Series:
        """The key of alerts on the episode as a whole."""
        return Series(episode_id=self.episode_id, client_id=self.client_id, measure="")

    def is_open(self, at: datetime) -> bool:
        """Whether the episode was going on then."""
        return self.closed_at is None or self.closed_at > at

    def as_of(self, now: datetime) -> EpisodeSoFar:
        """The episode as rules see it at `now`: a booking counts once it had been made.

        What a client rated before the opening is no contact of this episode. Where measuring is
        off, nobody waits for a form.
        """
        sessions = [
            one.session
            for one in self.bookings
            if one.session.status != "booked" or one.known_at <= now
        ]
        return EpisodeSoFar(
            opened_at=self.opened_at,
            closed_at=None if self.is_open(now) else self.closed_at,
            sessions=sorted(sessions, key=lambda one: (one.starts_at, one.id)),
            answers=sorted(
                (one.answer for one in self.forms if one.answer.at >= self.opened_at),
                key=lambda one: one.at,
            ),
            session_feed=bool(self.bookings),
            held_up_since=self.held_since,
        )

    def last_contact(self, now: datetime) -> Contact:
        """The last held session or rating until `now`; the opening where there was none."""
        opening = Contact(self.episode_id, self.opened_at, self.told_at, self.imported)
        held = [
            Contact(one.session.id, one.session.starts_at, one.told_at, one.imported)
            for one in self.bookings
            if one.session.status == "held"
        ]
        rated = [
            Contact(one.id, one.answer.at, one.told_at, one.imported)
            for one in self.forms
            if not one.answer.declined and one.answer.at >= self.opened_at
        ]
        past = [one for one in (*held, *rated) if one.at <= now]
        return max(past, key=lambda one: (one.at, one.id), default=opening)

    @property
    def latest_on_risk(self) -> Form | None:
        """The latest rating to which a risk item was answered."""
        asked = [one for one in self.forms if one.risk is not None]
        return max(asked, key=lambda one: (one.answer.at, one.told_at, one.id), default=None)

    @property
    def history_told_at(self) -> datetime | None:
        """When we were last told of a historical rating."""
        return max((one.told_at for one in self.forms if one.historical), default=None)


def is_at_risk(form: Form) -> bool:
    """Whether a risk item was answered so that it fires."""
    return form.risk is not None and form.risk >= FIRES_FROM
