"""Many lines in one call: clients, episodes, sessions and consents, in any mixture."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import TypeAdapter

from services.intake.api.answering import Mode, OnConflict, handlers_of
from services.intake.api.models.lines import ClientLine, ConsentLine, EpisodeLine, SessionLine
from services.intake.desk import Desk, Options
from services.intake.domain.client import Stale
from services.intake.fulfilling import OtherContent, Outcome
from services.intake.handlers import Handlers, Result
from services.intake.intents import Intent
from shared.errors import FieldError, HeroicError, Invalid, TooLarge, Unavailable
from shared.security import Principal
from shared.web import (
    Line,
    LineResult,
    NdjsonResponse,
    chunks,
    ndjson,
    ndjson_response,
    refused,
    requires,
    strict_loads,
)
from shared.web.ndjson import MAX_LINE_BYTES
from shared.web.reach import looked, why_of
from shared.web.strictjson import validate

CHUNK_LINES = 500
"""A line leads to at most one event, and a commit to at most 1,000."""

AnyLine = ClientLine | EpisodeLine | SessionLine | ConsentLine
LINES: dict[str, TypeAdapter[AnyLine]] = {
    "client": TypeAdapter(ClientLine),
    "episode": TypeAdapter(EpisodeLine),
    "session": TypeAdapter(SessionLine),
    "consent": TypeAdapter(ConsentLine),
}

Read = tuple[int, Intent | HeroicError]
"""A line by its number: what it asks for, or why it cannot be read."""

router = APIRouter(prefix="/v1", tags=["bulk"])

Importer = Annotated[Principal, Depends(requires("intake.import"))]


class Told:
    """Whom a call has told of in the audit: each client once."""

    def __init__(self, request: Request, principal: Principal) -> None:
        self._request = request
        self._principal = principal
        self._client_ids: set[str] = set()

    async def of(self, results: Sequence[Result]) -> None:
        """Write down those of whom `results` tell; before these leave."""
        client_ids = {one.client_id for one in results if isinstance(one, Outcome)}
        new = sorted(client_ids - self._client_ids)
        await looked(self._request, self._principal, new, why_of(self._principal))
        self._client_ids.update(new)


@router.post("/bulk", response_class=NdjsonResponse)
async def bulk(
    request: Request,
    principal: Importer,
    lines: Annotated[
        list[Line], Depends(ndjson(ClientLine, EpisodeLine, SessionLine, ConsentLine))
    ],
    on_conflict: OnConflict = None,
    mode: Mode = None,
    dry_run: Annotated[
        bool, Query(description="Say what would happen and change nothing.")
    ] = False,
) -> NdjsonResponse:
    """Fulfil lines in their order; a line may refer to what an earlier one made.

    The answer is a line of NDJSON for each.
    """
    options = Options(correct=on_conflict == "correct", history=mode == "history")
    handlers, tenant = handlers_of(request), principal.tenant
    told = Told(request, principal)
    if dry_run:
        desk = await handlers.desk(tenant, options)
        return ndjson_response(_rehearse(handlers, desk, lines, told))
    return ndjson_response(_fulfil(handlers, tenant, options, lines, told))


async def _fulfil(
    handlers: Handlers, tenant: str, options: Options, lines: Sequence[Line], told: Told
) -> AsyncIterator[list[LineResult]]:
    for read in _chunks(lines):
        try:
            results = await handlers.many(tenant, _intents(read), options)
            await told.of(results)
        except Unavailable as error:
            # The answer has begun: what follows is refused line by line, and may be sent again.
            yield [refused(number, error) for number, _ in read]
        else:
            yield _results(read, results)


async def _rehearse(
    handlers: Handlers, desk: Desk, lines: Sequence[Line], told: Told
) -> AsyncIterator[list[LineResult]]:
    for read in _chunks(lines):
        try:
            results = await handlers.rehearse(desk, _intents(read))
            await told.of([one for one in results if not _is_new(desk, one)])
        except Unavailable as error:
            yield [refused(number, error) for number, _ in read]
        else:
            yield _results(read, results)


def _is_new(desk: Desk, result: Result) -> bool:
    """Whether it tells of a client whom there would be only after the rehearsal."""
    group = desk.groups.get(result.group) if isinstance(result, Outcome) else None
    return group is not None and group.is_new


def _chunks(lines: Sequence[Line]) -> Iterator[list[Read]]:
    for chunk in chunks(lines, CHUNK_LINES):
        yield [(number, _read(raw)) for number, raw in chunk]


def _intents(read: Sequence[Read]) -> list[Intent]:
    return [one for _, one in read if isinstance(one, Intent)]


def _results(read: Sequence[Read], results: Sequence[Result]) -> list[LineResult]:
    following = iter(results)
    return [
        refused(number, one) if isinstance(one, HeroicError) else _result(number, next(following))
        for number, one in read
    ]


def _read(raw: bytes) -> Intent | HeroicError:
    if len(raw) > MAX_LINE_BYTES:
        return TooLarge(f"A line may have at most {MAX_LINE_BYTES} bytes.")
    try:
        return _intent(raw)
    except HeroicError as error:
        return error


def _intent(raw: bytes) -> Intent:
    """What a line asks for; raises what a single call would answer."""
    value = strict_loads(raw)
    kind = value.get("kind") if isinstance(value, dict) else None
    adapter = LINES.get(kind) if isinstance(kind, str) else None
    if adapter is None:
        detail = f"One of {', '.join(LINES)} is needed."
        raise Invalid(errors=[FieldError("/kind", detail, "kind")])
    line = validate(adapter, raw)
    return line.line_intent() if isinstance(line, ConsentLine) else line.intent()


def _result(number: int, result: Result) -> LineResult:
    if isinstance(result, OtherContent | Stale):
        return refused(number, result, "conflict")
    if isinstance(result, HeroicError):
        return refused(number, result)
    return LineResult(number, result.status, result.id)
