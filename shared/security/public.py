"""What anybody may call, and why: everything else declares a permission of the policy."""

from collections.abc import Mapping
from types import MappingProxyType

EVERYWHERE: Mapping[str, str] = MappingProxyType(
    {
        "GET /health/live": "says that the process answers, and nothing else",
        "GET /health/ready": "says whether the service can do its work, and nothing else",
        "GET /openapi.json": "the description of the interface, which is in the repository too",
        "GET /docs": "the same as a page",
    }
)
"""In every service, by method and path below the service's prefix."""

PUBLIC: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "intake": {
            "POST /oauth/token": "machines get their token here, by a secret of theirs",
            "POST /oauth/revoke": "machines end their tokens here, by a secret of theirs",
            "GET /.well-known/jwks.json": "public keys, by which anybody may verify a token",
            "GET /.well-known/oauth-authorization-server": "says how machines get a token",
            "GET /.well-known/smart-configuration": "the same for SMART backend services",
        },
        "feedback": {},
        "outcomes": {},
        "alerts": {},
    }
)
"""By service."""


def reason(service: str, method: str, path: str) -> str | None:
    """Why anybody may call this; None where they may not."""
    called = f"{method} {path}"
    return EVERYWHERE.get(called) or PUBLIC[service].get(called)
