"""Organisations with their clinics, teams and policies: loaded, decided, appended."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from services.intake.appending import append
from services.intake.domain import organisation as domain
from services.intake.domain.organisation import (
    Clinic,
    IdentityProvider,
    Organisation,
    SignInPolicy,
    Team,
)
from services.intake.domain.person import invited
from services.intake.machines import Credentials, Machines
from services.intake.races import Queues, again_where_lost
from shared.contracts import Event
from shared.contracts.intake import Purpose
from shared.contracts.people import StaffRole
from shared.errors import FieldError, Invalid, NotFound
from shared.eventstore import EventStore, IdempotencyKey, StoredResponse
from shared.ids import new_id
from shared.privacy import Keyring
from shared.security import SCOPES

Decide = Callable[[Organisation], list[Event]]
Show = Callable[[Organisation], bytes]


class Organisations:
    """Fulfils what concerns organisations as such."""

    def __init__(self, store: EventStore, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._machines = Machines(store)
        self._queues = Queues()

    async def register(self, name: str) -> str:
        """A new organisation; gives its id, which is the tenant of all that it does."""
        organisation_id = new_id()
        await self._keyring.create([(organisation_id, organisation_id)])
        events = domain.register(None, organisation_id, name)
        await append(self._store, organisation_id, stream_of(organisation_id), 0, events)
        return organisation_id

    async def create_integration(
        self, organisation_id: str, name: str, scopes: Iterable[str] = SCOPES
    ) -> Credentials:
        """A machine that may act for the organisation within `scopes`; `NotFound` without it."""
        if not await self._store.heads(organisation_id, [stream_of(organisation_id)]):
            raise NotFound("There is no such organisation.")
        return await self._machines.create(organisation_id, name, scopes)

    async def get(self, organisation_id: str) -> Organisation:
        """The organisation as it stands; `NotFound` where there is none."""
        return (await self._load(organisation_id))[0]

    async def open_clinic(
        self, organisation_id: str, name: str, timezone: str, *, key: IdempotencyKey | None = None
    ) -> StoredResponse:
        """A new clinic; the answer with its id."""
        clinic = Clinic(id=new_id(), name=name, timezone=timezone)
        body = msgspec.json.encode(clinic)
        return await self._change(
            organisation_id, lambda one: domain.open_clinic(one, clinic), 201, lambda _: body, key
        )

    async def form_team(
        self, organisation_id: str, team: Team, status: int, *, key: IdempotencyKey | None = None
    ) -> StoredResponse:
        """A team as it is from now on; `Invalid` where it names people whom nobody knows."""
        await self._check_people(organisation_id, team)
        body = msgspec.json.encode(team)
        return await self._change(
            organisation_id,
            lambda one: domain.form_team(one, team),
            status,
            lambda _: body,
            key,
        )

    async def set_consents(
        self,
        organisation_id: str,
        defaults: dict[Purpose, bool],
        show: Show,
        *,
        key: IdempotencyKey | None = None,
    ) -> StoredResponse:
        """What holds for clients who have not decided, from now on."""
        return await self._change(
            organisation_id, lambda one: domain.set_consents(one, defaults), 200, show, key
        )

    async def set_sign_in(
        self,
        organisation_id: str,
        policy: SignInPolicy,
        show: Show,
        *,
        key: IdempotencyKey | None = None,
    ) -> StoredResponse:
        """Who needs a second factor and how long erasures wait, from now on."""
        return await self._change(
            organisation_id, lambda one: domain.set_sign_in(one, policy), 200, show, key
        )

    async def set_provider(
        self,
        organisation_id: str,
        provider: IdentityProvider | None,
        show: Show,
        *,
        key: IdempotencyKey | None = None,
    ) -> StoredResponse:
        """Where people sign in from now on; None: here alone."""
        return await self._change(
            organisation_id, lambda one: domain.set_provider(one, provider), 200, show, key
        )

    async def invite(
        self,
        organisation_id: str,
        name: str,
        email: str | None,
        roles: Sequence[StaffRole],
        *,
        key: IdempotencyKey | None = None,
    ) -> StoredResponse:
        """A new member of staff; the answer with their id."""
        person_id = new_id()
        await self._keyring.create([(organisation_id, person_id)])
        body = {"id": person_id, "name": name, "email": email, "roles": sorted(set(roles))}
        content = msgspec.json.encode(body | {"active": True, "joined": False})
        answer = StoredResponse(201, content)
        replayed = await append(
            self._store,
            organisation_id,
            f"person-{person_id}",
            0,
            [invited(person_id, name, email, set(roles))],
            secret_of=person_id,
            key=key,
            answer=answer,
        )
        return replayed or answer

    async def _change(
        self,
        organisation_id: str,
        decide: Decide,
        status: int,
        show: Show,
        key: IdempotencyKey | None,
    ) -> StoredResponse:
        """Decide on the organisation as it stands, and show it as it stands then."""
        if key is not None and (earlier := await self._store.stored_response(organisation_id, key)):
            return earlier

        async def attempt() -> StoredResponse:
            organisation, version = await self._load(organisation_id)
            events = decide(organisation)
            answer = StoredResponse(status, show(domain.fold(events, organisation) or organisation))
            stream = stream_of(organisation_id)
            replayed = await append(
                self._store, organisation_id, stream, version, events, key=key, answer=answer
            )
            return replayed or answer

        return await again_where_lost(self._queues, organisation_id, attempt)

    async def _load(self, organisation_id: str) -> tuple[Organisation, int]:
        history = await self._store.read(organisation_id, stream_of(organisation_id))
        organisation = domain.fold([event.data for event in history])
        if organisation is None:
            raise NotFound("There is no such organisation.")
        return organisation, len(history)

    async def _check_people(self, organisation_id: str, team: Team) -> None:
        wanted = {one: f"person-{one}" for one in (*team.lead_ids, *team.member_ids)}
        known = await self._store.heads(organisation_id, sorted(wanted.values()))
        unknown = [
            FieldError(f"/{field}/{index}", "There is no such person.", "unknown")
            for field, ids in (("lead_ids", team.lead_ids), ("member_ids", team.member_ids))
            for index, id_ in enumerate(ids)
            if wanted[id_] not in known
        ]
        if unknown:
            raise Invalid(errors=unknown)


def stream_of(organisation_id: str) -> str:
    """The stream of an organisation."""
    return f"organisation-{organisation_id}"
