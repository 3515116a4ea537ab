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
            "GET /sign-in": "asks for the organisation, or goes to the one of last time",
            "GET /o/{organisation_id}/sign-in": "shows the form by which people sign in",
            "POST /o/{organisation_id}/sign-in": "takes an address and a password",
            "GET /o/{organisation_id}/second-factor": "shows the form of the second factor",
            "POST /o/{organisation_id}/second-factor": "takes a code, after the password",
            "GET /o/{organisation_id}/provider": "goes to the organisation's identity provider",
            "GET /o/{organisation_id}/provider/callback": "comes back from it",
            "GET /o/{organisation_id}/links/{token}": "whoever has a one-time link may open it",
            "POST /o/{organisation_id}/links/{token}": "uses it up",
            "GET /o/{organisation_id}/client": "shows the form by which clients sign in",
            "POST /o/{organisation_id}/client": "takes a contact or code, and a PIN",
            "POST /o/{organisation_id}/client/code": "takes a one-time code",
            "POST /o/{organisation_id}/client/pin": "spends a code on a PIN",
            "GET /session/renew": "gives a new token for the secret of a session",
            "POST /session/renew": "the same, for a form that is on its way",
            "GET /assets/{name}": "style sheets and scripts, the same for everybody",
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
