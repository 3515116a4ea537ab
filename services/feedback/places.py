"""Where a rating goes: the episode that a caller names, which may not be known here yet."""

from collections.abc import Sequence
from typing import NamedTuple

from services.feedback.consumers import GROUP
from services.feedback.domain.episode import Episode, Reference
from services.feedback.lookup import (
    Found,
    Holder,
    Known,
    Question,
    Reader,
    look_up,
    stream_of_measure,
)
from shared.consuming.arrival import arrived
from shared.database import Database
from shared.errors import NotFound
from shared.eventstore import Claim
from shared.privacy import IdentifierHasher, Keyring
from shared.web.ndjson import chunks

AT_ONCE = 5_000
"""Episodes that one query looks for."""

EPISODE, RATING = "episode", "rating"
"""The kinds of outside identifiers."""


class Place(NamedTuple):
    """The episode, who has the external id of the rating already, and the version of the stream of
    its measure (0: the organisation never spoke of it)."""

    known: Known
    holder: Holder | None
    measure: int


def claim_stream(hasher: IdentifierHasher, external_id: str) -> str:
    """The stream of the claim on a rating's external id."""
    return f"claim-{RATING}-{hasher.hash(RATING, external_id)}"


def claim_of(tenant: str, stream: str, episode: Episode, rating_id: str) -> Claim:
    """The claim of a rating on its external id."""
    ref = Holder(episode.id, rating_id).ref
    return Claim(tenant=tenant, stream=stream, ref=ref, subject=episode.client_id)


class Places:
    """Finds episodes; waits for those that intake may have opened a moment ago."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._reader = Reader(database, keyring)

    async def find(
        self,
        tenant: str,
        reference: Reference,
        *,
        claim: str | None = None,
        measure: str | None = None,
    ) -> Place:
        """The place that `reference` names, for a rating with that claim and on that measure.

        Raises NotFound if there is none, NotYetHere if that cannot be told yet.
        """
        external = None
        if reference.external_id is not None:
            hasher = await self._keyring.hasher(tenant)
            external = hasher.hash(EPISODE, reference.external_id)
        ids = frozenset([reference.id] if reference.id else ())
        hashes = frozenset([external] if external else ())
        streams = (claim, stream_of_measure(measure) if measure else None)
        asked = Question(ids, hashes, frozenset(one for one in streams if one))

        async def look() -> Found | None:
            found = await self._reader.find(tenant, asked)
            # What others asked at the same moment is among the answers.
            return found if pick(found, reference.id, external) else None

        found = await self._reader.find(tenant, asked)
        known = pick(found, reference.id, external)
        if known is None:
            arrived_now = await arrived(
                self._database, group=GROUP, service="intake", id=reference.id, lookup=look
            )
            known = arrived_now and pick(arrived_now, reference.id, external)
            found = arrived_now or found
        if known is None:
            raise NotFound("There is no such episode.")
        return Place(
            known,
            found.claims.get(claim) if claim else None,
            found.measures.get(measure, 0) if measure else 0,
        )

    async def settle(self, tenant: str, named: Sequence[Reference]) -> None:
        """Wait until every episode that is named is known, or certain not to exist.

        Raises NotYetHere if that cannot be told in time.
        """
        hasher = await self._keyring.hasher(tenant)
        missing = set(named)

        async def look() -> bool | None:
            """Strike off what is known by now; True once that is all."""
            for some in chunks(list(missing), AT_ONCE):
                hashes = {
                    one: hasher.hash(EPISODE, one.external_id) for one in some if one.external_id
                }
                ids = frozenset(one.id for one in some if one.id)
                asked = Question(ids, frozenset(hashes.values()), frozenset())
                found = await look_up(self._database, tenant, asked)
                missing.difference_update(
                    one for one in some if pick(found, one.id, hashes.get(one)) is not None
                )
            return True if not missing else None

        if await look() is None:
            await arrived(self._database, group=GROUP, service="intake", id=None, lookup=look)


def pick(found: Found, id_: str | None, external: str | None) -> Known | None:
    """The episode of that id, or of that hash, among the answers to many."""
    if id_ is not None:
        return found.by_id.get(id_)
    return found.by_hash.get(external) if external is not None else None
