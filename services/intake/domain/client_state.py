"""A client as their events tell: who it is, what they agree to, who is close to them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import singledispatch

import msgspec

from shared.contracts import Event
from shared.contracts.intake import (
    AliasesChanged,
    ClientDetails,
    ClientDetailsCorrected,
    ClientErased,
    ClientRegistered,
    ClientsMerged,
    ClientsUnmerged,
    ConsentDecision,
    ConsentGiven,
    ConsentWithdrawn,
    ErasureRefused,
    MeasuringChanged,
    MeasuringState,
    Purpose,
    RelatedPersonAdded,
    RelatedPersonRemoved,
    Relation,
    RestrictionLifted,
    Sight,
)

DEFAULT_CONSENTS: dict[Purpose, bool] = {
    "supervision": True,
    "service_statistics": True,
    "integrations": True,
    "research": False,
}
"""What holds until the client, or the organisation for all of its clients, decides."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the client about one purpose; `at` is when they made it."""

    given: bool
    at: datetime
    given_by: str | None = None
    wording_version: str | None = None


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody close to a client, and what they may see of them."""

    id: str
    relation: Relation
    may_see: tuple[Sight, ...] = ()
    name: str | None = None


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """What a client had decided by themselves, before they were found to be somebody known."""

    consents: dict[Purpose, bool]
    measuring: MeasuringState


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client as they stand. `details` is None once they are erased."""

    id: str
    details: ClientDetails | None
    as_of: datetime | None = None
    """When the details were so, where that is known."""
    hashes: tuple[str, ...] = ()
    measuring: MeasuringState = "on"
    decisions: dict[Purpose, tuple[Consent, ...]] = {}
    """All decisions about a purpose in the order in which they were made."""
    related: dict[str, Related] = {}
    alias_of: str | None = None
    """The client who is the same person and goes on; None where that is this one."""
    was_alias: bool = False
    aliases: tuple[str, ...] = ()
    alone: "Alone | None" = None
    """Of an alias: what they had decided themselves before they were merged."""
    restricted: bool = False
    """The law demands keeping, and nobody works with it."""

    def consent(self, purpose: Purpose) -> Consent | None:
        """The decision that stands: the last one made, whenever it was heard of."""
        made = self.decisions.get(purpose)
        return made[-1] if made else None

    def agrees(self, purpose: Purpose, defaults: Mapping[Purpose, bool]) -> bool:
        """Whether the purpose is agreed to, by decision or else by default."""
        decided = self.consent(purpose)
        return decided.given if decided else defaults[purpose]


@singledispatch
def evolve(event: Event, client: Client | None) -> Client | None:
    """The client after `event`; events of other matters change nothing."""
    return client


@evolve.register
def _(event: ClientRegistered, client: Client | None) -> Client:
    hashes = tuple(event.external_hashes)
    return Client(id=event.client_id, details=event.private, hashes=hashes, as_of=event.as_of)


@evolve.register
def _(event: ClientDetailsCorrected, client: Client) -> Client:
    hashes = tuple(event.external_hashes)
    return msgspec.structs.replace(
        client, details=event.private, hashes=hashes, as_of=event.as_of or client.as_of
    )


@evolve.register
def _(event: MeasuringChanged, client: Client) -> Client:
    return msgspec.structs.replace(client, measuring=event.state)


@evolve.register(ConsentGiven)
@evolve.register(ConsentWithdrawn)
def _(event: ConsentGiven | ConsentWithdrawn, client: Client) -> Client:
    words = event.private or ConsentDecision()
    consent = Consent(
        given=isinstance(event, ConsentGiven),
        at=event.at,
        given_by=words.given_by,
        wording_version=words.wording_version,
    )
    # Of two decisions of one moment, the one heard of last stands.
    made = sorted((*client.decisions.get(event.purpose, ()), consent), key=lambda one: one.at)
    decisions = {**client.decisions, event.purpose: tuple(made)}
    return msgspec.structs.replace(client, decisions=decisions)


@evolve.register
def _(event: RelatedPersonAdded, client: Client) -> Client:
    somebody = Related(
        id=event.related_id,
        relation=event.relation,
        may_see=tuple(event.may_see),
        name=event.private.name if event.private else None,
    )
    return msgspec.structs.replace(client, related={**client.related, somebody.id: somebody})


@evolve.register
def _(event: RelatedPersonRemoved, client: Client) -> Client:
    left = {id_: one for id_, one in client.related.items() if id_ != event.related_id}
    return msgspec.structs.replace(client, related=left)


@evolve.register
def _(event: ClientsMerged, client: Client) -> Client:
    decided = {purpose: made[-1].given for purpose, made in client.decisions.items()}
    alone = client.alone or Alone(consents=decided, measuring=client.measuring)
    return msgspec.structs.replace(
        client, alias_of=event.into, was_alias=True, aliases=(), alone=alone
    )


@evolve.register
def _(event: ClientsUnmerged, client: Client) -> Client:
    return msgspec.structs.replace(client, alias_of=None, alone=None)


@evolve.register
def _(event: AliasesChanged, client: Client) -> Client:
    return msgspec.structs.replace(client, aliases=tuple(event.aliases))


@evolve.register
def _(event: ErasureRefused, client: Client) -> Client:
    return msgspec.structs.replace(client, restricted=event.restricted)


@evolve.register
def _(event: RestrictionLifted, client: Client) -> Client:
    return msgspec.structs.replace(client, restricted=False)


@evolve.register
def _(event: ClientErased, client: Client) -> Client:
    return msgspec.structs.replace(client, details=None, related={})


def fold(events: Iterable[Event], client: Client | None = None) -> Client | None:
    """The client after all of `events`."""
    for event in events:
        client = evolve(event, client)
    return client
