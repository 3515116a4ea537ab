"""What clients can find out by themselves: the documents under `/.well-known`."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.intake.assertions import ALGORITHMS
from shared.security import SCOPES

router = APIRouter(prefix="/.well-known", tags=["tokens"])

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
PUBLIC = {"x-permission": "public"}
AT_ROOT = ("/.well-known/oauth-authorization-server", "/.well-known/smart-configuration")
"""RFC 8414 puts the metadata of an issuer without a path at the root of its origin."""


@router.get("/oauth-authorization-server", response_model=dict[str, Any], openapi_extra=PUBLIC)
async def oauth_metadata(request: Request) -> Response:
    """How tokens are to be had (RFC 8414)."""
    return _answer(
        {
            "issuer": request.app.state.public_url,
            **_endpoints(request),
            "response_types_supported": [],
            "revocation_endpoint_auth_methods_supported": METHODS,
            "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
            "service_documentation": f"{request.app.state.public_url}/intake/docs",
        }
    )


@router.get("/smart-configuration", response_model=dict[str, Any], openapi_extra=PUBLIC)
async def smart_configuration(request: Request) -> Response:
    """The same for SMART backend services: machines that sign what they ask tokens with."""
    capabilities = ["client-confidential-asymmetric", "client-confidential-symmetric"]
    return _answer({**_endpoints(request), "capabilities": capabilities})


def _endpoints(request: Request) -> dict[str, object]:
    base = f"{request.app.state.public_url}/intake"
    return {
        "token_endpoint": request.app.state.token_endpoint,
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "revocation_endpoint": f"{base}/oauth/revoke",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": SCOPES,
    }


def _answer(document: dict[str, object]) -> Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(msgspec.json.encode(document), headers=headers, media_type="application/json")
