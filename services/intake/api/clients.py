"""Clients: registering, finding, correcting, their consents and whether they are measured."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.intake.api.answering import (
    ClientId,
    MinPosition,
    OnConflict,
    Reader,
    Writer,
    check_position,
    fulfil_one,
    handlers_of,
    show,
)
from services.intake.api.models.clients import (
    ClientModel,
    ConsentModel,
    MeasuringModel,
    SearchModel,
)
from services.intake.api.views import (
    ClientsFound,
    ClientView,
    ConsentView,
    client_view,
    consent_view,
)
from services.intake.desk import Options
from services.intake.intents import Look, PatchClient, PutClient, Ref, SetMeasuring
from shared.errors import NotFound
from shared.web import body, if_match

router = APIRouter(prefix="/v1/clients", tags=["clients"])


@router.post("", status_code=201, responses={200: {"model": ClientView}}, response_model=ClientView)
async def register_client(
    request: Request,
    principal: Writer,
    client: Annotated[ClientModel, Depends(body(ClientModel))],
    on_conflict: OnConflict = None,
) -> Response:
    """Register a client. The same `external_id` with the same content changes nothing: 200."""
    return await fulfil_one(
        request,
        principal,
        PutClient(details=client.details()),
        options=Options(correct=on_conflict == "correct"),
    )


@router.post("/search", response_model=ClientsFound)
async def search_clients(
    request: Request,
    principal: Reader,
    search: Annotated[SearchModel, Depends(body(SearchModel))],
) -> Response:
    """Find a client by an identifier or by the caller's own id; not by GET, to stay out of logs."""
    by = search.identifier
    ref = Ref(external_id=search.external_id) if by is None else None
    look = Look(client=ref, identifier=by.plain() if by else None)
    desk = await handlers_of(request).look(principal.tenant, look)
    if by is not None:
        ref = Ref(id=desk.holder(desk.names.identifier(by.system, by.value)))
    try:
        found = desk.client(ref or Ref())
    except NotFound:
        items = []
    else:
        items = [client_view(found.state, found.stream, found.version)]
    content = ClientsFound(items=items).model_dump_json(exclude={"next"}, exclude_none=True)
    return Response(content[:-1] + ',"next":null}', media_type="application/json")


@router.get("/{client_id}", response_model=ClientView)
async def get_client(
    request: Request, principal: Reader, client_id: ClientId, min_position: MinPosition = None
) -> Response:
    """A client as they stand."""
    check_position(min_position)
    ref = Ref(id=client_id)
    desk = await handlers_of(request).look(principal.tenant, Look(client=ref))
    found = desk.client(ref)
    return show(client_view(found.state, found.stream, found.version))


@router.patch("/{client_id}", response_model=ClientView)
async def correct_client(
    request: Request,
    principal: Writer,
    client_id: ClientId,
    changes: Annotated[ClientModel, Depends(body(ClientModel))],
) -> Response:
    """Replace the fields that the body names; null empties one."""
    intent = PatchClient(
        client=Ref(id=client_id), changes=changes.changes(), if_match=if_match(request)
    )
    return await fulfil_one(request, principal, intent)


@router.post(
    "/{client_id}/consents",
    status_code=201,
    responses={200: {"model": ConsentView}},
    response_model=ConsentView,
)
async def decide_consent(
    request: Request,
    principal: Writer,
    client_id: ClientId,
    consent: Annotated[ConsentModel, Depends(body(ConsentModel))],
) -> Response:
    """Record a client's decision about one purpose beyond care."""
    return await fulfil_one(
        request,
        principal,
        consent.intent(Ref(id=client_id), if_match(request)),
        show=lambda outcome: consent_view(outcome, consent.purpose),
    )


@router.post("/{client_id}/measuring", response_model=ClientView)
async def set_measuring(
    request: Request,
    principal: Writer,
    client_id: ClientId,
    measuring: Annotated[MeasuringModel, Depends(body(MeasuringModel))],
) -> Response:
    """Measure, pause or stop measuring. Care does not depend on it."""
    intent = SetMeasuring(
        client=Ref(id=client_id),
        state=measuring.state,
        reason=measuring.reason or None,
        if_match=if_match(request),
    )
    return await fulfil_one(request, principal, intent)
