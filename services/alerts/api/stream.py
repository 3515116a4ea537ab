"""Server-sent events: what happens to alerts, as it happens."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.alerts.api.context import Context, Parts, Reader
from services.alerts.api.present import link
from services.alerts.live.listening import Listener
from services.alerts.live.log import Bookmark, Message, Wanted
from shared.contracts.outcomes import Severity
from shared.web.auth import permission_of, token_ends
from shared.web.sse import EVENT_STREAM, event, event_stream, while_let_in

router = APIRouter(prefix="/v1", tags=["stream"])

MAX_BOOKMARK_CHARS = 200


@router.get("/stream", response_class=EventSourceResponse, responses=EVENT_STREAM)
async def stream(
    request: Request,
    reader: Reader,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=MAX_BOOKMARK_CHARS)] = None,
    severity: Annotated[list[Severity], Query()] = [],  # noqa: B006 - FastAPI copies it
    last_event_id: Annotated[str | None, Header(max_length=MAX_BOOKMARK_CHARS)] = None,
) -> EventSourceResponse:
    """Events `alert-raised` and `alert-changed`, from now on or after a cursor.

    `Last-Event-ID` counts before `after`. A cursor from before a restore gets `reset`. What is
    history is delivered to nobody, and what lies beyond the caller's reach not to them. The stream
    ends with the token at the latest, and once its owner may listen no more: come back with another
    one and the last event's id, or with what the header `Last-Event-ID` of the answer says where
    there was no event.
    """
    # A browser that reconnects sends the header beside the address it was first given.
    asked = Bookmark.decode(text) if (text := last_event_id or after) else None
    now = await parts.log.bookmark()
    wanted = Wanted(Listener.of(reader, permission_of(request)), frozenset(severity))
    is_old = asked is not None and asked.epoch != now.epoch
    start = now if asked is None or is_old else asked
    events = _events(request, parts, wanted, start, reset=is_old)
    return event_stream(events, start.encode())


async def _events(
    request: Request, parts: Context, wanted: Wanted, start: Bookmark, *, reset: bool
) -> AsyncIterator[ServerSentEvent]:
    if reset:
        yield event("reset", b"{}", start.encode())
    until = token_ends(request)
    messages = parts.hub.follow(wanted.tenant, start.place, until=until, wants=wanted.has)
    async with aclosing(while_let_in(request, messages)) as told:
        async for message in told:
            # Who is slow hears by what holds now, not by what held when it was read.
            if message.audience.is_fresh or wanted.has(await parts.log.asked_anew(message)):
                yield _event(message, start.epoch)


def _event(message: Message, epoch: int) -> ServerSentEvent:
    alert = message.alert
    data = {
        "id": alert.id,
        "client_id": alert.series.client_id,
        "episode_id": alert.series.episode_id,
        "rule": alert.rule,
        "severity": message.severity,
        "status": message.status,
        "historical": not message.delivered,
        "link": link(alert.id),
    }
    cursor = Bookmark(epoch, message.place).encode()
    return event(message.name, msgspec.json.encode(data), cursor)
