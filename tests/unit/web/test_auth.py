"""Who calls, by token or by cookie, and what no page of somebody else can make a browser do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response

from shared.ids import new_id
from shared.security import Principal, SigningKeys, TokenIssuer, TokenVerifier
from shared.settings import ServiceSettings
from shared.web import ApiModel, body, create_api, mount, requires
from shared.web.auth import FORM, origin_of

ORIGIN = "https://heroic.test"
PLAIN_ORIGIN = "http://heroic.test:8080"
TENANT, CSRF = new_id(), "c" * 32
FORMS = {"Content-Type": FORM}
router = APIRouter(prefix="/v1")

Caller = Annotated[Principal, Depends(requires("organisation.write"))]


class Thing(ApiModel):
    """A thing."""

    name: str


@router.get("/things")
async def things(caller: Caller) -> Response:
    """Who asks."""
    return JSONResponse({"id": caller.id})


@router.post("/things")
async def make(caller: Caller) -> Response:
    """Change something by a form."""
    return JSONResponse({"id": caller.id})


@router.post("/documents")
async def write(caller: Caller, thing: Annotated[Thing, Depends(body(Thing))]) -> Response:
    """Change something by JSON."""
    return JSONResponse({"id": caller.id, "name": thing.name})


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def ready() -> None:
    pass


def application(keys: SigningKeys, public_url: str) -> Starlette:
    """A small service that is reached at `public_url`."""
    app = create_api(
        "demo",
        title="Demo",
        routers=[router],
        lifespan=lifespan,
        verifier=TokenVerifier(keys, public_url),
        ready=ready,
        settings=ServiceSettings(public_url=public_url),
    )
    return mount({"demo": app})


@pytest.fixture
def keys() -> SigningKeys:
    return SigningKeys.generate()


@pytest.fixture
async def http(keys: SigningKeys) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(keys, ORIGIN))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


def token(keys: SigningKeys, issuer: str = ORIGIN, **fields: Any) -> str:
    """The token of an administrator who has signed in, but for what is said otherwise."""
    given: dict[str, Any] = {
        "tenant": TENANT,
        "id": "person",
        "kind": "person",
        "roles": frozenset({"administrator"}),
        "session": "s",
        "csrf": CSRF,
    }
    return TokenIssuer(keys, issuer).issue(Principal(**given | fields))


def machine(keys: SigningKeys) -> str:
    """The token of an integration of all that this service asks for."""
    return token(
        keys,
        id="machine",
        kind="integration",
        roles=frozenset(),
        scopes=frozenset({"intake.write"}),
        session=None,
        csrf=None,
    )


def by_cookie(keys: SigningKeys, **fields: Any) -> dict[str, str]:
    """The headers of a browser of somebody who has signed in."""
    return {"Cookie": f"__Host-heroic-token={token(keys, **fields)}"}


async def test_nobody_is_told_that_a_token_is_needed(http: httpx.AsyncClient) -> None:
    answer = await http.get("/demo/v1/things")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_cookie_alone_reads_and_never_changes(
    http: httpx.AsyncClient, keys: SigningKeys
) -> None:
    assert (await http.get("/demo/v1/things", headers=by_cookie(keys))).json()["id"] == "person"
    answer = await http.post("/demo/v1/things", headers=by_cookie(keys))
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


async def test_a_form_of_ours_changes(http: httpx.AsyncClient, keys: SigningKeys) -> None:
    headers = by_cookie(keys) | FORMS | {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    answer = await http.post("/demo/v1/things", content=f"csrf={CSRF}", headers=headers)
    assert answer.status_code == 200


async def test_a_script_of_ours_changes(http: httpx.AsyncClient, keys: SigningKeys) -> None:
    headers = by_cookie(keys) | {"X-CSRF-Token": CSRF, "Origin": ORIGIN}
    answer = await http.post("/demo/v1/documents", json={"name": "x"}, headers=headers)
    assert answer.json() == {"id": "person", "name": "x"}


@pytest.mark.parametrize(
    "form",
    [
        "",
        "csrf=",
        "csrf=wrong",
        f"csrf={CSRF}x",
        f"csrf={CSRF}&csrf=wrong",
        f"csrf=wrong&csrf={CSRF}",
        f"CSRF={CSRF}",
        f"csrf%00={CSRF}",
        "csrf=%ff",
        "a=&" * 2000 + f"csrf={CSRF}",
    ],
)
async def test_a_form_that_does_not_repeat_the_secret_changes_nothing(
    http: httpx.AsyncClient, keys: SigningKeys, form: str
) -> None:
    answer = await http.post("/demo/v1/things", content=form, headers=by_cookie(keys) | FORMS)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


async def test_a_form_that_is_no_text_changes_nothing(
    http: httpx.AsyncClient, keys: SigningKeys
) -> None:
    headers = by_cookie(keys) | FORMS
    answer = await http.post("/demo/v1/things", content=b"csrf=\xff\xfe", headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "", "x"])
async def test_only_a_form_carries_the_secret_in_its_body(
    http: httpx.AsyncClient, keys: SigningKeys, kind: str
) -> None:
    headers = by_cookie(keys) | {"Content-Type": kind}
    answer = await http.post("/demo/v1/things", content=f"csrf={CSRF}", headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "said",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "https://heroic.test.evil.test"},
        {"Origin": "http://heroic.test"},
        {"Origin": "https://heroic.test:444"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://["},
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_a_page_of_somebody_else_changes_nothing_even_with_the_secret(
    http: httpx.AsyncClient, keys: SigningKeys, said: dict[str, str]
) -> None:
    headers = by_cookie(keys) | {"X-CSRF-Token": CSRF} | said
    answer = await http.post("/demo/v1/things", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


@pytest.mark.parametrize("csrf", ["", None])
async def test_a_token_without_a_secret_changes_nothing_by_cookie(
    http: httpx.AsyncClient, keys: SigningKeys, csrf: str | None
) -> None:
    headers = by_cookie(keys, csrf=csrf) | FORMS
    answer = await http.post("/demo/v1/things", content=f"csrf={csrf or ''}", headers=headers)
    assert answer.status_code == 403


async def test_the_secret_of_another_session_changes_nothing(
    http: httpx.AsyncClient, keys: SigningKeys
) -> None:
    headers = by_cookie(keys, csrf="d" * 32) | {"X-CSRF-Token": CSRF}
    assert (await http.post("/demo/v1/things", headers=headers)).status_code == 403


async def test_who_sends_a_token_needs_no_secret(
    http: httpx.AsyncClient, keys: SigningKeys
) -> None:
    headers = {"Authorization": f"Bearer {machine(keys)}", "Origin": "https://elsewhere.test"}
    assert (await http.post("/demo/v1/things", headers=headers)).json()["id"] == "machine"


async def test_of_both_the_token_counts_and_never_falls_back_to_the_cookie(
    http: httpx.AsyncClient, keys: SigningKeys
) -> None:
    both = by_cookie(keys) | {"Authorization": f"Bearer {machine(keys)}"}
    assert (await http.get("/demo/v1/things", headers=both)).json()["id"] == "machine"
    for broken in ("", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", f"bearer{machine(keys)}"):
        answer = await http.get("/demo/v1/things", headers=both | {"Authorization": broken})
        assert answer.status_code == 401, broken


async def test_a_machines_token_is_no_session(http: httpx.AsyncClient, keys: SigningKeys) -> None:
    headers = {"Cookie": f"__Host-heroic-token={machine(keys)}"}
    assert (await http.get("/demo/v1/things", headers=headers)).status_code == 401


async def test_behind_tls_only_the_cookie_that_is_bound_to_the_host_counts(
    http: httpx.AsyncClient, keys: SigningKeys
) -> None:
    headers = {"Cookie": f"heroic-token={token(keys)}"}
    assert (await http.get("/demo/v1/things", headers=headers)).status_code == 401


async def test_the_platform_is_known_by_its_own_name_and_by_that_of_its_address(
    keys: SigningKeys,
) -> None:
    transport = httpx.ASGITransport(application(keys, PLAIN_ORIGIN))
    cookie = {"Cookie": f"heroic-token={token(keys, PLAIN_ORIGIN)}", "X-CSRF-Token": CSRF}
    for address in (PLAIN_ORIGIN, "http://localhost:8080", "http://localhost"):
        async with httpx.AsyncClient(transport=transport, base_url=address) as http:
            for origin in (address, PLAIN_ORIGIN):
                headers = cookie | {"Origin": origin}
                assert (await http.post("/demo/v1/things", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://Heroic.test/", "https://heroic.test"),
        ("https://heroic.test:443/x", "https://heroic.test"),
        ("HTTP://heroic.test:80", "http://heroic.test"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(address: str, origin: str) -> None:
    assert origin_of(address) == origin


def test_the_document_says_by_which_ways_one_comes_in(keys: SigningKeys) -> None:
    app = application(keys, ORIGIN).routes[0].app  # type: ignore[attr-defined]
    schemes = app.openapi()["components"]["securitySchemes"]
    assert schemes["session"]["name"] == "__Host-heroic-token"
    operation = app.openapi()["paths"]["/v1/things"]["get"]
    assert operation["security"] == [{"oauth2": ["intake.write"]}, {"session": []}]
    assert operation["x-permission"] == "organisation.write"


async def test_browsers_are_told_to_come_by_tls_alone_where_there_is_tls(
    http: httpx.AsyncClient, keys: SigningKeys
) -> None:
    told = "strict-transport-security"
    for path in ("/demo/v1/things", "/demo/nowhere", "/nowhere"):
        assert (await http.get(path)).headers[told] == "max-age=31536000"
    transport = httpx.ASGITransport(application(keys, PLAIN_ORIGIN))
    async with httpx.AsyncClient(transport=transport, base_url=PLAIN_ORIGIN) as plain:
        assert told not in (await plain.get("/demo/v1/things")).headers
