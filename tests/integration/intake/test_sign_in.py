"""How people sign in, stay signed in and sign out."""

import dataclasses

import msgspec
import pyotp
import pytest

from services.intake.people import totp
from shared.clock import utc_now
from shared.contracts.people import PersonDeactivated, RoleGranted, SignInPolicySet
from shared.security import TokenVerifier
from tests.integration.intake.home import ISSUER, Caller, Intake
from tests.integration.intake.people import (
    PASSWORD,
    Member,
    browser,
    invited,
    joined,
    parts,
    say,
    sign_in,
)
from tests.support.browser import Browser, Page

OTHER_PASSWORD = "marble thunder violin creek"


async def link_for(intake: Intake, member: Member, purpose: str = "invite") -> str:
    """The path of a one-time link."""
    token, _ = await parts(intake).links.make(
        member.tenant, "reset" if purpose == "reset" else "invite", member.id
    )
    return f"/intake/o/{member.tenant}/links/{token}"


async def choose(using: Browser, page: Page, link: str, password: str) -> Page:
    return await using.submit(page, link, password=password, again=password)


def code_now(secret: str, *, later: int = 0) -> str:
    """The code of an authenticator, some steps ahead."""
    return pyotp.TOTP(secret).at(utc_now(), counter_offset=later)


async def test_an_invitation_is_taken_up_once(intake: Intake, caller: Caller) -> None:
    member = await invited(intake, caller, "clinician")
    link = await link_for(intake, member)
    first, second = browser(intake), browser(intake)
    # Opening it spends nothing: what looks into messages opens every link.
    page, other = await first.open(link), await second.open(link)
    assert "Welcome, Robin Doe" in page.words

    me = await choose(first, page, link, PASSWORD)
    assert (me.status, me.path) == (200, "/intake/me")
    assert member.email in me.words
    assert "clinician" in me.words
    found = [one for one in await intake.events("PersonJoined") if one["stream"][7:] == member.id]
    assert len(found) == 1

    late = await choose(second, other, link, OTHER_PASSWORD)
    assert (late.status, "not good any more" in late.words) == (410, True)
    assert (await second.open(link)).status == 410
    assert (await sign_in(second, member, OTHER_PASSWORD)).status == 401
    assert (await sign_in(second, member)).path == "/intake/me"


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", "short", "at least 12"),
        ("password1234", "password1234", "easy to guess"),
        (PASSWORD, OTHER_PASSWORD, "not the same"),
        ("x" * 300, "x" * 300, "at most 256"),
        ("heroicheroic", "heroicheroic", "easy to guess"),
    ],
)
async def test_a_password_that_will_not_do_leaves_the_link_good(
    intake: Intake, caller: Caller, password: str, again: str, words: str
) -> None:
    member = await invited(intake, caller)
    link = await link_for(intake, member)
    using = browser(intake)
    page = await using.submit(await using.open(link), link, password=password, again=again)
    assert (page.status, words in page.words) == (422, True)
    page = await choose(using, page, link, member.email)
    assert (page.status, "easy to guess" in page.words) == (422, True)
    assert (await choose(using, page, link, PASSWORD)).path == "/intake/me"


