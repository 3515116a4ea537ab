"""Server-sent events, the same on every stream."""

from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent

HEARTBEAT_SECONDS = 15
SLOW_SECONDS = 30
"""Who takes nothing for so long is let go."""

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
"""The answer in OpenAPI."""


def event_stream(events: AsyncIterator[ServerSentEvent], start: str) -> EventSourceResponse:
    """The answer that tells `events` as they come.

    `start` is the cursor that they begin after. The header Last-Event-ID says it, so that also who
    has not been told of anything yet can come back without loss.
    """
    return EventSourceResponse(
        events,
        headers={"Last-Event-ID": start},
        ping=HEARTBEAT_SECONDS,
        send_timeout=SLOW_SECONDS,
        sep="\n",
    )


def event(name: str, data: bytes, cursor: str) -> ServerSentEvent:
    """One event: `data` is one line of JSON, `cursor` resumes after it."""
    return ServerSentEvent(data.decode(), event=name, id=cursor, sep="\n")
