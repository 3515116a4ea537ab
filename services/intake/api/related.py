"""People close to a client, and what they may see of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from services.intake.api.answering import Asking, ClientId, fulfil_one, path_id
from services.intake.api.models.clients import RelatedModel
from services.intake.api.showing import related_view, related_views
from services.intake.api.views import RelatedListView, RelatedView
from services.intake.fulfilling import workable
from services.intake.intents import Look, PartPerson, Ref, RelatePerson
from shared.errors import Forbidden
from shared.security import Principal
from shared.web import body, if_match, requires

router = APIRouter(prefix="/v1/clients/{client_id}/related-people", tags=["clients"])

Reader = Annotated[Principal, Depends(requires("clients.read"))]
Writer = Annotated[Principal, Depends(requires("related.write"))]


def _related_id(related_id: Annotated[str, Path()]) -> str:
    return path_id(related_id)


RelatedId = Annotated[str, Depends(_related_id)]


@router.post("", status_code=201, response_model=RelatedView)
async def add_related_person(
    request: Request,
    principal: Writer,
    client_id: ClientId,
    somebody: Annotated[RelatedModel, Depends(body(RelatedModel))],
) -> Response:
    """Somebody is close to the client. They see nothing but what `may_see` says.

    That they see words is for the care team to say, or for a client who is of age.
    """
    return await _relate(request, principal, client_id, None, somebody)


@router.put("/{related_id}", response_model=RelatedView)
async def change_related_person(
    request: Request,
    principal: Writer,
    client_id: ClientId,
    related_id: RelatedId,
    somebody: Annotated[RelatedModel, Depends(body(RelatedModel))],
) -> Response:
    """How they stand to the client from now on, and what they may see."""
    return await _relate(request, principal, client_id, related_id, somebody)


@router.get("", response_model=RelatedListView)
async def list_related_people(request: Request, principal: Reader, client_id: ClientId) -> Response:
    """Everybody who is close to the client."""
    asking = Asking(request, principal)
    ref = Ref(id=client_id)
    desk = await asking.look(Look(client=ref))
    one = desk.client(ref)
    person = workable(desk, one)
    await asking.looked()
    if asking.reached.why == "related" or not asking.reached.names:
        raise Forbidden("Who else is close to a client is not for you to see.")
    found = RelatedListView(items=related_views(person, one.stream, one.version))
    content = found.model_dump_json(exclude={"next"}, exclude_none=True)
    return Response(content[:-1] + ',"next":null}', media_type="application/json")


@router.delete("/{related_id}", status_code=204)
async def remove_related_person(
    request: Request, principal: Writer, client_id: ClientId, related_id: RelatedId
) -> Response:
    """They are not close any more, and see nothing."""
    intent = PartPerson(client=Ref(id=client_id), related_id=related_id, if_match=if_match(request))
    await fulfil_one(request, principal, intent)
    return Response(status_code=204)


async def _relate(
    request: Request,
    principal: Principal,
    client_id: str,
    related_id: str | None,
    somebody: RelatedModel,
) -> Response:
    intent = RelatePerson(
        client=Ref(id=client_id),
        related_id=related_id,
        relation=somebody.relation,
        name=somebody.name,
        may_see=somebody.sight(),
        if_match=if_match(request),
    )
    return await fulfil_one(request, principal, intent, show=related_view)
