"""Asking for an erasure and deciding it: load, decide, append, and keep the row beside it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from services.intake.claims import client_stream
from services.intake.domain.person import Person, fold_person
from services.intake.erasure import domain, table
from services.intake.erasure.domain import Decided, Standing, Status
from services.intake.erasure.table import Confirmation, Row
from services.intake.races import Queues, again_where_lost
from shared.clock import Clock
from shared.contracts import Event
from shared.database import Database, driver
from shared.errors import FieldError, Forbidden, Invalid, NotFound
from shared.eventstore import Append, EventStore, NewEvent, Write
from shared.ids import new_id
from shared.security import Principal
from shared.telemetry import current_trace_id, current_traceparent

ADMINISTRATOR = "administrator"


class NotAdministrator(Forbidden):
    """The person for whom a machine acts may not decide this."""

    code, title = "not_administrator", "Not an administrator"


class Receipt(NamedTuple):
    """A request, why it was made and decided, and who has confirmed that nothing is left."""

    row: Row
    request: domain.Request | None
    confirmations: Sequence[Confirmation]


class Change(NamedTuple):
    """What a command leads to: an event, and the statement on the row beside it, if any."""

    event: Event
    statement: str = ""
    arguments: tuple[object, ...] = ()


class Erasures:
    """The requests of all tenants, as people make and decide them."""

    def __init__(self, database: Database, store: EventStore, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._queues = Queues()

    async def who(self, principal: Principal, actor: str | None, *, decides: bool) -> str:
        """In whose name the caller acts: their own, or of the person whom a machine names.

        To decide, a machine must name an administrator. Raises Invalid and NotAdministrator.
        """
        if principal.kind != "integration":
            if actor not in (None, principal.id):
                raise wrong_actor("People act for themselves.", "not_yourself")
            return principal.id
        if actor is None:
            if decides:
                raise wrong_actor("A machine names the person who decides.", "actor_needed")
            return principal.id
        person = await self._person(principal.tenant, actor)
        if person is None or not person.active:
            raise wrong_actor("There is no such person, or they have no access.", "unknown_person")
        if decides and ADMINISTRATOR not in person.roles:
            raise NotAdministrator("An administrator decides this.")
        return actor

    async def request(self, tenant: str, client_id: str, by: str, reason: str) -> tuple[Row, bool]:
        """Somebody asks that a client be erased: the request, and whether it is new."""

        async def attempt() -> tuple[Row, bool]:
            standing = await self._standing(tenant, client_id)
            request_id, now = new_id(), self._clock()
            events = domain.request(standing, request_id, by, reason)
            if not events and (known := standing.open_request) is not None:
                return await self._row(tenant, known.id), False
            arguments = (tenant, request_id, client_id, by, now)
            await self._write(tenant, standing, Change(events[0], table.ADD, arguments))
            return await self._row(tenant, request_id), True

        return await again_where_lost(self._queues, tenant, attempt)

    async def approve(self, tenant: str, request_id: str, by: str, reason: str | None) -> Row:
        """A second person agrees; it is executed after the organisation's time to think."""
        now = self._clock()
        said = await self._store.read(tenant, f"organisation-{tenant}")
        execute_at = now + timedelta(days=domain.wait_days(one.data for one in said))

        def decide(standing: Standing) -> list[Event]:
            return domain.approve(standing, request_id, by, reason, execute_at)

        arguments = (tenant, request_id, by, now, execute_at)
        return await self._decide(tenant, request_id, decide, table.APPROVE, arguments)

    async def refuse(
        self, tenant: str, request_id: str, by: str, reason: str, *, restrict: bool
    ) -> Row:
        """It is not done; with `restrict`, nobody works with the data from now on."""

        def decide(standing: Standing) -> list[Event]:
            return domain.refuse(standing, request_id, by, reason, restrict=restrict)

        arguments = (tenant, request_id, by, self._clock(), restrict)
        return await self._decide(tenant, request_id, decide, table.REFUSE, arguments)

    async def lift(self, tenant: str, client_id: str, by: str) -> None:
        """The data of a restricted client may be worked with again."""

        async def attempt() -> None:
            standing = await self._standing(tenant, client_id)
            for event in domain.lift(standing, by):
                await self._write(tenant, standing, Change(event))

        await again_where_lost(self._queues, tenant, attempt)

    async def page(
        self, tenant: str, statuses: Sequence[Status], before: str, limit: int
    ) -> list[Row]:
        """Requests, the newest first."""
        async with self._database.session(tenant) as conn:
            return await table.page(driver(conn), tenant, statuses, before, limit)

    async def receipt(self, tenant: str, request_id: str) -> Receipt:
        """All there is to know of a request; NotFound."""
        row = await self._row(tenant, request_id)
        standing = await self._standing(tenant, row.client_id)
        async with self._database.session(tenant) as conn:
            said = await table.confirmations(driver(conn), tenant, row.client_ids)
        return Receipt(row, standing.requests.get(request_id), said)

    async def _decide(
        self,
        tenant: str,
        request_id: str,
        decide: Callable[[Standing], list[Event]],
        statement: str,
        arguments: tuple[object, ...],
    ) -> Row:
        async def attempt() -> Row:
            row = await self._row(tenant, request_id)
            standing = await self._standing(tenant, row.client_id)
            for event in decide(standing):
                await self._write(tenant, standing, Change(event, statement, arguments))
            return await self._row(tenant, request_id)

        return await again_where_lost(self._queues, tenant, attempt)

    async def _write(self, tenant: str, standing: Standing, change: Change) -> None:
        """Append the event and change the row, or neither."""
        write = Write(
            tenant=tenant,
            appends=[append(tenant, standing, [NewEvent(id=new_id(), data=change.event)])],
            correlation_id=current_trace_id() or new_id(),
            traceparent=current_traceparent(),
        )
        async with self._database.session(tenant) as conn:
            await self._store.write_in(conn, [write])
            if not change.statement:
                return
            done = await driver(conn).execute(change.statement, *change.arguments)
            if done == "UPDATE 0":
                raise Decided("It is being executed.")

    async def _row(self, tenant: str, request_id: str) -> Row:
        async with self._database.session(tenant) as conn:
            found = await table.find(driver(conn), tenant, request_id)
        if found is None:
            raise NotFound("There is no such request.")
        return found

    async def _standing(self, tenant: str, client_id: str) -> Standing:
        return domain.fold(client_id, await self._store.read(tenant, client_stream(client_id)))

    async def _person(self, tenant: str, person_id: str) -> Person | None:
        events = await self._store.read(tenant, f"person-{person_id}")
        return fold_person([one.data for one in events])


def append(tenant: str, standing: Standing, events: Sequence[NewEvent]) -> Append:
    """Events for a client's stream."""
    return Append(
        tenant=tenant,
        stream=client_stream(standing.client_id),
        expected=standing.version,
        events=events,
        subject=standing.client_id,
        secret_of=standing.client_id,
    )


def wrong_actor(detail: str, code: str) -> Invalid:
    """Nobody can act in that name."""
    return Invalid(errors=[FieldError("/actor", detail, code)])
