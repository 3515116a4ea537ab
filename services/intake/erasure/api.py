"""Erasure by HTTP: asked for, approved by a second person or refused, and the receipt."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from services.intake.api.answering import ClientId, path_id
from services.intake.erasure.commands import Erasures
from services.intake.erasure.domain import Status
from services.intake.erasure.models import (
    ApproveModel,
    AskModel,
    ErasuresFound,
    ErasureView,
    LiftModel,
    ReceiptView,
    RefuseModel,
    receipt_view,
    view,
)
from shared.security import Principal
from shared.web import ApiModel, Paging, body, page_of, page_response, paging, requires
from shared.web.reach import looked, reach, why_of

router = APIRouter(prefix="/v1", tags=["erasure"])

Asker = Annotated[Principal, Depends(requires("erasures.request"))]
Reader = Annotated[Principal, Depends(requires("erasures.read"))]
Decider = Annotated[Principal, Depends(requires("erasures.decide"))]


def _request_id(request_id: Annotated[str, Path()]) -> str:
    return path_id(request_id)


RequestId = Annotated[str, Depends(_request_id)]
Statuses = Annotated[list[Status] | None, Query(alias="status")]


@router.post(
    "/clients/{client_id}/erasure-requests",
    status_code=202,
    responses={200: {"model": ErasureView}},
    response_model=ErasureView,
)
async def request_erasure(
    request: Request,
    principal: Asker,
    client_id: ClientId,
    asked: Annotated[AskModel, Depends(body(AskModel))],
) -> Response:
    """Ask that all of a client be erased. Asked for already: 200, and the request that is open."""
    reached = await reach(request, principal, client_id)
    by = await erasures(request).who(principal, asked.actor, decides=False)
    row, new = await erasures(request).request(principal.tenant, client_id, by, asked.reason)
    await looked(request, principal, [client_id], reached.why)
    return answer(view(row), 202 if new else 200)


@router.get("/erasure-requests", response_model=ErasuresFound)
async def list_requests(
    request: Request,
    principal: Reader,
    page: Annotated[Paging, Depends(paging)],
    status: Statuses = None,
) -> Response:
    """Requests, the newest first."""
    before = page.after(str) or ""
    rows = await erasures(request).page(principal.tenant, status or [], before, page.limit + 1)
    shown, following = page_of(rows, page.limit, lambda row: row.request_id)
    await looked(request, principal, {row.client_id for row in shown}, why_of(principal))
    items = [view(row).model_dump(mode="json", exclude_none=True) for row in shown]
    return page_response(items, following, request)


@router.get("/erasure-requests/{request_id}", response_model=ReceiptView)
async def get_receipt(request: Request, principal: Reader, request_id: RequestId) -> Response:
    """A request with its receipt: who asked and decided, what was done when, who confirmed."""
    receipt = await erasures(request).receipt(principal.tenant, request_id)
    await looked(request, principal, [receipt.row.client_id], why_of(principal))
    return answer(receipt_view(receipt))


@router.post("/erasure-requests/{request_id}/approve", response_model=ErasureView)
async def approve_erasure(
    request: Request,
    principal: Decider,
    request_id: RequestId,
    approval: Annotated[ApproveModel, Depends(body(ApproveModel))],
) -> Response:
    """Approve, as another person than the one who asked. Executed after the time to think."""
    by = await erasures(request).who(principal, approval.actor, decides=True)
    row = await erasures(request).approve(principal.tenant, request_id, by, approval.reason)
    await looked(request, principal, [row.client_id], why_of(principal))
    return answer(view(row))


@router.post("/erasure-requests/{request_id}/refuse", response_model=ErasureView)
async def refuse_erasure(
    request: Request,
    principal: Decider,
    request_id: RequestId,
    refusal: Annotated[RefuseModel, Depends(body(RefuseModel))],
) -> Response:
    """Refuse, until it is executed; with `restrict`, nobody works with the data any more."""
    by = await erasures(request).who(principal, refusal.actor, decides=True)
    row = await erasures(request).refuse(
        principal.tenant, request_id, by, refusal.reason, restrict=refusal.restrict
    )
    await looked(request, principal, [row.client_id], why_of(principal))
    return answer(view(row))


@router.post("/clients/{client_id}/restriction/lift", status_code=204)
async def lift_restriction(
    request: Request,
    principal: Decider,
    client_id: ClientId,
    lifting: Annotated[LiftModel, Depends(body(LiftModel))],
) -> Response:
    """Let the data of a restricted client be worked with again; 204 also where it may be."""
    reached = await reach(request, principal, client_id)
    by = await erasures(request).who(principal, lifting.actor, decides=True)
    await erasures(request).lift(principal.tenant, client_id, by)
    await looked(request, principal, [client_id], reached.why)
    return Response(status_code=204)


def erasures(request: Request) -> Erasures:
    """The commands of this process."""
    found: Erasures = request.app.state.erasures
    return found


def answer(shown: ApiModel, status: int = 200) -> Response:
    """A view without the fields that say nothing."""
    return Response(shown.model_dump_json(exclude_none=True), status, media_type="application/json")
