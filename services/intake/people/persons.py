"""People and what their organisation asks of them, read from intake's own events and written."""

from typing import Literal

from services.intake.appending import append
from services.intake.domain import person as domain
from services.intake.domain.organisation import Organisation, fold
from services.intake.domain.person import Person
from services.intake.races import Queues, again_where_lost
from shared.clock import Clock
from shared.contracts.people import PrincipalKind, SignedOut, StaffRole
from shared.errors import NotFound
from shared.eventstore import EventStore
from shared.ids import is_id, new_id
from shared.privacy import Keyring


class Persons:
    """The people of all organisations, one organisation at a time."""

    def __init__(self, store: EventStore, keyring: Keyring, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self._queues = Queues()

    async def organisation(self, tenant: str) -> Organisation:
        """The organisation, with how its people sign in; `NotFound` where there is no such one."""
        known = is_id(tenant)
        history = await self._store.read(tenant, f"organisation-{tenant}") if known else []
        organisation = fold([event.data for event in history])
        if organisation is None:
            raise NotFound("There is no such organisation.")
        return organisation

    async def find(self, tenant: str, person_id: str) -> Person | None:
        """The person; None where nobody of that id was invited."""
        return (await self._read(tenant, person_id))[0]

    async def get(self, tenant: str, person_id: str) -> Person:
        """The person; `NotFound` where there is none."""
        person = await self.find(tenant, person_id)
        if person is None:
            raise NotFound("There is no such person.")
        return person

    async def invite(
        self,
        tenant: str,
        name: str,
        email: str | None,
        roles: frozenset[StaffRole],
        *,
        person_id: str | None = None,
    ) -> str:
        """Somebody new; gives their id. `WrongVersion` where they are known already."""
        person_id = person_id or new_id()
        await self._keyring.create([(tenant, person_id)])
        event = domain.invited(person_id, name, email, roles)
        await append(self._store, tenant, _stream(person_id), 0, [event], secret_of=person_id)
        return person_id

    async def join(
        self, tenant: str, person_id: str, how: Literal["password", "provider"]
    ) -> Person:
        """They have taken up the invitation; `Conflict` where they have no access any more."""

        async def attempt() -> Person:
            person, version = await self._read(tenant, person_id)
            if person is None:
                raise NotFound("There is no such person.")
            events = domain.join(person, how)
            await append(
                self._store, tenant, _stream(person_id), version, events, secret_of=person_id
            )
            return person

        return await again_where_lost(self._queues, tenant, attempt)

    async def regroup(self, tenant: str, person_id: str, roles: frozenset[StaffRole]) -> Person:
        """They have exactly these roles from now on; gives them as they stood before."""

        async def attempt() -> Person:
            person, version = await self._read(tenant, person_id)
            if person is None:
                raise NotFound("There is no such person.")
            events = domain.regroup(person, roles)
            await append(
                self._store, tenant, _stream(person_id), version, events, secret_of=person_id
            )
            return person

        return await again_where_lost(self._queues, tenant, attempt)

    async def sign_out(
        self,
        tenant: str,
        principal_id: str,
        kind: PrincipalKind,
        *,
        session_id: str | None = None,
    ) -> None:
        """Tokens of before are worth nothing any more: of one session, or all of them."""
        stream = f"sign-in-{principal_id}"

        async def attempt() -> None:
            heads = await self._store.heads(tenant, [stream])
            version = heads[stream].version if stream in heads else 0
            event = SignedOut(
                principal_id=principal_id,
                principal_kind=kind,
                before=self._clock(),
                session_id=session_id,
            )
            await append(self._store, tenant, stream, version, [event])

        await again_where_lost(self._queues, tenant, attempt)

    async def _read(self, tenant: str, person_id: str) -> tuple[Person | None, int]:
        if not is_id(person_id):
            return None, 0
        history = await self._store.read(tenant, _stream(person_id))
        return domain.fold_person([event.data for event in history]), len(history)


def _stream(person_id: str) -> str:
    return f"person-{person_id}"
