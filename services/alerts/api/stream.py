"""Server-sent events: what happens to alerts, as it happens."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.alerts.api.context import Context, Parts, Reader
from services.alerts.api.present import link
from services.alerts.live.log import Bookmark, Message, Wanted
from shared.contracts.outcomes import Severity
from shared.web.auth import token_ends
from shared.web.sse import EVENT_STREAM, event, event_stream

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
    history is delivered to nobody. The stream ends with the token at the latest: come back with
    another one and the last event's id, or with what the header `Last-Event-ID` of the answer says
    where there was no event.
    """
    # A browser that reconnects sends the header beside the address it was first given.
    asked = Bookmark.decode(text) if (text := last_event_id or after) else None
    now = await parts.log.bookmark()
    wanted = Wanted(reader.tenant, frozenset(severity))
    is_old = asked is not None and asked.epoch != now.epoch
    start = now if asked is None or is_old else asked
    events = _events(parts, wanted, start, token_ends(request), reset=is_old)
    return event_stream(events, start.encode())


async def _events(
    parts: Context, wanted: Wanted, start: Bookmark, until: float, *, reset: bool
) -> AsyncIterator[ServerSentEvent]:
    if reset:
        yield event("reset", b"{}", start.encode())
    messages = parts.hub.follow(wanted.tenant, start.place, until=until, wants=wanted.has)
    async with aclosing(messages):
        async for message in messages:
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
