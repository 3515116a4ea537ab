"""What a client's stream says of being erased, and who may decide it. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from shared.contracts import Event, Recorded
from shared.contracts.intake import (
    AliasesChanged,
    ClientDetailsCorrected,
    ClientErased,
    ClientRegistered,
    ClientsMerged,
    ClientsUnmerged,
    ErasureApproved,
    ErasureReason,
    ErasureRefused,
    ErasureRequested,
    RestrictionLifted,
)
from shared.contracts.people import SignInPolicySet
from shared.errors import Conflict, Gone, NotFound

Status = Literal["requested", "approved", "executing", "executed", "refused"]
OPEN: tuple[Status, ...] = ("requested", "approved", "executing")

KEY_BACKUPS = timedelta(days=30)
"""So long a backup of the keys may be kept."""

WAIT_DAYS = 7


class SamePerson(Conflict):
    """Whoever asked for it, by themselves or through a machine, decides: it takes two."""

    code, title = "same_person", "A second person must decide"


class Decided(Conflict):
    """It was decided otherwise before, or it is too late."""

    code, title = "decided", "Decided already"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the stream has it; reasons are None once the client is erased."""

    id: str
    requested_by: str
    reason: str | None = None
    status: Status = "requested"
    decided_by: str | None = None
    decision_reason: str | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A client as far as erasure is concerned; `version` is that of the stream."""

    client_id: str
    version: int = 0
    requests: dict[str, Request] = {}
    identifiers: int = 0
    """How many outside identifiers are held for them."""
    alias_of: str | None = None
    aliases: tuple[str, ...] = ()
    restricted: bool = False
    erased: bool = False

    @property
    def open_request(self) -> Request | None:
        """The request that is still to be decided or executed."""
        found = [one for one in self.requests.values() if one.status in OPEN]
        return found[-1] if found else None

    @property
    def everybody(self) -> set[str]:
        """The ids of the person whose main id this one is."""
        return {self.client_id, *self.aliases}


def fold(client_id: str, events: Iterable[Recorded[Event]]) -> Standing:
    """The client after `events` of their stream; version 0 where there is none."""
    standing = Standing(client_id=client_id)
    for one in events:
        changes = {"version": one.version, **_changes(standing, one.data)}
        standing = msgspec.structs.replace(standing, **changes)
    return standing


def _changes(standing: Standing, event: Event) -> dict[str, object]:
    match event:
        case ClientRegistered() | ClientDetailsCorrected():
            return {"identifiers": len(event.external_hashes)}
        case ClientsMerged():
            return {"alias_of": event.into}
        case ClientsUnmerged():
            return {"alias_of": None}
        case AliasesChanged():
            return {"aliases": tuple(event.aliases)}
        case RestrictionLifted():
            return {"restricted": False}
        case ClientErased():
            return {"erased": True, "requests": _all_executed(standing)}
        case ErasureRequested() | ErasureApproved() | ErasureRefused():
            request = _decided(standing, event)
            found: dict[str, object] = {"requests": {**standing.requests, request.id: request}}
            if isinstance(event, ErasureRefused):
                found["restricted"] = event.restricted
            return found
    return {}


def _decided(
    standing: Standing, event: ErasureRequested | ErasureApproved | ErasureRefused
) -> Request:
    reason = event.private.reason if event.private else None
    if isinstance(event, ErasureRequested):
        return Request(id=event.request_id, requested_by=event.requested_by, reason=reason)
    is_approval = isinstance(event, ErasureApproved)
    return msgspec.structs.replace(
        standing.requests[event.request_id],
        status="approved" if is_approval else "refused",
        decided_by=event.approved_by if isinstance(event, ErasureApproved) else event.refused_by,
        decision_reason=reason,
    )


def _all_executed(standing: Standing) -> dict[str, Request]:
    # The reasons are gone, also where a process still has the key in memory.
    return {
        name: msgspec.structs.replace(
            one,
            status="executed" if one.status in OPEN else one.status,
            reason=None,
            decision_reason=None,
        )
        for name, one in standing.requests.items()
    }


def existing(standing: Standing) -> Standing:
    """`standing` of somebody who is there; NotFound or Gone."""
    if not standing.version:
        raise NotFound("There is no such client.")
    if standing.erased:
        raise Gone("The client has been erased.")
    return standing


def request(standing: Standing, request_id: str, by: str, reason: str) -> list[Event]:
    """Somebody asks for it; nothing where somebody has already."""
    if existing(standing).open_request is not None:
        return []
    words = ErasureReason(reason=reason)
    return [
        ErasureRequested(
            request_id=request_id, client_id=standing.client_id, requested_by=by, private=words
        )
    ]


def approve(
    standing: Standing, request_id: str, by: str, reason: str | None, execute_at: datetime
) -> list[Event]:
    """A second person agrees; nothing where it is approved already."""
    found = existing(standing).requests[request_id]
    if found.requested_by == by:
        raise SamePerson("Who asked for the erasure cannot approve it.")
    if found.status != "requested":
        return _unless_otherwise(found, "approved")
    return [
        ErasureApproved(
            request_id=request_id,
            client_id=standing.client_id,
            approved_by=by,
            execute_at=execute_at,
            private=ErasureReason(reason=reason) if reason else None,
        )
    ]


def refuse(
    standing: Standing, request_id: str, by: str, reason: str, *, restrict: bool
) -> list[Event]:
    """It is not done, also where it was approved before."""
    found = existing(standing).requests[request_id]
    if found.status not in ("requested", "approved"):
        return _unless_otherwise(found, "refused")
    return [
        ErasureRefused(
            request_id=request_id,
            client_id=standing.client_id,
            refused_by=by,
            # What is restricted stays so until that is lifted.
            restricted=restrict or standing.restricted,
            private=ErasureReason(reason=reason),
        )
    ]


def lift(standing: Standing, by: str) -> list[Event]:
    """The data may be worked with again; nothing where it may be."""
    if not existing(standing).restricted:
        return []
    return [RestrictionLifted(client_id=standing.client_id, lifted_by=by)]


def _unless_otherwise(found: Request, wanted: Status) -> list[Event]:
    if found.status != wanted:
        raise Decided(f"The request is {found.status}.")
    return []


def wait_days(events: Iterable[Event]) -> int:
    """How long an organisation, whose stream has these events, waits after an approval."""
    said = [one.erasure_wait_days for one in events if isinstance(one, SignInPolicySet)]
    return said[-1] if said else WAIT_DAYS
