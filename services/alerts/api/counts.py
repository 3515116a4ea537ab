"""How many alerts are open, for who organises care and sees nothing of what clients say."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.alerts.api import models
from services.alerts.api.context import Parts
from services.alerts.queries import count_open
from shared.security import Principal
from shared.web import requires

router = APIRouter(prefix="/v1", tags=["alerts"])

Counter = Annotated[Principal, Depends(requires("alerts.count"))]


@router.get("/counts", response_model=models.CountsView)
async def counts(counter: Counter, parts: Parts) -> Response:
    """How many alerts of the organisation are open, and how many of them are nobody's."""
    by_severity, ownerless = await count_open(parts.database, counter.tenant)
    view = models.CountsView(open=by_severity, ownerless=ownerless)
    return Response(view.model_dump_json(), media_type="application/json")
