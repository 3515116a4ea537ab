"""Server-sent events: what happens to alerts, as it happens."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.alerts.api.context import Context, Parts, Reader
from services.alerts.api.present import link
from services.alerts.live.log import Bookmark, Message, Wanted
from shared.contracts.outcomes import Severity
from shared.eventstore.tail import Cursor

router = APIRouter(prefix="/v1", tags=["stream"])

HEARTBEAT_SECONDS = 15
SLOW_SECONDS = 30
MAX_BOOKMARK_CHARS = 200


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    reader: Reader,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=MAX_BOOKMARK_CHARS)] = None,
    severity: Annotated[list[Severity], Query()] = [],  # noqa: B006 - FastAPI copies it
    historical: Annotated[bool, Query()] = False,
    last_event_id: Annotated[str | None, Header(max_length=MAX_BOOKMARK_CHARS)] = None,
) -> EventSourceResponse:
    """Events `alert-raised` and `alert-changed`, from now on or after a cursor.

    `Last-Event-ID` counts before `after`. A cursor from before a restore gets `reset`. Historical
    alerts are left out unless asked for by `historical=true`.
    """
    # A browser that reconnects sends the header beside the address it was first given.
    bookmark = Bookmark.decode(text) if (text := last_event_id or after) else None
    now, epoch = await parts.log.now()
    wanted = Wanted(reader.tenant, frozenset(severity), historical)
    return EventSourceResponse(
        _events(parts, wanted, bookmark, Bookmark(epoch, now)),
        ping=HEARTBEAT_SECONDS,
        send_timeout=SLOW_SECONDS,
        sep="\n",
    )


async def _events(
    parts: Context, wanted: Wanted, bookmark: Bookmark | None, now: Bookmark
) -> AsyncIterator[ServerSentEvent]:
    if bookmark is not None and bookmark.epoch != now.epoch:
        yield ServerSentEvent("{}", event="reset", id=now.encode(), sep="\n")
        bookmark = None
    place = (bookmark or now).place
    async with aclosing(_messages(parts, wanted, place)) as messages:
        async for message in messages:
            yield _event(message, now.epoch)


async def _messages(parts: Context, wanted: Wanted, place: Cursor) -> AsyncGenerator[Message]:
    """What is wanted after `place`: of the past from the log, then live, none twice."""
    async with parts.hub.subscribe(wanted) as subscriber:
        while place < subscriber.start:
            page = await parts.log.read([wanted.tenant], place)
            for message in filter(wanted.has, page.messages):
                yield message
            place = page.place
        while (news := await subscriber.next()) is not None:
            if news.place > place:
                yield news


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
    return ServerSentEvent(
        msgspec.json.encode(data).decode(),
        event=message.name,
        id=Bookmark(epoch, message.place).encode(),
        sep="\n",
    )
