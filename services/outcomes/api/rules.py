"""The rule sets that ratings are judged by, as data."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.outcomes.api.clients import Reader
from services.outcomes.api.models import RulesPage
from shared.measures import default_rules
from shared.web import page_response

router = APIRouter(prefix="/v1", tags=["rules"])


@router.get("/rules", response_model=RulesPage)
async def list_rules(request: Request, _: Reader) -> Response:
    """Every rule set in force: the default one, until organisations publish theirs."""
    return page_response([default_rules()], None, request)
