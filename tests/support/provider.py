"""A real OpenID Connect provider in a process of its own: `python -m tests.support.provider PORT`.

It is `oidc-provider-mock` (Authlib's server behind a form that asks who one wants to be), and
before it a layer that insists on PKCE, which the library itself does not check.
"""

import base64
import hashlib
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock
from werkzeug.serving import run_simple

Environ = dict[str, Any]
Start = Callable[..., Any]


class Pkce:
    """Gives no code without a challenge, and no token without what answers it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._challenges: dict[str, str] = {}

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/oauth2/authorize" and method == "POST":
            return self._authorize(environ, start)
        if path == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = BytesIO(body)
            fields = parse_qs(body.decode())
            verifier = fields.get("code_verifier", [""])[0].encode()
            answer = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=")
            if self._challenges.get(fields.get("code", [""])[0]) != answer.decode():
                start("400 Bad Request", [("Content-Type", "application/json")])
                return [b'{"error":"invalid_grant"}']
        found: Iterable[bytes] = self._app(environ, start)
        return found

    def _authorize(self, environ: Environ, start: Start) -> Iterable[bytes]:
        asked = parse_qs(environ["QUERY_STRING"])
        if asked.get("code_challenge_method") != ["S256"]:
            start("400 Bad Request", [])
            return [b"PKCE is needed"]

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            location = dict(headers).get("Location", "")
            for code in parse_qs(urlsplit(location).query).get("code", []):
                self._challenges[code] = asked["code_challenge"][0]
            return start(status, headers, *rest)

        found: Iterable[bytes] = self._app(environ, started)
        return found


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), Pkce(oidc_provider_mock.app(require_nonce=True)))
