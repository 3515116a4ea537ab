"""The client outcome view, the list of clients, and the caseload."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.outcomes.api.context import Context, context
from services.outcomes.api.models import CaseloadPage, ClientPage, ClientView
from services.outcomes.api.present import client_summaries, client_view, summary_view
from services.outcomes.lists import Filters
from shared.access import Reached
from shared.access.arriving import once_here
from shared.access.reach import reachable
from shared.clock import utc_now
from shared.contracts.outcomes import Change
from shared.security import Principal
from shared.web import Id, Paging, UtcTime, not_ahead, page_of, page_response, paging, requires
from shared.web.auth import permission_of
from shared.web.reach import looked, reach, why_of

router = APIRouter(prefix="/v1", tags=["views"])

Reader = Annotated[Principal, Depends(requires("views.read"))]
CaseloadReader = Annotated[Principal, Depends(requires("caseload.read"))]
Parts = Annotated[Context, Depends(context)]
Page = Annotated[Paging, Depends(paging)]
Position = Annotated[str | None, Query(max_length=500)]


def filters(
    status: Annotated[Literal["open", "closed", "unknown"] | None, Query()] = None,
    measure: Annotated[str | None, Query(max_length=200)] = None,
    classification: Annotated[Change | None, Query()] = None,
    clinician_id: Annotated[Id | None, Query()] = None,
) -> Filters:
    """The dependency that gives the filters of a list."""
    return Filters(status, measure, classification, clinician_id)


Wanted = Annotated[Filters, Depends(filters)]


@router.get("/clients", response_model=ClientPage)
async def list_clients(
    request: Request, reader: Reader, parts: Parts, page: Page, wanted: Wanted
) -> Response:
    """Clients and their series at a glance; with filters, those with a series that passes."""
    within = reachable(reader, permission_of(request), "views.client_id")
    found = await parts.views.clients(
        reader.tenant, wanted, page.after(str), page.limit + 1, within
    )
    items, following = page_of(found, page.limit, lambda one: one.client_id)
    await looked(request, reader, [one.client_id for one in items], why_of(reader))
    return page_response(
        [client_summaries(one).model_dump(mode="json") for one in items], following, request
    )


@router.get("/clients/caseload", response_model=CaseloadPage, include_in_schema=False)
@router.get("/caseload", response_model=CaseloadPage)
async def caseload(
    request: Request, reader: CaseloadReader, parts: Parts, page: Page, wanted: Wanted
) -> Response:
    """One line an episode and series; of open episodes unless `status` says otherwise."""
    if wanted.status is None:
        wanted = wanted._replace(status="open")
    within = reachable(reader, permission_of(request), "summaries.client_id")
    found = await parts.views.caseload(
        reader.tenant, wanted, page.after(tuple[str, str]), page.limit + 1, within
    )
    items, following = page_of(found, page.limit, lambda one: (one.client_id, one.series_id))
    shown = {one.surviving_id for one in items}
    await looked(request, reader, shown, why_of(reader))
    return page_response(
        [summary_view(one).model_dump(mode="json") for one in items], following, request
    )


@router.get("/clients/{client_id}", response_model=ClientView)
async def get_client(
    request: Request,
    client_id: Id,
    reader: Reader,
    parts: Parts,
    as_known_at: Annotated[UtcTime | None, Query()] = None,
    min_position: Position = None,
) -> Response:
    """The client outcome view, as it is or as it was known at a time.

    With `min_position` (the `position` of a write) it is at least as new as that, or 503. Every id
    of merged clients shows the same view.
    """
    if min_position is not None:
        await parts.views.reached(reader.tenant, min_position)

    async def look() -> Reached:
        return await reach(request, reader, client_id)

    reached = await once_here(parts.database, "outcomes", client_id, look)
    view = await _view(parts, reader.tenant, client_id, as_known_at, words=reached.words)
    await looked(request, reader, [client_id], reached.why)
    return Response(view.model_dump_json(by_alias=True), media_type="application/json")


async def _view(
    parts: Context,
    tenant: str,
    client_id: str,
    as_known_at: datetime | None,
    *,
    words: bool,
) -> ClientView:
    if as_known_at is None:
        found = await parts.views.now(tenant, client_id, words=words)
    else:
        not_ahead(as_known_at, utc_now(), "/as_known_at")
        found = await parts.views.at(tenant, client_id, as_known_at, words=words)
    return client_view(found)
