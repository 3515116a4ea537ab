"""Everything that a service has of an organisation, or of one client, as one streamed archive:
`GET /<service>/v1/export` and `GET /<service>/v1/clients/{id}/export`.

In it are the events as they were recorded (`events.ndjson`, opened, names and words included),
tables of how things stand (CSV), and what was left out (`export.json`).
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from sqlalchemy import Text, literal_column, select, text
from starlette.responses import StreamingResponse

from shared.access.arriving import once_here
from shared.access.reach import Why, reachable
from shared.clock import Clock, utc_now
from shared.database import Database
from shared.errors import Forbidden, NotFound
from shared.exporting import Cut
from shared.ids import is_id
from shared.privacy import Keyring
from shared.security.principal import Principal
from shared.web.archive import Member, table, zipped
from shared.web.auth import permission_of, requires
from shared.web.reach import looked, reach, why_of

EVENTS, SUMMARY = "events.ndjson", "export.json"

KNOWN = "SELECT true FROM access_clients WHERE tenant = :tenant AND client_id = :client_id"
SAME = "SELECT access_same(:tenant, :client_id) AS id"
ASKED = "unnest(CAST(:ids AS text[])) AS asked(id)"


class Sheet(NamedTuple):
    """A table of the archive."""

    name: str
    columns: Sequence[str]
    rows: AsyncIterator[Sequence[object]]


class Archivist(Protocol):
    """What a service knows of its own data."""

    async def streams(self, tenant: str, client_ids: Sequence[str]) -> list[str]:
        """The streams that belong to these clients."""

    def sheets(self, cut: Cut) -> Iterator[Sheet]:
        """The tables of what is exported."""


class Exports:
    """Makes the archives of one service; `app.state.exports`."""

    def __init__(
        self,
        service: str,
        database: Database,
        keyring: Keyring,
        archivist: Archivist,
        clock: Clock = utc_now,
    ) -> None:
        self.service = service
        self._database = database
        self._keyring = keyring
        self._archivist = archivist
        self._clock = clock

    async def why(self, request: Request, principal: Principal, client_id: str) -> Why:
        """By which right the caller reaches the client; NotFound where there is none.

        Whoever reaches the whole organisation reaches nobody of whom it has never heard.
        """

        async def look() -> Why:
            reached = await reach(request, principal, client_id)
            async with self._database.session(principal.tenant) as conn:
                known = {"tenant": principal.tenant, "client_id": client_id}
                if await conn.scalar(text(KNOWN), known) is None:
                    raise NotFound("There is no such client.")
            return reached.why

        return await once_here(self._database, self.service, client_id, look)

    async def of_client(
        self, request: Request, principal: Principal, client_id: str, why: str
    ) -> StreamingResponse:
        """All that there is of a client, under whichever of their ids."""
        tenant = principal.tenant
        async with self._database.session(tenant) as conn:
            found = await conn.execute(text(SAME), {"tenant": tenant, "client_id": client_id})
            clients = sorted(row.id for row in found)
        cut = self._cut(request, principal, why)
        cut.clients = clients
        cut.streams = await self._archivist.streams(tenant, clients)
        return self._answer(cut, client_id)

    async def of_organisation(self, request: Request, principal: Principal) -> StreamingResponse:
        """All that there is of an organisation."""
        return self._answer(self._cut(request, principal, why_of(principal)), principal.tenant)

    def _cut(self, request: Request, principal: Principal, why: str) -> Cut:
        async def allowed(client_ids: set[str]) -> set[str]:
            found = await self._within_reach(request, principal, client_ids)
            await looked(request, principal, found, why)
            return found

        return Cut(self._database, self._keyring, principal.tenant, self._clock(), allowed)

    async def _within_reach(
        self, request: Request, principal: Principal, client_ids: Collection[str]
    ) -> set[str]:
        """Those who agree, are not erased, and whose data may be worked with."""
        asked = text(ASKED).bindparams(ids=sorted(client_ids))
        within = reachable(principal, permission_of(request), "asked.id")
        found = literal_column("asked.id", Text).label("id")
        query = select(found).select_from(asked).where(within)
        async with self._database.session(principal.tenant) as conn:
            return {row.id for row in await conn.execute(query)}

    def _answer(self, cut: Cut, about: str) -> StreamingResponse:
        name = f"heroic-{self.service}-{about}.zip"
        return StreamingResponse(
            zipped(self._members(cut), cut.until),
            media_type="application/zip",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            },
        )

    def _members(self, cut: Cut) -> Iterator[Member]:
        yield Member(EVENTS, cut.events(EVENTS))
        for name, columns, rows in self._archivist.sheets(cut):
            yield Member(name, table(columns, rows, _counter(cut, name)))
        yield Member(SUMMARY, self._summary(cut))

    async def _summary(self, cut: Cut) -> AsyncIterator[bytes]:
        """What the archive holds; the last member, so that it is known by then."""
        said = {
            "service": self.service,
            "organisation_id": cut.tenant,
            "client_ids": cut.clients,
            "as_of": cut.until,
            "rows": cut.rows,
            "clients": len(cut.given),
            "clients_left_out": len(cut.left_out),
            "notes": [
                "Numbers in events.ndjson are tenths, in tables points.",
                'An event with "erased": true once said more than anybody can read any more.',
                "Clients who are erased, restricted or do not agree to the caller are left out.",
            ],
        }
        yield msgspec.json.format(msgspec.json.encode(said))


def _counter(cut: Cut, name: str) -> Callable[[], None]:
    return lambda: cut.count(name)


def export_router(service: str) -> APIRouter:
    """The two calls of a service, which keeps `Exports` in `app.state.exports`."""
    router = APIRouter(prefix="/v1", tags=["export"])
    exporter = Annotated[Principal, Depends(requires(f"{service}.export"))]
    of_all = Annotated[Principal, Depends(requires(f"{service}.export_all"))]
    described: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/zip": {}}, "description": "A zip archive."}
    }

    @router.get("/export", response_class=StreamingResponse, responses=described)
    async def export_organisation(request: Request, principal: of_all) -> StreamingResponse:
        """Everything of the organisation, as a zip archive; for administrators and machines."""
        return await exports_of(request).of_organisation(request, principal)

    @router.get(
        "/clients/{client_id}/export", response_class=StreamingResponse, responses=described
    )
    async def export_client(
        request: Request, principal: exporter, client_id: Annotated[str, Path()]
    ) -> StreamingResponse:
        """Everything of a client, as a zip archive; also for the client."""
        if not is_id(client_id):
            raise NotFound
        exports = exports_of(request)
        why = await exports.why(request, principal, client_id)
        if why == "related":
            raise Forbidden("Only the client takes everything away.")
        return await exports.of_client(request, principal, client_id, why)

    return router


def exports_of(request: Request) -> Exports:
    """The exports of this process."""
    found: Exports = request.app.state.exports
    return found
