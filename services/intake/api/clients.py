"""Clients: registering, finding, correcting, their consents and whether they are measured."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.intake.api.answering import (
    Asking,
    ClientId,
    MinPosition,
    OnConflict,
    check_position,
    fulfil_one,
    show,
)
from services.intake.api.models.clients import (
    ClientModel,
    ConsentModel,
    MeasuringModel,
    MergeModel,
    SearchModel,
    UnmergeModel,
)
from services.intake.api.showing import client_view, consent_view
from services.intake.api.views import ClientsFound, ClientView, ConsentView
from services.intake.desk import Options
from services.intake.fulfilling import workable
from services.intake.intents import (
    Look,
    MergeClients,
    PatchClient,
    PutClient,
    Ref,
    SetMeasuring,
    UnmergeClients,
)
from shared.errors import NotFound
from shared.security import Principal
from shared.web import body, if_match, requires

router = APIRouter(prefix="/v1/clients", tags=["clients"])

Reader = Annotated[Principal, Depends(requires("clients.read"))]
Registrar = Annotated[Principal, Depends(requires("clients.register"))]
Writer = Annotated[Principal, Depends(requires("clients.write"))]
Decider = Annotated[Principal, Depends(requires("consents.write"))]
Merger = Annotated[Principal, Depends(requires("clients.merge"))]


@router.post("", status_code=201, responses={200: {"model": ClientView}}, response_model=ClientView)
async def register_client(
    request: Request,
    principal: Registrar,
    client: Annotated[ClientModel, Depends(body(ClientModel))],
    on_conflict: OnConflict = None,
) -> Response:
    """Register a client. The same `external_id` with the same content changes nothing: 200.

    A clinician who registers somebody cares for them until an episode is opened.
    """
    is_clinician = principal.kind == "person" and "clinician" in principal.roles
    intent = PutClient(
        details=client.details(),
        as_of=client.as_of,
        by=principal.id if is_clinician else None,
        if_match=if_match(request),
    )
    options = Options(correct=on_conflict == "correct")
    return await fulfil_one(request, principal, intent, options=options)


@router.post("/search", response_model=ClientsFound)
async def search_clients(
    request: Request,
    principal: Reader,
    search: Annotated[SearchModel, Depends(body(SearchModel))],
) -> Response:
    """Find a client by an identifier or by the caller's own id; not by GET, to stay out of logs.

    Names find nobody. Whoever may not see who a client is does not find them either.
    """
    asking = Asking(request, principal)
    by = search.identifier
    ref = Ref(external_id=search.external_id) if by is None else None
    look = Look(client=ref, identifier=by.plain() if by else None)
    try:
        desk = await asking.look(look)
    except NotFound:
        found = []
    else:
        if by is not None:
            ref = Ref(id=desk.holder(desk.names.identifier(by.system, by.value)))
        one = desk.client(ref or Ref())
        view = client_view(workable(desk, one), one.stream, one.version, asking.reached)
        await asking.looked()
        found = [] if view.withheld else [view]
    content = ClientsFound(items=found).model_dump_json(exclude={"next"}, exclude_none=True)
    return Response(content[:-1] + ',"next":null}', media_type="application/json")


@router.get("/{client_id}", response_model=ClientView)
async def get_client(
    request: Request, principal: Reader, client_id: ClientId, min_position: MinPosition = None
) -> Response:
    """A client as they stand; by the id of an alias, the one who goes on."""
    check_position(min_position)
    asking = Asking(request, principal)
    ref = Ref(id=client_id)
    desk = await asking.look(Look(client=ref))
    one = desk.client(ref)
    view = client_view(workable(desk, one), one.stream, one.version, asking.reached)
    await asking.looked()
    return show(view)


@router.patch("/{client_id}", response_model=ClientView)
async def correct_client(
    request: Request,
    principal: Writer,
    client_id: ClientId,
    changes: Annotated[ClientModel, Depends(body(ClientModel))],
) -> Response:
    """Replace the fields that the body names; null empties one."""
    intent = PatchClient(
        client=Ref(id=client_id),
        changes=changes.changes(),
        as_of=changes.as_of,
        if_match=if_match(request),
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
    principal: Decider,
    client_id: ClientId,
    consent: Annotated[ConsentModel, Depends(body(ConsentModel))],
) -> Response:
    """Record a client's decision about one purpose beyond care. For a minor, `given_by` says who
    decided."""
    return await fulfil_one(
        request,
        principal,
        consent.intent(Ref(id=client_id), if_match(request)),
        show=lambda outcome, _: consent_view(outcome, consent.purpose),
    )


@router.post("/{client_id}/measuring", response_model=ClientView)
async def set_measuring(
    request: Request,
    principal: Decider,
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


@router.post("/{client_id}/merge", response_model=ClientView)
async def merge_clients(
    request: Request,
    principal: Merger,
    client_id: ClientId,
    merge: Annotated[MergeModel, Depends(body(MergeModel))],
) -> Response:
    """The client is the same person as `into`, who goes on; the answer is the one."""
    intent = MergeClients(
        client=Ref(id=client_id),
        into=Ref(id=merge.into),
        reason=merge.reason,
        if_match=if_match(request),
    )
    return await fulfil_one(request, principal, intent)


@router.post("/{client_id}/unmerge", response_model=ClientView)
async def unmerge_clients(
    request: Request,
    principal: Merger,
    client_id: ClientId,
    unmerge: Annotated[UnmergeModel, Depends(body(UnmergeModel))],
) -> Response:
    """The client, an alias, is somebody else after all; the answer is the client."""
    intent = UnmergeClients(
        client=Ref(id=client_id), reason=unmerge.reason, if_match=if_match(request)
    )
    return await fulfil_one(request, principal, intent)
