"""Machines that act for an organisation."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.intake.domain.integration import Integration
from services.intake.machines import client_id_of
from shared.ids import id_time
from shared.web import ApiModel, Name

Scope = Literal[
    "intake.read",
    "intake.write",
    "feedback.read",
    "feedback.write",
    "outcomes.read",
    "outcomes.write",
    "alerts.read",
    "alerts.write",
]


class KeySetModel(ApiModel):
    """A JWK set of public keys: EC P-384 (ES384) or RSA (RS384), each with its kid."""

    keys: list[dict[str, Any]] = Field(max_length=10)


class IntegrationModel(ApiModel):
    """A machine; without keys it gets a secret."""

    name: Name
    scopes: list[Scope] = Field(min_length=1, max_length=8)
    jwks: KeySetModel | None = None


class SecretView(ApiModel):
    """A secret as it is known afterwards."""

    id: str
    added_at: datetime | None


class IntegrationView(ApiModel):
    """A machine. `client_secret` is shown once, by the call that made it."""

    id: str
    name: str
    client_id: str
    scopes: list[str]
    revoked: bool
    secrets: list[SecretView]
    key_ids: list[str]
    client_secret: str | None = None
    secret_id: str | None = None


class IntegrationsView(ApiModel):
    """A page of machines."""

    items: list[IntegrationView]
    next: str | None


def integration_view(
    tenant: str,
    integration: Integration,
    *,
    secret: str | None = None,
    secret_id: str | None = None,
) -> IntegrationView:
    """A machine as callers see it."""
    return IntegrationView(
        id=integration.id,
        name=integration.name,
        client_id=client_id_of(tenant, integration.id),
        scopes=sorted(integration.scopes),
        revoked=integration.revoked,
        secrets=[SecretView(id=one, added_at=id_time(one)) for one in integration.secrets],
        key_ids=integration.key_ids,
        client_secret=secret,
        secret_id=secret_id,
    )
