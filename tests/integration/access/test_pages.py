"""Who may open which page: every one that is no operation of the documents, as every caller."""

from collections.abc import Mapping

import msgspec
import pytest
from fastapi import FastAPI

from shared.ids import new_id
from shared.security.policy import POLICY
from shared.web.auth import CSRF_HEADER, TOKEN_COOKIE
from shared.web.html import RENEW
from shared.web.openapi import PUBLIC, Declared, declared
from tests.integration.access.world import BAD_TOKEN, CALLERS, MACHINES, NOBODY, World

Page = tuple[str, Declared]

CSRF = "what forms of this session repeat"
HTML = {"Accept": "text/html"}

pytestmark = pytest.mark.timeout(300)


def pages_of(apps: Mapping[str, FastAPI]) -> list[Page]:
    """The routes that the documents leave out."""
    found = []
    for service, app in apps.items():
        documented = {
            (method.upper(), path)
            for path, operations in app.openapi()["paths"].items()
            for method in operations
        }
        found += [
            (service, route)
            for route in declared(app)
            if (route.method, route.path) not in documented
        ]
    return found


def cookies_of(world: World, caller: str) -> dict[str, str]:
    """What the caller's browser sends along."""
    if caller == NOBODY:
        return {}
    if caller == BAD_TOKEN:
        return {TOKEN_COOKIE: world.token(BAD_TOKEN) or ""}
    principal = msgspec.structs.replace(world.principal(caller), session=new_id(), csrf=CSRF)
    return {TOKEN_COOKIE: world.platform.token(principal)}


async def outcome(world: World, page: Page, caller: str, *, csrf: str | None = CSRF) -> str:
    """What becomes of it: `may`, `sign in`, `may not`, or how else it ended."""
    service, route = page
    address = f"/{service}{route.path}".format(
        organisation_id=world.tenant, session_id=new_id(), token=new_id(), name="nothing.css"
    )
    headers = HTML | ({CSRF_HEADER: csrf} if csrf is not None else {})
    async with world.platform.http(None) as http:
        http.cookies.update(cookies_of(world, caller))
        answer = await http.request(route.method, address, headers=headers)
    if answer.status_code == 401 or answer.headers.get("location", "").startswith(RENEW):
        return "sign in"
    if answer.status_code == 403:
        return "may not"
    return "may" if answer.status_code < 500 else f"ended with {answer.status_code}"


def expected(world: World, page: Page, caller: str) -> str:
    """What the policy says."""
    if caller in (NOBODY, BAD_TOKEN, *MACHINES):
        return "sign in"
    [permission] = page[1].permissions
    return "may" if world.principal(caller).reach(POLICY[permission]) else "may not"


async def test_every_page_opens_to_whom_it_says(worlds: tuple[World, World]) -> None:
    world = worlds[0]
    private = [one for one in pages_of(world.platform.apps) if PUBLIC not in one[1].permissions]
    assert len(private) > 5
    differences = [
        f"{page[1].method} /{page[0]}{page[1].path}, {caller}: {wanted}, was {was}"
        for page in private
        for caller in CALLERS
        if (was := await outcome(world, page, caller)) != (wanted := expected(world, page, caller))
    ]
    assert differences == []


async def test_a_page_that_changes_something_is_refused_without_the_words_of_its_form(
    worlds: tuple[World, World],
) -> None:
    changing = [
        one
        for one in pages_of(worlds[0].platform.apps)
        if PUBLIC not in one[1].permissions and one[1].method != "GET"
    ]
    assert len(changing) > 3
    for page in changing:
        for csrf in (None, "another's"):
            assert await outcome(worlds[0], page, "administrator", csrf=csrf) == "may not", page


async def test_what_anybody_may_open_asks_nobody_to_sign_in_first(
    worlds: tuple[World, World],
) -> None:
    for page in pages_of(worlds[0].platform.apps):
        if (
            PUBLIC in page[1].permissions
            and page[1].method == "GET"
            and page[1].path != "/session/renew"
        ):
            assert await outcome(worlds[0], page, NOBODY) == "may", page
