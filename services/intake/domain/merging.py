"""Clients who are one person: one of them goes on, the others are its aliases.

Nothing moves from stream to stream. What is asked of the person is answered from all of their
records, and where these differ in what may be done, the strictest counts.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from services.intake.domain.client_state import Client
from shared.contracts import Event
from shared.contracts.intake import (
    AliasesChanged,
    ClientsMerged,
    ClientsUnmerged,
    ConsentWithdrawn,
    MeasuringChanged,
    MeasuringState,
    MergeReason,
    Purpose,
)
from shared.errors import Conflict

MOST = 20
"""Aliases of one client: more of them are no mistake of registration."""

STRICTNESS: dict[MeasuringState, int] = {"on": 0, "paused": 1, "declined": 2}


class OnePerson(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who is the same person: the client who goes on, then its aliases.

    `defaults` is what holds where a client has not decided.
    """

    records: Sequence[Client]
    defaults: Mapping[Purpose, bool]

    @property
    def one(self) -> Client:
        """The client who goes on."""
        return self.records[0]

    @property
    def birth_date(self) -> date | None:
        """When the person was born, as whichever record knows it, the first one first."""
        known = (record.details.birth_date for record in self.records if record.details)
        return next((born for born in known if born is not None), None)

    @property
    def restricted(self) -> bool:
        """Whether nobody works with what is kept."""
        return any(record.restricted for record in self.records)

    @property
    def measuring(self) -> MeasuringState:
        """Whether the person is measured."""
        return max((record.measuring for record in self.records), key=STRICTNESS.__getitem__)

    def agrees(self, purpose: Purpose) -> bool:
        """Whether every record agrees, by decision or else by default."""
        return all(record.agrees(purpose, self.defaults) for record in self.records)

    def decided(self, purpose: Purpose) -> bool:
        """Whether there is any decision about the purpose."""
        return any(record.consent(purpose) is not None for record in self.records)


def merge(person: OnePerson, into: OnePerson, reason: str) -> dict[str, list[Event]]:
    """What follows for each record where `person` is found to be `into`, who goes on.

    Those who were aliases of `person` become aliases of `into`.
    """
    aliases = [*(one.id for one in into.records[1:]), *(one.id for one in person.records)]
    if len(aliases) > MOST:
        raise Conflict(f"A client can have at most {MOST} aliases.")
    why = MergeReason(reason=reason)
    merged: dict[str, list[Event]] = {
        record.id: [ClientsMerged(client_id=record.id, into=into.one.id, private=why)]
        for record in person.records
    }
    return merged | {into.one.id: [AliasesChanged(client_id=into.one.id, aliases=aliases)]}


def unmerge(
    alias: Client, one: Client, defaults: Mapping[Purpose, bool], reason: str, now: datetime
) -> dict[str, list[Event]]:
    """What follows where `alias` is not `one` after all.

    Both are as they were. What was agreed to while they were one is not taken for agreed to by
    who had not agreed alone.
    """
    left = [client_id for client_id in one.aliases if client_id != alias.id]
    why = MergeReason(reason=reason)
    events: list[Event] = [ClientsUnmerged(client_id=alias.id, was=one.id, private=why)]
    return {
        alias.id: [*events, *_restored(alias, defaults, now)],
        one.id: [AliasesChanged(client_id=one.id, aliases=left)],
    }


def _restored(alias: Client, defaults: Mapping[Purpose, bool], now: datetime) -> list[Event]:
    alone = alias.alone
    if alone is None:
        return []
    events: list[Event] = [
        ConsentWithdrawn(client_id=alias.id, purpose=purpose, at=now)
        for purpose in alias.decisions
        if alias.agrees(purpose, defaults) and not alone.consents.get(purpose, defaults[purpose])
    ]
    if STRICTNESS[alone.measuring] > STRICTNESS[alias.measuring]:
        events.append(MeasuringChanged(client_id=alias.id, state=alone.measuring))
    return events
