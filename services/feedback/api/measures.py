"""Measures: what can be asked, as data, and what an organisation adds to it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.feedback.api.documents import ReadDefinition
from services.feedback.api.models import MAX_VERSION, RetireIn, WordingIn
from services.feedback.api.ratings import caller
from services.feedback.measure_commands import MeasureCommands, body
from shared.measures import Definition
from shared.security import Principal
from shared.web import Paging, page_of, page_response, paging, requires
from shared.web import body as body_of
from shared.web.idempotency import answered

router = APIRouter(prefix="/v1/measures", tags=["measures"])

Reader = Annotated[Principal, Depends(requires("measures.read"))]
Writer = Annotated[Principal, Depends(requires("measures.write"))]
Version = Annotated[int | None, Query(ge=1, le=MAX_VERSION)]


@router.get("")
async def all_measures(
    request: Request, principal: Reader, page: Annotated[Paging, Depends(paging)]
) -> Response:
    """The newest definition of every measure, by key: those that ship and the organisation's."""
    start, known = page.after(str) or "", commands(request)
    versions = await known.keys(principal.tenant)
    keys = sorted(key for key in versions if key > start)[: page.limit + 1]
    shown, following = page_of(keys, page.limit, str)
    found = await known.known(principal.tenant, {key: versions[key] for key in shown})
    items = [msgspec.Raw(body(one)) for one in found if one.definitions]
    return page_response(items, following, request)


@router.post("", status_code=201, responses={200: {}, 201: {}})
async def publish(
    request: Request,
    principal: Writer,
    definition: Annotated[Definition, Depends(ReadDefinition())],
) -> Response:
    """Publish a version of a measure: a new one, or the next version of one that is there.

    New ratings are scored with it from now on. 200 instead of 201: it is there with this content.
    """
    return answered(await commands(request).publish(caller(request, principal), definition))


@router.get("/{key}")
async def one_measure(
    request: Request, principal: Reader, key: str, version: Version = None
) -> Response:
    """A version of the definition of a measure, the newest unless another is asked for."""
    measure = await commands(request).one(principal.tenant, key)
    return Response(body(measure, version), media_type="application/json")


@router.post("/{key}/retire", responses={200: {}})
async def retire(
    request: Request,
    principal: Writer,
    key: str,
    retiring: Annotated[RetireIn, Depends(body_of(RetireIn))],
) -> Response:
    """Take no new ratings on a measure; those that are there stay and can be corrected."""
    answer = await commands(request).retire(caller(request, principal), key, retiring.reason)
    return answered(answer)


@router.post("/{key}/wordings", status_code=201, responses={200: {}, 201: {}})
async def license_wording(
    request: Request,
    principal: Writer,
    key: str,
    given: Annotated[WordingIn, Depends(body_of(WordingIn))],
) -> Response:
    """Upload the words of a form in one language, attesting that the organisation may use them."""
    answer = await commands(request).license_wording(
        caller(request, principal), key, given.version, given.language, given.words()
    )
    return answered(answer)


def commands(request: Request) -> MeasureCommands:
    """The handlers that the application was started with."""
    found: MeasureCommands = request.app.state.measures
    return found
