"""Machines that act for an organisation: made, looked up, given secrets and keys, revoked."""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from services.intake import secret_hashes
from services.intake.appending import append
from services.intake.domain import integration as domain
from services.intake.domain.integration import Integration
from services.intake.races import Queues, again_where_lost
from shared.contracts import Event
from shared.contracts.people import SignedOut
from shared.errors import NotFound, Unauthenticated
from shared.eventstore import EventStore, IdempotencyKey, StoredResponse
from shared.ids import is_id, new_id

SECRET_BYTES = 32


class Credentials(msgspec.Struct, frozen=True):
    """How an integration gets its tokens. The secret is shown once."""

    client_id: str
    client_secret: str


class Machines:
    """Fulfils what concerns the integrations of an organisation."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._queues = Queues()

    async def create(self, tenant: str, name: str, scopes: Iterable[str]) -> Credentials:
        """A machine with a secret."""
        integration_id = new_id()
        secret = secrets.token_urlsafe(SECRET_BYTES)
        hashed = await secret_hashes.make(secret)
        events = domain.register(integration_id, name, scopes, hashed)
        await append(self._store, tenant, stream_of(integration_id), 0, events)
        return Credentials(client_id_of(tenant, integration_id), secret)

    async def register(
        self,
        tenant: str,
        name: str,
        scopes: Iterable[str],
        jwks: str,
        show: Callable[[Integration, str | None], bytes],
        *,
        key: IdempotencyKey | None = None,
    ) -> StoredResponse:
        """A machine with these public keys, or with a secret where it has none.

        The secret is in the answer, and not in that to a repeated request.
        """
        if key is not None and (earlier := await self._store.stored_response(tenant, key)):
            return earlier
        integration_id = new_id()
        secret = None if jwks else secrets.token_urlsafe(SECRET_BYTES)
        hashed = await secret_hashes.make(secret) if secret else ""
        events = domain.register(integration_id, name, scopes, hashed, jwks)
        made = _existing(domain.fold(events))
        replayed = await append(
            self._store,
            tenant,
            stream_of(integration_id),
            0,
            events,
            key=key,
            answer=StoredResponse(201, show(made, None)),
        )
        return replayed or StoredResponse(201, show(made, secret))

    async def find(self, client_id: str) -> tuple[str, Integration]:
        """Tenant and integration of an OAuth client id; `Unauthenticated` if there is none."""
        tenant, integration_id = ids_of(client_id)
        events = await self._store.read(tenant, stream_of(integration_id))
        found = domain.fold([event.data for event in events])
        if found is None or found.revoked:
            raise Unauthenticated("The client is not known here.")
        return tenant, found

    async def get(self, tenant: str, integration_id: str) -> Integration:
        """One integration of the organisation; `NotFound` where there is none."""
        return (await self._load(tenant, integration_id))[0]

    async def many(self, tenant: str, streams: Iterable[str]) -> list[Integration]:
        """The integrations of these streams, in their order."""
        wanted = list(streams)
        found = await self._store.read_many(tenant, wanted)
        return [_existing(domain.fold([one.data for one in found[name]])) for name in wanted]

    async def add_secret(self, tenant: str, integration_id: str) -> tuple[Integration, str, str]:
        """One secret more: the integration, the secret's id and the secret itself, this once."""
        # Before the hash, which takes a while, is made for nothing.
        domain.add_secret(await self.get(tenant, integration_id), "", "")
        secret_id, secret = new_id(), secrets.token_urlsafe(SECRET_BYTES)
        hashed = await secret_hashes.make(secret)
        changed = await self._change(
            tenant, integration_id, lambda one: domain.add_secret(one, secret_id, hashed)
        )
        return changed, secret_id, secret

    async def remove_secret(self, tenant: str, integration_id: str, secret_id: str) -> Integration:
        """A secret opens nothing any more."""
        return await self._change(
            tenant, integration_id, lambda one: domain.remove_secret(one, secret_id)
        )

    async def set_keys(self, tenant: str, integration_id: str, jwks: str) -> Integration:
        """These public keys (a checked JWK set, or empty) sign its assertions from now on."""
        return await self._change(tenant, integration_id, lambda one: domain.set_keys(one, jwks))

    async def revoke(self, tenant: str, integration_id: str) -> Integration:
        """It may do nothing any more."""
        return await self._change(tenant, integration_id, domain.revoke)

    async def sign_out(self, tenant: str, integration_id: str, before: datetime) -> None:
        """Its tokens that were issued before are worth nothing any more."""
        stream = f"sign-in-{integration_id}"
        event = SignedOut(principal_id=integration_id, principal_kind="integration", before=before)

        async def attempt() -> None:
            heads = await self._store.heads(tenant, [stream])
            version = heads[stream].version if stream in heads else 0
            await append(self._store, tenant, stream, version, [event])

        await again_where_lost(self._queues, tenant, attempt)

    async def _change(
        self, tenant: str, integration_id: str, decide: Callable[[Integration], list[Event]]
    ) -> Integration:
        async def attempt() -> Integration:
            integration, version = await self._load(tenant, integration_id)
            events = decide(integration)
            await append(self._store, tenant, stream_of(integration_id), version, events)
            return _existing(domain.fold(events, integration))

        return await again_where_lost(self._queues, tenant, attempt)

    async def _load(self, tenant: str, integration_id: str) -> tuple[Integration, int]:
        events = await self._store.read(tenant, stream_of(integration_id))
        return _existing(domain.fold([event.data for event in events])), len(events)


def _existing(integration: Integration | None) -> Integration:
    if integration is None:
        raise NotFound("There is no such integration.")
    return integration


def stream_of(integration_id: str) -> str:
    """The stream of an integration."""
    return f"integration-{integration_id}"


def client_id_of(tenant: str, integration_id: str) -> str:
    """The OAuth client id: it names the tenant, so that nothing must look across tenants."""
    return f"{tenant}.{integration_id}"


def ids_of(client_id: str) -> tuple[str, str]:
    """Tenant and integration of an OAuth client id; `Unauthenticated` if it is none of ours."""
    tenant, _, integration_id = client_id.partition(".")
    if not is_id(tenant) or not is_id(integration_id):
        raise Unauthenticated("The client is not known here.")
    return tenant, integration_id
