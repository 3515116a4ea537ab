"""Measures: what can be asked, as data."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from shared.measures import Definition, measure, newest
from shared.security import Principal
from shared.web import Paging, page_of, page_response, paging, requires

router = APIRouter(prefix="/v1/measures", tags=["measures"])

Reader = Annotated[Principal, Depends(requires("feedback.read"))]

# Thresholds are exact decimals; JSON has those, whatever a reader makes of them.
encoder = msgspec.json.Encoder(decimal_format="number")


@router.get("")
async def all_measures(
    request: Request, principal: Reader, page: Annotated[Paging, Depends(paging)]
) -> Response:
    """The newest definition of every measure, by key."""
    start = page.after(str) or ""
    found = sorted((one for one in newest().values() if one.key > start), key=key_of)
    items, following = page_of(found[: page.limit + 1], page.limit, key_of)
    return page_response([msgspec.Raw(document(one)) for one in items], following, request)


@router.get("/{key}")
async def one_measure(principal: Reader, key: str) -> Response:
    """The newest definition of a measure."""
    return Response(document(measure(key)), media_type="application/json")


def key_of(definition: Definition) -> str:
    """What the list is sorted by."""
    return definition.key


def document(definition: Definition) -> bytes:
    """A definition as JSON."""
    return encoder.encode(definition)
