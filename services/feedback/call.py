"""One bulk call, as far as its lines need to know of it."""

import msgspec

from services.feedback.admission import Actor
from services.feedback.chunks import Options, Pending
from services.feedback.places import EPISODE
from shared.privacy import IdentifierHasher


class Call(msgspec.Struct, frozen=True):
    """One bulk call, as far as its lines need to know of it."""

    actor: Actor
    options: Options
    hasher: IdentifierHasher
    correlation_id: str
    traceparent: str | None
    hashes: dict[str, str] = {}
    dry: dict[str, Pending] = {}
    audited: set[str] = set()

    def episode_hash(self, external_id: str | None) -> str | None:
        """The hash of an episode's external id; most of them come more than once."""
        if external_id is None:
            return None
        found = self.hashes.get(external_id)
        if found is None:
            found = self.hashes[external_id] = self.hasher.hash(EPISODE, external_id)
        return found

    def first_of(self, clients: set[str]) -> list[str]:
        """Those of the clients whom no chunk before has met."""
        new = sorted(clients - self.audited)
        self.audited.update(new)
        return new
