"""Organisations, their clinics, people and integrations: loaded, decided, appended."""

import secrets
from collections.abc import Iterable, Sequence

import msgspec

from services.intake import secret_hashes
from services.intake.domain import organisation as domain
from services.intake.domain.organisation import Integration
from services.intake.races import Queues, again_where_lost
from shared.contracts import Event
from shared.errors import NotFound, Unauthenticated
from shared.eventstore import Append, EventStore, IdempotencyKey, NewEvent, StoredResponse, Write
from shared.ids import is_id, new_id
from shared.privacy import Keyring
from shared.security import SCOPES
from shared.telemetry import current_traceparent

SECRET_BYTES = 32


class Credentials(msgspec.Struct, frozen=True):
    """How an integration gets its tokens. The secret is shown once."""

    client_id: str
    client_secret: str


class Organisations:
    """Fulfils what concerns organisations and those who act for them."""

    def __init__(self, store: EventStore, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._queues = Queues()

    async def register(self, name: str) -> str:
        """A new organisation; gives its id, which is the tenant of all that it does."""
        organisation_id = new_id()
        await self._keyring.create([(organisation_id, organisation_id)])
        events = domain.register(None, organisation_id, name)
        await self._append(organisation_id, _organisation_stream(organisation_id), 0, events)
        return organisation_id

    async def create_integration(
        self, organisation_id: str, name: str, scopes: Iterable[str] = SCOPES
    ) -> Credentials:
        """A machine that may act for the organisation within `scopes`; `NotFound` without it."""
        await self._check_known(organisation_id)
        integration_id = new_id()
        secret = secrets.token_urlsafe(SECRET_BYTES)
        events = domain.register_integration(
            integration_id, name, scopes, await secret_hashes.make(secret)
        )
        await self._append(organisation_id, f"integration-{integration_id}", 0, events)
        return Credentials(client_id_of(organisation_id, integration_id), secret)

    async def open_clinic(
        self, organisation_id: str, name: str, timezone: str, *, key: IdempotencyKey | None = None
    ) -> StoredResponse:
        """A new clinic; the answer with its id."""
        stream = _organisation_stream(organisation_id)
        clinic_id = new_id()
        body = msgspec.json.encode({"id": clinic_id, "name": name, "timezone": timezone})
        answer = StoredResponse(201, body)

        async def attempt() -> StoredResponse:
            history = await self._store.read(organisation_id, stream)
            organisation = domain.fold_organisation([event.data for event in history])
            if organisation is None:
                raise NotFound("There is no such organisation.")
            events = domain.open_clinic(organisation, clinic_id, name, timezone)
            return await self._append(
                organisation_id, stream, len(history), events, key=key, answer=answer
            )

        return await again_where_lost(self._queues, organisation_id, attempt)

    async def invite(
        self,
        organisation_id: str,
        name: str,
        email: str | None,
        roles: list[str],
        *,
        key: IdempotencyKey | None = None,
    ) -> StoredResponse:
        """A new member of staff; the answer with their id."""
        person_id = new_id()
        await self._keyring.create([(organisation_id, person_id)])
        events = domain.invite(person_id, name, email, roles)
        body = msgspec.json.encode({"id": person_id, "name": name, "email": email, "roles": roles})
        return await self._append(
            organisation_id,
            f"person-{person_id}",
            0,
            events,
            secret_of=person_id,
            key=key,
            answer=StoredResponse(201, body),
        )

    async def integration(self, client_id: str) -> tuple[str, Integration]:
        """Tenant and integration of an OAuth client id; `Unauthenticated` if there is none."""
        tenant, integration_id = ids_of(client_id)
        events = await self._store.read(tenant, f"integration-{integration_id}")
        found = domain.fold_integration([event.data for event in events])
        if found is None or found.revoked:
            raise Unauthenticated("The client is not known here.")
        return tenant, found

    async def _check_known(self, organisation_id: str) -> None:
        stream = _organisation_stream(organisation_id)
        if not await self._store.heads(organisation_id, [stream]):
            raise NotFound("There is no such organisation.")

    async def _append(
        self,
        tenant: str,
        stream: str,
        expected: int,
        events: Sequence[Event],
        *,
        secret_of: str = "",
        key: IdempotencyKey | None = None,
        answer: StoredResponse | None = None,
    ) -> StoredResponse:
        answer = answer or StoredResponse(201, b"")
        traceparent = current_traceparent()
        append = Append(
            tenant=tenant,
            stream=stream,
            expected=expected,
            events=[NewEvent(id=new_id(), data=event) for event in events],
            subject=tenant,
            secret_of=secret_of or tenant,
        )
        write = Write(
            tenant=tenant,
            appends=[append],
            idempotency=key,
            response=answer.body if key else b"",
            response_status=answer.status,
            secret_of=secret_of or tenant,
            traceparent=traceparent,
            correlation_id=traceparent[3:35] if traceparent else "",
        )
        written = await self._store.write(write)
        return written.replayed or answer


def _organisation_stream(organisation_id: str) -> str:
    return f"organisation-{organisation_id}"


def client_id_of(organisation_id: str, integration_id: str) -> str:
    """The OAuth client id: it names the tenant, so that nothing must look across tenants."""
    return f"{organisation_id}.{integration_id}"


def ids_of(client_id: str) -> tuple[str, str]:
    """Tenant and integration of an OAuth client id; `Unauthenticated` if it is none of ours."""
    tenant, _, integration_id = client_id.partition(".")
    if not is_id(tenant) or not is_id(integration_id):
        raise Unauthenticated("The client is not known here.")
    return tenant, integration_id
