"""Names of claims: stream heads that say who holds an outside identifier.

An identifier is never in a name: `claim-<kind>-<keyed hash>`. Other services compute the same
hashes (`hasher.hash("client", external_id)`, `hasher.hash("episode", external_id)`) and meet them
in `external_hashes` and `external_hash` of the events.
"""

from typing import Literal

from shared.contracts.intake import ClientDetails
from shared.privacy import IdentifierHasher

ExternalKind = Literal["client", "episode", "session"]


def client_stream(client_id: str) -> str:
    """The stream of a client."""
    return f"client-{client_id}"


def episode_stream(episode_id: str) -> str:
    """The stream of an episode."""
    return f"episode-{episode_id}"


def person_stream(person_id: str) -> str:
    """The stream of a member of staff."""
    return f"person-{person_id}"


def session_id_claim(session_id: str) -> str:
    """Where a session is found by our own id; refers to its episode."""
    return f"claim-session-id-{session_id}"


class ClaimNames:
    """The claims of one tenant's outside identifiers."""

    def __init__(self, hasher: IdentifierHasher) -> None:
        self._hasher = hasher
        self._known: dict[tuple[str, ...], str] = {}

    def external(self, kind: ExternalKind, external_id: str) -> str:
        """The claim on the caller's own id of a client, episode or session."""
        return f"claim-{kind}-{self.hash(kind, external_id)}"

    def identifier(self, system: str, value: str) -> str:
        """The claim on a number of the outside world."""
        return f"claim-identifier-{self.hash('identifier', system, value)}"

    def hash(self, kind: str, *parts: str) -> str:
        """The keyed hash of an identifier."""
        key = (kind, *parts)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._hasher.hash(kind, *parts)
        return known

    def of_client(self, details: ClientDetails) -> list[str]:
        """Everything that a client with these details holds."""
        held = [self.identifier(one.system, one.value) for one in details.identifiers]
        if details.external_id is not None:
            held.append(self.external("client", details.external_id))
        return held

    def hashes(self, details: ClientDetails) -> tuple[str, ...]:
        """The keyed hashes of all outside identifiers of a client."""
        return tuple(claim.rpartition("-")[2] for claim in self.of_client(details))
