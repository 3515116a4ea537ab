"""A row of the audit: who looked at what of whom. Made here, so that a write can take it along."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.database import array_literal
from shared.ids import new_id
from shared.security.policy import Permission
from shared.security.principal import Principal
from shared.telemetry import current_trace_id


class Looked(NamedTuple):
    """One row: who did what to the data of whom, and by which right (`why`)."""

    at: datetime
    tenant: str
    audit_id: str
    principal_id: str
    principal_kind: str
    why: str
    action: str
    permission: str
    client_id: str
    trace_id: str | None


def looked_at(
    principal: Principal,
    permission: Permission,
    action: str,
    client_ids: Iterable[str],
    *,
    why: str,
    now: datetime,
) -> list[Looked]:
    """The rows that say that `principal` used `permission` on these clients.

    `action` is method and route, never a path with what callers put into it.
    """
    trace_id = current_trace_id()
    return [
        Looked(
            now,
            principal.tenant,
            new_id(),
            principal.id,
            principal.kind,
            why,
            action,
            permission.name,
            client_id,
            trace_id,
        )
        for client_id in client_ids
    ]


def looked_call(first: int) -> str:
    """The places of the rows' columns among the arguments of a statement, from `$first` on."""
    texts = (f"${first + number}::text::text[]" for number in range(1, len(Looked._fields)))
    return ", ".join((f"${first}", *texts))


def looked_columns(rows: Sequence[Looked]) -> list[Any]:
    """The rows column by column, as `looked_call` takes them."""
    at, *texts = zip(*rows, strict=True)
    return [at, *map(array_literal, texts)]
