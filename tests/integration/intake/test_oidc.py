"""Signing in at an organisation's own identity provider: a real one, in a process of its own."""

import socket
import sys
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from shared.contracts.people import (
    IdentityProviderSecret,
    IdentityProviderSet,
    PersonDeactivated,
    StaffRole,
)
from shared.ids import new_id
from shared.security import TokenVerifier
from tests.integration.intake.home import ISSUER, Caller, Intake
from tests.integration.intake.people import browser, joined, say
from tests.support.browser import Browser, Page
from tests.support.waiting import eventually_async

GROUPS: dict[str, list[StaffRole]] = {"therapists": ["clinician"], "leads": ["supervisor"]}


@dataclass
class Provider:
    """The provider, and what it says of people."""

    url: str
    http: httpx.AsyncClient

    async def knows(self, subject: str, **claims: object) -> None:
        """From now on it says so of somebody."""
        answer = await self.http.put(f"{self.url}/users/{subject}", json=claims)
        assert answer.status_code == 204, answer.text

    async def signs_in(self, address: str, subject: str) -> str:
        """Somebody who was sent to `address` signs in as `subject`; where they are sent back."""
        answer = await self.http.post(address, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@pytest.fixture(scope="session")
async def provider() -> AsyncIterator[Provider]:
    """A process that ends with the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.support.provider", str(port)]
    process = await create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as http:

            async def answers() -> bool:
                try:
                    return (await http.get(f"{url}/jwks")).is_success
                except httpx.TransportError:
                    assert process.returncode is None
                    return False

            await eventually_async(answers, 30)
            yield Provider(url, http)
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def start(intake: Intake, caller: Caller, provider: Provider) -> str:
    """Where people of an organisation with a provider begin."""
    event = IdentityProviderSet(
        issuer=provider.url,
        oauth_client_id="heroic",
        group_roles=GROUPS,
        private=IdentityProviderSecret(client_secret="a secret / of % ours"),
    )
    await say(intake, caller.organisation_id, event)
    return f"/intake/o/{caller.organisation_id}/provider"


def somebody() -> tuple[str, dict[str, Any]]:
    """A subject that nobody else has, and its claims."""
    subject = f"{new_id()}@example.org"
    claims = {"email": subject, "email_verified": True, "name": "Kim Roe", "groups": ["leads"]}
    return subject, claims


async def begin(using: Browser, start: str) -> str:
    """Where the browser is sent."""
    using.http.follow_redirects = False
    answer = await using.http.get(start)
    using.http.follow_redirects = True
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def come_back(using: Browser, location: str) -> Page:
    """Follow the provider back to us."""
    assert location.startswith(ISSUER)
    return await using.open(location.removeprefix(ISSUER))


class Arrived(NamedTuple):
    """Where somebody came back to, and in which browser."""

    page: Page
    browser: Browser


async def through(intake: Intake, provider: Provider, start: str, subject: str) -> Arrived:
    """All of it, in a new browser."""
    using = browser(intake)
    page = await come_back(using, await provider.signs_in(await begin(using, start), subject))
    return Arrived(page, using)


async def roles_of(intake: Intake, there: Arrived) -> tuple[str, frozenset[StaffRole]]:
    """Who is signed in, by their token."""
    token = there.browser.http.cookies["heroic-token"]
    principal = (await TokenVerifier(intake.signing_keys, ISSUER).verify(token)).principal
    return principal.id, principal.roles


async def test_groups_at_the_provider_are_roles_here(
    intake: Intake, provider: Provider, start: str, caller: Caller
) -> None:
    subject, claims = somebody()
    await provider.knows(subject, **claims)
    # The sign-in page leads there.
    page = await browser(intake).open(f"/intake/o/{caller.organisation_id}/sign-in")
    assert any(link.startswith(f"{start}?") for link in page.links)

    me = await through(intake, provider, start, subject)
    assert (me.page.status, me.page.path) == (200, "/intake/me")
    assert "Kim Roe" in me.page.words
    person_id, roles = await roles_of(intake, me)
    assert roles == {"supervisor"}
    # The same person the next time.
    assert (await roles_of(intake, await through(intake, provider, start, subject)))[0] == person_id


async def test_a_changed_group_changes_roles_and_the_last_one_ends_access(
    intake: Intake, provider: Provider, start: str
) -> None:
    subject, claims = somebody()
    await provider.knows(subject, **claims)
    first = await through(intake, provider, start, subject)
    person_id, _ = await roles_of(intake, first)

    await provider.knows(subject, **claims | {"groups": ["therapists", "others"]})
    second = await through(intake, provider, start, subject)
    assert await roles_of(intake, second) == (person_id, frozenset({"clinician"}))
    # Tokens of before end by the event, sessions go on with what is held now.
    assert (await first.browser.http.post("/intake/session/renew")).status_code == 204
    assert (await roles_of(intake, first))[1] == {"clinician"}

    await provider.knows(subject, **claims | {"groups": ["others"]})
    refused = await through(intake, provider, start, subject)
    assert (refused.page.status, "None of your groups" in refused.page.words) == (403, True)
    assert (await first.browser.http.post("/intake/session/renew")).status_code == 401
    said = [
        (one["type"].rpartition(".")[2], msgspec.json.decode(one["data"])["role"])
        for one in await intake.events("RoleGranted", "RoleRevoked")
        if one["stream"] == f"person-{person_id}"
    ]
    assert said == [
        ("RoleRevoked", "supervisor"),
        ("RoleGranted", "clinician"),
        ("RoleRevoked", "clinician"),
    ]


async def test_who_never_had_a_group_leaves_nothing_behind(
    intake: Intake, provider: Provider, start: str
) -> None:
    subject, claims = somebody()
    await provider.knows(subject, **claims | {"groups": []})
    before = len(await intake.events("PersonInvited"))
    assert (await through(intake, provider, start, subject)).page.status == 403
    assert len(await intake.events("PersonInvited")) == before


async def test_an_address_that_the_provider_checked_is_who_was_invited(
    intake: Intake, provider: Provider, start: str, caller: Caller
) -> None:
    checked, unchecked = await joined(intake, caller), await joined(intake, caller)
    claims = {"groups": ["therapists"], "name": "Robin Doe"}
    await provider.knows("s1-" + checked.id, email=checked.email, email_verified=True, **claims)
    await provider.knows("s2-" + checked.id, email=unchecked.email, **claims)
    me = await through(intake, provider, start, "s1-" + checked.id)
    assert (await roles_of(intake, me))[0] == checked.id
    # What nobody checked says nothing; nor does an address that was given to somebody else.
    other = await through(intake, provider, start, "s2-" + checked.id)
    assert (await roles_of(intake, other))[0] != unchecked.id
    await provider.knows("s3-" + checked.id, email=checked.email, email_verified=True, **claims)
    third = await through(intake, provider, start, "s3-" + checked.id)
    assert (await roles_of(intake, third))[0] != checked.id


async def test_who_was_deactivated_is_not_let_in_by_a_group(
    intake: Intake, provider: Provider, start: str, caller: Caller
) -> None:
    subject, claims = somebody()
    await provider.knows(subject, **claims)
    person_id, _ = await roles_of(intake, await through(intake, provider, start, subject))
    event = PersonDeactivated(person_id=person_id)
    await say(intake, caller.organisation_id, event, stream=f"person-{person_id}")
    again = await through(intake, provider, start, subject)
    assert again.page.status == 409
    assert "heroic-session" not in again.browser.http.cookies


async def test_an_answer_is_good_in_the_browser_that_asked_and_once(
    intake: Intake, provider: Provider, start: str
) -> None:
    subject, claims = somebody()
    await provider.knows(subject, **claims)
    own, other, bare = browser(intake), browser(intake), browser(intake)
    location = await provider.signs_in(await begin(own, start), subject)
    await begin(other, start)
    for using in (other, bare):
        refused = await come_back(using, location)
        assert (refused.status, "not begun here" in refused.words) == (403, True)
        assert "heroic-session" not in using.http.cookies
    secret = own.http.cookies["heroic-provider"]
    assert (await come_back(own, location)).path == "/intake/me"
    # Replayed with all that the browser knew: the provider takes a code once.
    own.http.cookies.set("heroic-provider", secret, domain="heroic.test", path="/")
    assert (await come_back(own, location)).status == 403


async def test_the_provider_is_asked_for_proof_of_who_began(
    intake: Intake, provider: Provider, start: str
) -> None:
    asked = parse_qs(urlsplit(await begin(browser(intake), start)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert "openid" in asked["scope"][0].split()
    assert len(asked["nonce"][0]) >= 43
    assert len({*asked["state"], *asked["nonce"], *asked["code_challenge"]}) == 3
    # A code that was taken from its way back is worth nothing without the verifier.
    subject, claims = somebody()
    await provider.knows(subject, **claims)
    location = await provider.signs_in(await begin(browser(intake), start), subject)
    using = browser(intake)
    own = parse_qs(urlsplit(await begin(using, start)).query)["state"][0]
    stolen = parse_qs(urlsplit(location).query)["code"][0]
    page = await using.open(f"{start}/callback?code={stolen}&state={own}")
    assert page.status == 403


@pytest.mark.parametrize("query", ["", "?error=access_denied", "?code=x", "?state=x&code=x"])
async def test_a_way_back_without_an_answer_is_refused(
    intake: Intake, provider: Provider, start: str, query: str
) -> None:
    using = browser(intake)
    await begin(using, start)
    assert (await using.open(f"{start}/callback{query}")).status == 403


async def test_who_says_no_at_the_provider_is_told_so(
    intake: Intake, provider: Provider, start: str
) -> None:
    using = browser(intake)
    state = parse_qs(urlsplit(await begin(using, start)).query)["state"][0]
    page = await using.open(f"{start}/callback?error=access_denied&state={state}")
    assert (page.status, "did not sign you in" in page.words) == (403, True)


async def test_without_a_provider_there_is_no_way_to_one(intake: Intake, stranger: Caller) -> None:
    path = f"/intake/o/{stranger.organisation_id}/provider"
    assert (await browser(intake).open(path)).status == 404
    assert (await browser(intake).open(f"{path}/callback?code=x&state=y")).status == 404


async def test_a_provider_that_is_away_is_said_to_be_away(intake: Intake, stranger: Caller) -> None:
    event = IdentityProviderSet(
        issuer="http://127.0.0.1:9",
        oauth_client_id="heroic",
        group_roles=GROUPS,
        private=IdentityProviderSecret(client_secret="s"),
    )
    await say(intake, stranger.organisation_id, event)
    page = await browser(intake).open(f"/intake/o/{stranger.organisation_id}/provider")
    assert (page.status, page.answer.headers["retry-after"]) == (503, "1")
