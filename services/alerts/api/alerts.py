"""Alerts: the list, one of them, and what people do with them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.alerts.api import models
from services.alerts.api.context import Context, Parts, Reader, Writer
from services.alerts.api.present import alert_view, done
from services.alerts.domain import commands
from services.alerts.domain.alert import Status, alert_stream, fold
from services.alerts.domain.rules import RuleName
from services.alerts.handlers import Asked
from services.alerts.positions import reached
from services.alerts.queries import Filters, list_alerts
from services.alerts.rows import row_of
from shared.contracts.outcomes import Severity
from shared.errors import FieldError, Forbidden, Invalid
from shared.security import Principal
from shared.web import Id, Paging, body, etag, if_match, page_of, page_response, paging
from shared.web.auth import permission_of
from shared.web.idempotency import answered, idempotency_key
from shared.web.reach import looked, why_of

router = APIRouter(prefix="/v1", tags=["alerts"])

MinPosition = Annotated[str | None, Query(max_length=500)]


def filters(
    status: Annotated[list[Status], Query()] = [],  # noqa: B006 - FastAPI copies it
    severity: Annotated[list[Severity], Query()] = [],  # noqa: B006
    rule: Annotated[list[RuleName], Query()] = [],  # noqa: B006
    client_id: Annotated[Id | None, Query()] = None,
    assignee: Annotated[Id | None, Query()] = None,
    ownerless: Annotated[bool | None, Query()] = None,
) -> Filters:
    """The dependency that gives the filters of the list."""
    return Filters(status, severity, list(rule), client_id, assignee, ownerless)


@router.get("/alerts", response_model=models.AlertPage)
async def get_alerts(
    request: Request,
    reader: Reader,
    parts: Parts,
    page: Annotated[Paging, Depends(paging)],
    wanted: Annotated[Filters, Depends(filters)],
    min_position: MinPosition = None,
) -> Response:
    """Alerts within reach, the newest first; a filter may be given several times.

    Of merged clients either id gives the alerts of both. With `min_position` (of a submission:
    risk; of outcomes: its rules) at least as new, or 503.
    """
    tenant, permission = reader.tenant, permission_of(request)
    if min_position is not None:
        await reached(parts.database, tenant, min_position)
    after = page.after(tuple[datetime, str])
    found = await list_alerts(parts.database, reader, permission, wanted, after, page.limit + 1)
    rows, following = page_of(found, page.limit, lambda row: (row.raised_at, row.alert.id))
    told = await parts.store.read_many(tenant, [alert_stream(row.alert.id) for row in rows])
    now = [row_of(told[alert_stream(row.alert.id)]) for row in rows]
    # A row is behind where the process of a command died before it wrote it.
    left_behind = [
        new.alert
        for new, old in zip(now, rows, strict=True)
        if new.alert.version > old.alert.version
    ]
    if left_behind:
        await parts.alerts.keep(tenant, left_behind)
    around = await parts.alerts.around(tenant, [row.alert for row in now])
    clients = {row.alert.series.client_id for row in now}
    worded = await parts.reach.worded(reader, permission, clients)
    items = [
        alert_view(
            row,
            told[alert_stream(row.alert.id)],
            around,
            words=row.alert.series.client_id in worded,
        )
        for row in now
    ]
    await looked(request, reader, clients, why_of(reader))
    return page_response([item.model_dump(mode="json") for item in items], following, request)


@router.get("/alerts/{alert_id}", response_model=models.AlertView)
async def get_alert(
    request: Request,
    alert_id: Id,
    reader: Reader,
    parts: Parts,
    min_position: MinPosition = None,
) -> Response:
    """One alert with its history, at least as new as `min_position`."""
    if min_position is not None:
        await reached(parts.database, reader.tenant, min_position)
    told = await parts.alerts.history(reader.tenant, alert_id)
    row = row_of(told)
    seen = await parts.reach.of(reader, permission_of(request), row.alert)
    around = await parts.alerts.around(reader.tenant, [row.alert])
    await looked(request, reader, [row.alert.series.client_id], seen.why)
    return Response(
        alert_view(row, told, around, words=seen.words).model_dump_json(),
        headers={"ETag": etag(row.alert.version)},
        media_type="application/json",
    )


@router.post("/alerts/{alert_id}/acknowledge", response_model=models.Done)
async def acknowledge(
    request: Request,
    alert_id: Id,
    writer: Writer,
    parts: Parts,
    asked: Annotated[models.Acknowledge, Depends(body(models.Acknowledge))],
) -> Response:
    """Somebody has seen it."""
    command = commands.Acknowledge(actor=acting(writer, asked.actor))
    return await _do(request, alert_id, writer, parts, command)


@router.post("/alerts/{alert_id}/review", response_model=models.Done)
async def review(
    request: Request,
    alert_id: Id,
    writer: Writer,
    parts: Parts,
    asked: Annotated[models.Review, Depends(body(models.Review))],
) -> Response:
    """A named person has looked into a risk: this resolves the alert.

    A machine must name the person: it never ends a risk alert by itself.
    """
    if writer.kind == "integration" and asked.actor is None:
        raise Invalid(errors=[FieldError("/actor", "A review names who reviewed.", "missing")])
    command = commands.Review(
        actor=acting(writer, asked.actor), seen_how=asked.seen_how, outcome=asked.outcome
    )
    return await _do(request, alert_id, writer, parts, command)


@router.post("/alerts/{alert_id}/resolve", response_model=models.Done)
async def resolve(
    request: Request,
    alert_id: Id,
    writer: Writer,
    parts: Parts,
    asked: Annotated[models.Resolve, Depends(body(models.Resolve))],
) -> Response:
    """Somebody ends an alert and says why; one about risk needs a review (409)."""
    command = commands.Resolve(
        actor=acting(writer, asked.actor), reason=asked.reason, note=asked.note
    )
    return await _do(request, alert_id, writer, parts, command)


def acting(principal: Principal, actor: str | None) -> str:
    """Who acts: the person that a machine names, else the caller; nobody acts as somebody else."""
    if principal.kind == "integration":
        return actor if actor is not None else principal.id
    if actor is not None and actor != principal.id:
        raise Forbidden("People act as themselves.")
    return principal.id


async def _do(
    request: Request,
    alert_id: str,
    writer: Principal,
    parts: Context,
    command: commands.Command,
) -> Response:
    alert = fold(one.data for one in await parts.alerts.history(writer.tenant, alert_id))
    reached = await parts.reach.of(writer, permission_of(request), alert)
    await looked(request, writer, [alert.series.client_id], reached.why)
    asked = Asked(writer.tenant, alert_id, if_match(request), idempotency_key(request, writer))
    return answered(await parts.alerts.do(asked, command, done))
