"""A machine that acts for an organisation: its scopes, its secrets and its public keys."""

from collections.abc import Iterable

import msgspec

from shared.contracts import Event
from shared.contracts.people import (
    IntegrationKeysSet,
    IntegrationRegistered,
    IntegrationRevoked,
    IntegrationSecretAdded,
    IntegrationSecretRemoved,
)
from shared.errors import Conflict, NotFound

MAX_SECRETS = 2
"""One in use and one that takes over."""


class TooManySecrets(Conflict):
    """There are two already."""

    code, title = "too_many_secrets", "Two secrets at a time"


class LastWayIn(Conflict):
    """Without it the integration could not get a token; it can be revoked."""

    code, title = "last_way_in", "Its last way in"


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as it stands: hashes of its secrets by their ids, and its JWK set in JSON."""

    id: str
    name: str
    scopes: frozenset[str]
    secrets: dict[str, str]
    jwks: str = ""
    revoked: bool = False

    @property
    def key_ids(self) -> list[str]:
        """The ids of its public keys."""
        return [one["kid"] for one in msgspec.json.decode(self.jwks)["keys"]] if self.jwks else []


def register(
    integration_id: str, name: str, scopes: Iterable[str], secret_hash: str, jwks: str = ""
) -> list[Event]:
    """A new machine, with a secret (never kept itself), keys, or both."""
    events: list[Event] = [
        IntegrationRegistered(
            integration_id=integration_id,
            name=name,
            scopes=sorted(scopes),
            secret_hash=secret_hash,
        )
    ]
    if jwks:
        events.append(IntegrationKeysSet(integration_id=integration_id, jwks=jwks))
    return events


def add_secret(integration: Integration, secret_id: str, secret_hash: str) -> list[Event]:
    """One secret more, so that the one in use can be replaced without a gap."""
    _check_active(integration)
    if len(integration.secrets) >= MAX_SECRETS:
        raise TooManySecrets("Remove one of the two secrets first.")
    added = IntegrationSecretAdded(
        integration_id=integration.id, secret_id=secret_id, secret_hash=secret_hash
    )
    return [added]


def remove_secret(integration: Integration, secret_id: str) -> list[Event]:
    """A secret opens nothing any more, and no token that came by it does."""
    _check_active(integration)
    if secret_id not in integration.secrets:
        raise NotFound("There is no such secret.")
    if len(integration.secrets) == 1 and not integration.jwks:
        raise LastWayIn("Add another secret or keys first, or revoke the integration.")
    return [IntegrationSecretRemoved(integration_id=integration.id, secret_id=secret_id)]


def set_keys(integration: Integration, jwks: str) -> list[Event]:
    """These public keys sign its assertions from now on; empty: none do."""
    _check_active(integration)
    if jwks == integration.jwks:
        return []
    if not jwks and not integration.secrets:
        raise LastWayIn("Add a secret first, or revoke the integration.")
    return [IntegrationKeysSet(integration_id=integration.id, jwks=jwks)]


def revoke(integration: Integration) -> list[Event]:
    """It may do nothing any more, for good; nothing where that holds."""
    return [] if integration.revoked else [IntegrationRevoked(integration_id=integration.id)]


def _check_active(integration: Integration) -> None:
    if integration.revoked:
        raise Conflict("The integration has been revoked.")


def fold(events: Iterable[Event], integration: Integration | None = None) -> Integration | None:
    """The integration after `events`."""
    for event in events:
        integration = _evolve(integration, event)
    return integration


def _evolve(integration: Integration | None, event: Event) -> Integration | None:
    if isinstance(event, IntegrationRegistered):
        # Its first secret has its own id; a machine that came with keys alone has none.
        secrets = {event.integration_id: event.secret_hash} if event.secret_hash else {}
        return Integration(
            id=event.integration_id,
            name=event.name,
            scopes=frozenset(event.scopes),
            secrets=secrets,
        )
    if integration is None:
        return None
    match event:
        case IntegrationSecretAdded():
            secrets = {**integration.secrets, event.secret_id: event.secret_hash}
            return msgspec.structs.replace(integration, secrets=secrets)
        case IntegrationSecretRemoved():
            secrets = {
                id_: kept for id_, kept in integration.secrets.items() if id_ != event.secret_id
            }
            return msgspec.structs.replace(integration, secrets=secrets)
        case IntegrationKeysSet():
            return msgspec.structs.replace(integration, jwks=event.jwks)
        case IntegrationRevoked():
            return msgspec.structs.replace(integration, revoked=True)
    return integration
