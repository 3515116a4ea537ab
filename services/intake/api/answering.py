"""From an intent to an answer, the same for every call that changes something."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import Depends, Path, Query, Request
from starlette.responses import Response

from services.intake.api.views import View, view_of
from services.intake.desk import Options
from services.intake.fulfilling import Outcome
from services.intake.handlers import Handlers
from services.intake.intents import Intent
from shared.errors import NotFound
from shared.eventstore import StoredResponse
from shared.eventstore.position import decode_position
from shared.ids import is_id
from shared.security import Principal
from shared.web import etag, requires
from shared.web.idempotency import idempotency_key

Reader = Annotated[Principal, Depends(requires("clients.read"))]
Writer = Annotated[Principal, Depends(requires("clients.write"))]

OnConflict = Annotated[
    Literal["correct"] | None,
    Query(description="Correct what is known under the same external_id instead of 409."),
]
Mode = Annotated[Literal["history"] | None, Query(description="Marks what comes in as history.")]
MinPosition = Annotated[
    str | None, Query(max_length=400, description="Intake always reads its own latest writes.")
]


def path_id(thing_id: str) -> str:
    """An id of a path: what cannot be one is not found."""
    if not is_id(thing_id):
        raise NotFound
    return thing_id


def _client_id(client_id: Annotated[str, Path()]) -> str:
    return path_id(client_id)


def _episode_id(episode_id: Annotated[str, Path()]) -> str:
    return path_id(episode_id)


def _session_id(session_id: Annotated[str, Path()]) -> str:
    return path_id(session_id)


ClientId = Annotated[str, Depends(_client_id)]
EpisodeId = Annotated[str, Depends(_episode_id)]
SessionId = Annotated[str, Depends(_session_id)]


def check_position(min_position: str | None) -> None:
    """`Invalid` for a position that is none of ours; there is nothing to wait for here."""
    if min_position is not None:
        decode_position(min_position)


def handlers_of(request: Request) -> Handlers:
    """The handlers of this process."""
    handlers: Handlers = request.app.state.handlers
    return handlers


async def fulfil_one(
    request: Request,
    principal: Principal,
    intent: Intent,
    *,
    options: Options | None = None,
    show: Callable[[Outcome], View] = view_of,
) -> Response:
    """Do what is asked and show the thing: 201 if it is new, else 200."""
    stored, outcome = await handlers_of(request).one(
        principal.tenant,
        intent,
        lambda outcome: to_json(show(outcome)),
        options=options,
        key=idempotency_key(request, principal),
        status=lambda outcome: 201 if outcome.status == "created" else 200,
    )
    headers = {"ETag": etag(outcome.version)} if outcome is not None else {}
    return answer(stored, headers)


def answer(stored: StoredResponse, headers: dict[str, str] | None = None) -> Response:
    """An answer as it was prepared."""
    return Response(stored.body, stored.status, headers, "application/json")


def to_json(view: View) -> bytes:
    """A view as JSON, without the fields that say nothing."""
    return view.model_dump_json(exclude_none=True).encode()


def show(view: View) -> Response:
    """A view as the answer to a read."""
    return Response(to_json(view), 200, {"ETag": etag(view.version)}, "application/json")
