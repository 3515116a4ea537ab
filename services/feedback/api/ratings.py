"""Ratings: submit, in bulk, correct, void, move, decline."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from services.feedback.admission import Actor
from services.feedback.api.lines import references
from services.feedback.api.models import (
    CorrectionIn,
    DeclineIn,
    MoveIn,
    RatingIn,
    RatingOut,
    RecordedOut,
    VoidIn,
)
from services.feedback.api.sent import SENT, Sent, SentRoute
from services.feedback.bulk import Bulk
from services.feedback.chunks import Options
from services.feedback.handlers import Commands
from shared.commands import Caller
from shared.errors import Forbidden
from shared.security import Principal
from shared.security.policy import POLICY
from shared.web import Id, body, if_match, ndjson, ndjson_response, requires
from shared.web.auth import permission_of
from shared.web.idempotency import answered, idempotency_key
from shared.web.ndjson import Line
from shared.web.reach import action_of

router = APIRouter(prefix="/v1/ratings", tags=["ratings"])

Writer = Annotated[Principal, Depends(requires("ratings.write"))]
Corrector = Annotated[Principal, Depends(requires("ratings.correct"))]
Importer = Annotated[Principal, Depends(requires("ratings.import"))]
OnConflict = Annotated[Literal["correct"] | None, Query()]


async def submit(
    request: Request,
    sent: Annotated[Sent, Depends(SENT)],
    on_conflict: OnConflict = None,
) -> Response:
    """Take a rating. 200 instead of 201: its `external_id` was there with the same content, or
    was corrected."""
    if on_conflict is not None and not sent.principal.reach(POLICY["ratings.correct"]):
        raise Forbidden("Corrections are not for you to make.")
    answer = await commands(request).submit(
        actor(request, sent.principal),
        *sent.said,
        correct=on_conflict == "correct",
    )
    return answered(answer)


router.add_api_route(
    "",
    submit,
    methods=["POST"],
    status_code=201,
    responses={200: {"model": RatingOut}, 201: {"model": RatingOut}},
    route_class_override=SentRoute,
)


@router.post("/bulk", response_class=StreamingResponse)
async def bulk(
    request: Request,
    principal: Importer,
    lines: Annotated[list[Line], Depends(ndjson(RatingIn))],
    on_conflict: OnConflict = None,
    mode: Annotated[Literal["history"] | None, Query()] = None,
    dry_run: Annotated[bool, Query()] = False,
) -> StreamingResponse:
    """Take many ratings, one a line; an outcome a line comes back, in the same order."""
    options = Options(
        principal.tenant,
        correct=on_conflict == "correct",
        history=mode == "history",
        dry_run=dry_run,
    )
    taker: Bulk = request.app.state.bulk
    results = await taker.begin(actor(request, principal), options, lines, references(lines))
    return ndjson_response(results)


@router.post("/decline", status_code=201, responses={201: {"model": RecordedOut}})
async def decline(
    request: Request,
    principal: Writer,
    declined: Annotated[DeclineIn, Depends(body(DeclineIn))],
) -> Response:
    """The client would rather not fill in a measure: that is not a score of zero."""
    answer = await commands(request).decline(
        actor(request, principal),
        declined.reference(),
        declined.measure,
        declined.session_id,
    )
    return answered(answer)


@router.post("/{rating_id}/correct", responses={200: {"model": RatingOut}})
async def correct(
    request: Request,
    principal: Corrector,
    rating_id: Id,
    correction: Annotated[CorrectionIn, Depends(body(CorrectionIn))],
) -> Response:
    """Let a rating say something else from now on; what it said stays in its history."""
    answer = await commands(request).correct(
        actor(request, principal), rating_id, correction.correction(), if_match(request)
    )
    return answered(answer)


@router.post("/{rating_id}/void", responses={200: {"model": RatingOut}})
async def void(
    request: Request,
    principal: Corrector,
    rating_id: Id,
    voiding: Annotated[VoidIn, Depends(body(VoidIn))],
) -> Response:
    """Let a rating count no more."""
    answer = await commands(request).void(
        actor(request, principal), rating_id, voiding.reason, if_match(request)
    )
    return answered(answer)


@router.post("/{rating_id}/move", responses={200: {"model": RatingOut}})
async def move(
    request: Request,
    principal: Corrector,
    rating_id: Id,
    moving: Annotated[MoveIn, Depends(body(MoveIn))],
) -> Response:
    """Let a rating go on, under its id, in the episode that it belongs to."""
    answer = await commands(request).move(
        actor(request, principal), rating_id, moving.target(), if_match(request)
    )
    return answered(answer)


def commands(request: Request) -> Commands:
    """The handlers that the application was started with."""
    found: Commands = request.app.state.commands
    return found


def actor(request: Request, principal: Principal) -> Actor:
    """Who does the request, and by which right, with its idempotency key."""
    key = idempotency_key(request, principal)
    return Actor(principal, permission_of(request), action_of(request), key)


def caller(request: Request, principal: Principal) -> Caller:
    """For whom and by whom the request is done, with its idempotency key."""
    return Caller(principal.tenant, principal.id, idempotency_key(request, principal))
