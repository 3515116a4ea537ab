"""Pages as every service makes them: one shell, plain HTML that works without scripts.

`Pages(folder)` renders a service's own templates, which extend `layout.html`. A router of pages is
made by `page_router()`: errors are told in words, and who is not signed in any more is sent to
renew their session and comes back. Forms of who is signed in repeat the `csrf` of their token,
others that of a cookie (`public_form`).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlsplit

import jinja2
from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from shared.errors import (
    BadRequest,
    HeroicError,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from shared.security.principal import Principal
from shared.web.auth import CSRF_FIELD, FORM, SAFE, WrongOrigin, check_origin, cookie, cookie_name
from shared.web.body import media_type, read_body
from shared.web.headers import new_nonce, page_headers

SHELL = Path(__file__).with_name("templates")
STYLESHEET = Path(__file__).with_name("assets") / "heroic.css"

RENEW = "/intake/session/renew"
FORM_COOKIE = "heroic-form"
MAX_FORM_BYTES = 64 * 1024
MAX_FIELDS = 50

PUBLIC: dict[str, Any] = {"x-permission": "public"}
"""`openapi_extra` of a route that needs nobody."""

_LOCAL = re.compile(r"/(intake|feedback|outcomes|alerts)(/[!-~]*)?", re.ASCII)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def moment(value: Any) -> str:
    """A time for people, in UTC."""
    return f"{value:%-d %B %Y, %H:%M} UTC"


class Pages:
    """The templates of one service in the shell of all."""

    def __init__(self, *folders: Path) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([*folders, SHELL]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["moment"] = moment

    def show(
        self,
        request: Request,
        template: str,
        *,
        principal: Principal | None = None,
        status: int = 200,
        **context: object,
    ) -> Response:
        """The page. Its forms carry the token of the principal, or of the browser's cookie."""
        nonce = new_nonce()
        known = cookie(request, FORM_COOKIE)
        csrf = (principal.csrf if principal else known) or secrets.token_urlsafe(24)
        words = self._environment.get_template(template).render(
            root=root_of(request),
            stylesheet=f"{root_of(request)}/assets/{stylesheet_name()}",
            nonce=nonce,
            csrf=csrf,
            principal=principal,
            **context,
        )
        answer = Response(words, status, page_headers(nonce), "text/html; charset=utf-8")
        if principal is None and not known:
            put_cookie(answer, request, FORM_COOKIE, csrf)
        return answer


shell = Pages()
"""The shell alone: what tells errors."""


class PageRoute(APIRoute):
    """A route whose errors are pages, and which sends to sign in who is not."""

    def get_route_handler(self) -> Handler:
        """The handler, with its errors told in words."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthenticated:
                return renewing(request)
            except HeroicError as error:
                return problem_page(request, error)

        return told


def page_router() -> APIRouter:
    """A router of pages; none of them is in the OpenAPI document."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def renewing(request: Request) -> Response:
    """To where a session is renewed, and back; a form comes back with what was filled in."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    # 307 keeps method and body, so that nobody types again what took them long.
    status = 303 if request.method in SAFE else 307
    return redirect(f"{RENEW}?next={quote(target, safe='')}", status)


def problem_page(request: Request, error: HeroicError) -> Response:
    """What went wrong, in words."""
    answer = shell.show(request, "problem.html", status=error.status, error=error)
    if isinstance(error, Unavailable | TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def redirect(path: str, status: int = 303) -> Response:
    """To another page of ours, or of whoever signs people in."""
    return RedirectResponse(path, status)


def local_path(asked: str | None, default: str) -> str:
    """`asked`, if it is a page of ours; else `default`. Nothing leads away from here."""
    if not asked or len(asked) > 1_000 or not _LOCAL.fullmatch(asked) or "\\" in asked:
        return default
    parts = urlsplit(asked)
    return asked if not parts.scheme and not parts.netloc else default


def put_cookie(
    answer: Response, request: Request, name: str, value: str, *, seconds: int | None = None
) -> None:
    """Set a cookie that no script reads; without `seconds` it ends with the browser."""
    answer.set_cookie(
        cookie_name(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=request.app.state.tls,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(answer: Response, request: Request, name: str) -> None:
    """Have the browser forget it."""
    put_cookie(answer, request, name, "", seconds=0)


async def form(request: Request) -> dict[str, str]:
    """The fields of a form; `BadRequest` where it cannot be read, or a field is there twice."""
    if media_type(request) != FORM:
        raise UnsupportedMediaType(f"The body must be {FORM}.")
    raw = await read_body(request, MAX_FORM_BYTES)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise BadRequest("The form cannot be read.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\0" in value for value in fields.values()):
        raise BadRequest("The form cannot be read.")
    return fields


async def public_form(request: Request) -> dict[str, str]:
    """The fields of a form of who is not signed in; WrongOrigin where we did not show it here."""
    check_origin(request)
    fields = await form(request)
    known, said = cookie(request, FORM_COOKIE), fields.get(CSRF_FIELD, "")
    if not known or not hmac.compare_digest(known.encode(), said.encode()):
        raise WrongOrigin("The form was open for too long, or cookies are off. Please try again.")
    return fields


Form = Annotated[dict[str, str], Depends(form)]
"""The form of who is signed in: `requires` has checked its `csrf`."""
PublicForm = Annotated[dict[str, str], Depends(public_form)]


def root_of(request: Request) -> str:
    """The prefix of the service."""
    return str(request.scope.get("root_path", ""))


@cache
def stylesheet_name() -> str:
    """The name of the style sheet says what is in it, so that it may be kept for ever."""
    return f"heroic.{hashlib.sha256(STYLESHEET.read_bytes()).hexdigest()[:16]}.css"


assets = APIRouter(include_in_schema=False)


@assets.get("/assets/{name}", openapi_extra=PUBLIC)
async def asset(name: str) -> Response:
    """The style sheet."""
    if name != stylesheet_name():
        raise NotFound
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(STYLESHEET.read_bytes(), headers=headers, media_type="text/css")
