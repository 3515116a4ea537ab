"""The caller of a request, as its token says."""

from typing import Literal

import msgspec

SCOPES = (
    "intake.read",
    "intake.write",
    "feedback.read",
    "feedback.write",
    "outcomes.read",
    "outcomes.write",
    "alerts.read",
    "alerts.write",
)
"""Everything that an integration may be allowed."""

PrincipalKind = Literal["integration", "person", "client"]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls (`id`), for which organisation (`tenant`), and within which scopes."""

    tenant: str
    id: str
    kind: PrincipalKind
    scopes: frozenset[str]
