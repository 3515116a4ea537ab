"""What callers ask for, with references that are not looked up yet."""

from datetime import datetime

import msgspec

from services.intake.domain.episode import ChangeTeam, Close, Reopen, Transfer
from services.intake.domain.sessions import SessionFacts
from shared.contracts.intake import (
    AgeGroup,
    ClientDetails,
    Identifier,
    MeasuringState,
    Purpose,
    Relation,
    Sight,
)


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """A thing by our id, or by the caller's own. One of the two is given."""

    id: str | None = None
    external_id: str | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """Base. `if_match`: do it only if the thing's stream is at this version."""

    if_match: int | None = None


class PutClient(Intent, frozen=True, kw_only=True):
    """Register a client, or say again what is known of one with the same `external_id`.

    `as_of` is when the details were so; `by` is the member of staff who registers.
    """

    details: ClientDetails
    as_of: datetime | None = None
    by: str | None = None


class PatchClient(Intent, frozen=True, kw_only=True):
    """Replace these fields of `ClientDetails`."""

    client: Ref
    changes: dict[str, object]
    as_of: datetime | None = None


class DecideConsent(Intent, frozen=True, kw_only=True):
    """Record a client's decision; `at` is now where it is not said."""

    client: Ref
    purpose: Purpose
    given: bool
    at: datetime | None = None
    given_by: str | None = None
    wording_version: str | None = None


class SetMeasuring(Intent, frozen=True, kw_only=True):
    """Measure, pause or stop measuring."""

    client: Ref
    state: MeasuringState
    reason: str | None = None


class RelatePerson(Intent, frozen=True, kw_only=True):
    """Somebody is close to a client; with `related_id`, one who is known is so from now on."""

    client: Ref
    related_id: str | None = None
    relation: Relation
    name: str | None = None
    may_see: tuple[Sight, ...] = ()


class PartPerson(Intent, frozen=True, kw_only=True):
    """Somebody is not close to a client any more."""

    client: Ref
    related_id: str


class MergeClients(Intent, frozen=True, kw_only=True):
    """A client is the same person as `into`, who goes on."""

    client: Ref
    into: Ref
    reason: str


class UnmergeClients(Intent, frozen=True, kw_only=True):
    """A client is not the same person after all."""

    client: Ref
    reason: str


class PutEpisode(Intent, frozen=True, kw_only=True):
    """Open an episode, or say again how one with the same `external_id` was opened."""

    client: Ref
    external_id: str | None = None
    opened_at: datetime
    age_group: AgeGroup | None = None
    clinician_id: str | None = None
    clinic_id: str | None = None


class ChangeEpisode(Intent, frozen=True, kw_only=True):
    """Close, reopen or transfer an episode, or say who cares."""

    episode: Ref
    command: Close | Reopen | Transfer | ChangeTeam


class PutSession(Intent, frozen=True, kw_only=True):
    """Record a session, or say again what is known of one with the same `external_id`."""

    episode: Ref
    external_id: str | None = None
    facts: SessionFacts
    in_error: bool = False


class ReplaceSession(Intent, frozen=True, kw_only=True):
    """The session is like this; `episode` and `external_id` must be its own where given."""

    session_id: str
    episode: Ref | None = None
    external_id: str | None = None
    facts: SessionFacts
    in_error: bool = False


class Look(Intent, frozen=True, kw_only=True):
    """Asks to see, and to change nothing."""

    client: Ref | None = None
    episode: Ref | None = None
    identifier: Identifier | None = None
