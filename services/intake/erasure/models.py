"""What callers send and get about erasures."""

from datetime import datetime

from pydantic import Field

from services.intake.erasure.commands import Receipt
from services.intake.erasure.confirming import SERVICES
from services.intake.erasure.domain import Status
from services.intake.erasure.table import Row
from shared.web import ApiModel, Id, Words


class AskModel(ApiModel):
    """A client is to be erased; a machine may name the person who asks."""

    reason: Words
    actor: Id | None = None


class ApproveModel(ApiModel):
    """It is to be done; a machine names the administrator who approves."""

    reason: Words | None = None
    actor: Id | None = None


class RefuseModel(ApiModel):
    """It is not to be done; `restrict`: the law demands keeping, and nobody works with it."""

    reason: Words
    restrict: bool = False
    actor: Id | None = None


class LiftModel(ApiModel):
    """The data may be worked with again; a machine names the administrator who says so."""

    actor: Id | None = None


class ConfirmationView(ApiModel):
    """A service that has nothing left of the client since `at`."""

    service: str
    client_id: str
    at: datetime


class ErasureView(ApiModel):
    """A request as it stands."""

    id: str
    client_id: str
    status: Status
    requested_by: str
    requested_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    execute_at: datetime | None = None
    refused_by: str | None = None
    refused_at: datetime | None = None
    restricted: bool = False
    executed_at: datetime | None = None
    last_key_backup_expires: datetime | None = None
    client_ids: list[str] = Field(default=[])
    suppressed_identifiers: int = 0


class ReceiptView(ErasureView):
    """With why it was asked for and decided, as long as that can be read, and who has confirmed
    that nothing is left; `complete` once all have."""

    reason: str | None = None
    decision_reason: str | None = None
    confirmations: list[ConfirmationView] = Field(default=[])
    complete: bool = False


class ErasuresFound(ApiModel):
    """A page of requests."""

    items: list[ErasureView]
    next: str | None = None


def view(row: Row) -> ErasureView:
    """A request as callers see it."""
    return ErasureView.model_validate(_fields(row))


def receipt_view(receipt: Receipt) -> ReceiptView:
    """All there is to know of a request, as callers see it."""
    row, request, said = receipt
    wanted = {(service, client_id) for service in SERVICES.values() for client_id in row.client_ids}
    confirmed = {(one.service, one.client_id) for one in said}
    return ReceiptView.model_validate(
        _fields(row)
        | {
            "reason": request.reason if request else None,
            "decision_reason": request.decision_reason if request else None,
            "confirmations": [one._asdict() for one in said],
            "complete": row.status == "executed" and wanted <= confirmed,
        }
    )


def _fields(row: Row) -> dict[str, object]:
    found = row._asdict()
    found["id"] = found.pop("request_id")
    found["client_ids"] = list(found["client_ids"])
    found["suppressed_identifiers"] = found.pop("identifiers")
    return found | {"last_key_backup_expires": row.last_key_backup_expires}