async def test_a_new_password_ends_what_the_old_one_began(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    stranger, owner = browser(intake), browser(intake)
    assert (await sign_in(stranger, member)).path == "/intake/me"
    link = await link_for(intake, member, "reset")
    await choose(owner, await owner.open(link), link, OTHER_PASSWORD)

    assert (await stranger.http.post("/intake/session/renew")).status_code == 401
    assert (await sign_in(browser(intake), member)).status == 401
    assert (await sign_in(browser(intake), member, OTHER_PASSWORD)).path == "/intake/me"


async def test_a_role_may_need_a_second_factor(intake: Intake, caller: Caller) -> None:
    await say(
        intake, caller.organisation_id, SignInPolicySet(second_factor_roles=["administrator"])
    )
    member = await joined(intake, caller, "administrator")
    using = browser(intake)
    page = await sign_in(using, member)
    assert page.path.endswith("/second-factor")
    # Nobody is signed in before it is shown.
    assert (await using.open("/intake/me")).path.endswith("/sign-in")
    account = await parts(intake).accounts.of(member.tenant, member.id)
    assert account is not None
    secret = await parts(intake).accounts.totp_secret(member.tenant, account)
    assert secret is not None
    assert secret[:4] in page.words

    wrong = await using.submit(page, "/second-factor", code="000000")
    assert wrong.status == 401
    code = code_now(secret)
    assert (await using.submit(wrong, "/second-factor", code=code)).path == "/intake/me"

    again = browser(intake)
    page = await sign_in(again, member)
    assert secret[:4] not in page.words
    replayed = await again.submit(page, "/second-factor", code=code)
    assert (replayed.status, "used already" in replayed.words) == (401, True)
    fresh = code_now(secret, later=1)
    assert (await again.submit(replayed, "/second-factor", code=fresh)).path == "/intake/me"

    # A clinician of the same organisation needs none.
    clinician = await joined(intake, caller, "clinician")
    assert (await sign_in(browser(intake), clinician)).path == "/intake/me"


async def test_who_wants_a_second_factor_is_asked_for_it(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    using = browser(intake)
    await sign_in(using, member)
    page = await using.open("/intake/me/second-factor")
    account = await parts(intake).accounts.of(member.tenant, member.id)
    assert account is not None
    secret = await parts(intake).accounts.totp_secret(member.tenant, account)
    assert secret is not None
    # Until a code was shown nothing is asked.
    assert (await sign_in(browser(intake), member)).path == "/intake/me"
    me = await using.submit(page, "/second-factor", code=code_now(secret))
    assert "Set up: you are asked" in me.words
    assert (await sign_in(browser(intake), member)).path.endswith("/second-factor")
    # Whoever finds the screen open does not set up theirs instead.
    assert (await using.open("/intake/me/second-factor")).status == 409


async def test_a_code_is_good_once_however_many_show_it_at_once(
    intake: Intake, caller: Caller
) -> None:
    member = await joined(intake, caller)
    accounts = parts(intake).accounts
    code = code_now(await accounts.new_totp(member.tenant, member.id))
    account = await accounts.of(member.tenant, member.id)
    assert account is not None
    shown = [await accounts.show_code(member.tenant, account, code) for _ in range(3)]
    assert shown == [True, False, False]
    assert totp.step_of("A" * 32, "", utc_now()) is None


async def test_a_session_is_renewed_with_the_roles_of_now(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller, "clinician")
    using = browser(intake)
    await sign_in(using, member)
    await tell(intake, member, RoleGranted(person_id=member.id, role="supervisor"))
    assert (await using.http.post("/intake/session/renew")).status_code == 204
    token = using.http.cookies["heroic-token"]
    principal = (await TokenVerifier(intake.signing_keys, ISSUER).verify(token)).principal
    assert principal.roles == {"clinician", "supervisor"}
    assert (principal.kind, principal.id) == ("person", member.id)

    await tell(intake, member, PersonDeactivated(person_id=member.id))
    assert (await using.http.post("/intake/session/renew")).status_code == 401
    assert (await using.open("/intake/session/renew?next=/intake/me")).path == member.sign_in
    assert (await sign_in(browser(intake), member)).status == 401


async def test_who_comes_back_after_the_token_ended_goes_on(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    using = browser(intake)
    me = await sign_in(using, member)
    del using.http.cookies["heroic-token"]
    assert (await using.open("/intake/me")).path == "/intake/me"

    # A form that was open meanwhile arrives too, with what was filled in.
    del using.http.cookies["heroic-token"]
    out = await using.submit(me, "/me/sign-out")
    assert out.path == member.sign_in
    assert (await using.open("/intake/me")).path == member.sign_in


async def test_signing_out_everywhere_ends_every_session(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    phone, desk = browser(intake), browser(intake)
    phone.http.headers["User-Agent"] = "A phone"
    await sign_in(phone, member)
    me = await sign_in(desk, member)
    me = await desk.open("/intake/me")
    assert "A phone" in me.words
    assert (await desk.submit(me, "/sign-out-everywhere")).path == member.sign_in
    for one in (phone, desk):
        assert (await one.http.post("/intake/session/renew")).status_code == 401
    said = [one for one in await intake.events("SignedOut") if member.id in one["stream"]]
    assert "session_id" not in msgspec.json.decode(said[-1]["data"])


async def test_sessions_are_listed_and_ended_by_api(intake: Intake, caller: Caller) -> None:
    member, other = await joined(intake, caller), await joined(intake, caller)
    here, there, elsewhere = browser(intake), browser(intake), browser(intake)
    for one, who in ((here, member), (there, member), (elsewhere, other)):
        await sign_in(one, who)
    found = (await here.http.get("/intake/v1/sign-ins")).json()["items"]
    assert [one["current"] for one in found] == [False, True]
    strange = (await elsewhere.http.get("/intake/v1/sign-ins")).json()["items"][0]["id"]

    csrf = (await here.open("/intake/me")).forms[0].fields["csrf"]
    path = f"/intake/v1/sign-ins/{found[0]['id']}"
    assert (await here.http.delete(path)).status_code == 403
    here.http.headers["X-CSRF-Token"] = csrf
    assert (await here.http.delete(f"/intake/v1/sign-ins/{strange}")).status_code == 404
    assert (await here.http.delete(path)).status_code == 204
    assert (await here.http.delete(path)).status_code == 404
    assert (await there.http.post("/intake/session/renew")).status_code == 401
    assert (await here.http.post("/intake/session/renew")).status_code == 204
    assert (await here.http.delete("/intake/v1/sign-ins")).status_code == 204
    assert (await here.http.post("/intake/session/renew")).status_code == 401


async def test_an_administrator_makes_links_and_no_machine_does(
    intake: Intake, caller: Caller
) -> None:
    administrator = await joined(intake, caller, "administrator")
    member = await invited(intake, caller)
    path = f"/intake/v1/people/{member.id}/sign-in-links"
    assert (await caller.http.post(path, json={})).status_code == 403

    using = browser(intake)
    me = await sign_in(using, administrator)
    using.http.headers["X-CSRF-Token"] = me.forms[0].fields["csrf"]
    made = await using.http.post(path, json={})
    assert (made.status_code, made.json()["purpose"]) == (201, "invite")
    link = made.json()["url"].removeprefix(ISSUER)
    fresh = browser(intake)
    assert (await choose(fresh, await fresh.open(link), link, PASSWORD)).path == "/intake/me"
    assert (await using.http.post(path, json={})).json()["purpose"] == "reset"


async def test_a_link_that_signs_in_wants_a_button_but_in_a_sample_stack(
    intake: Intake, caller: Caller
) -> None:
    member = await joined(intake, caller)

    async def link() -> str:
        token, _ = await parts(intake).links.make(member.tenant, "sign-in", member.id)
        return f"/intake/o/{member.tenant}/links/{token}"

    path, using = await link(), browser(intake)
    page = await using.open(path)
    assert page.path == path
    assert "heroic-session" not in using.http.cookies
    assert (await using.submit(page, path)).path == "/intake/me"
    assert (await browser(intake).open(path)).status == 410

    usual = parts(intake)
    intake.app.state.signing_in = dataclasses.replace(usual, sample_links=True)
    try:
        path = await link()
        assert (await browser(intake).open(path)).path == "/intake/me"
        assert (await browser(intake).open(path)).status == 410
        # An invitation wants its form there too.
        other = await invited(intake, caller)
        assert "Welcome" in (await browser(intake).open(await link_for(intake, other))).words
    finally:
        intake.app.state.signing_in = usual


async def tell(intake: Intake, member: Member, event: RoleGranted | PersonDeactivated) -> None:
    """Something happens to somebody."""
    await say(intake, member.tenant, event, stream=f"person-{member.id}")
