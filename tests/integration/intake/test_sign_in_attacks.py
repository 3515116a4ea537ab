"""What of an attack on signing in is refused, and how."""

import re
import time
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from services.intake.app import create_app
from services.intake.people import attempts as limits
from services.intake.people.attempts import Attempts
from services.intake.people.schema import TABLES
from services.intake.rate_limit import RateLimiter
from shared.clock import utc_now
from shared.errors import TooManyRequests
from shared.ids import new_id
from shared.web import mount
from shared.web.html import local_path
from tests.integration.intake.home import ISSUER, Caller, Intake
from tests.integration.intake.people import PASSWORD, browser, invited, joined, parts, sign_in
from tests.support.browser import Browser, Page

HOSTILE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/intake/\\evil.example",
    "\\/evil.example",
    "javascript:alert(1)",
    "/elsewhere",
    "/intakeevil",
    "/intake/me\r\nSet-Cookie: a=b",
    "/intake/me\nX: y",
    "/intake/\u2028",
    "/intake/" + "x" * 2_000,
    "",
]


def without_tokens(page: Page) -> str:
    """The page but for what differs each time."""
    return re.sub(r'(name="csrf" value|value|nonce)="[^"]*"', "", page.answer.text)


async def test_nobody_learns_whether_there_is_an_account(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    not_yet = await invited(intake, caller)
    using = browser(intake)
    page = await using.open(member.sign_in)

    async def attempt(email: str) -> tuple[Page, float]:
        started = time.perf_counter()
        answer = await using.submit(page, "/sign-in", email=email, password="not the password")
        return answer, time.perf_counter() - started

    known = [await attempt(member.email) for _ in range(3)]
    others = [await attempt(email) for email in ("nobody@example.org", not_yet.email, "", "'--")]
    assert {one.status for one, _ in known + others} == {401}
    assert len({without_tokens(one) for one, _ in known + others}) == 1
    # The same work is done: a hash takes most of the time.
    quickest = min(seconds for _, seconds in known)
    assert all(seconds > quickest / 3 for _, seconds in others)


async def test_guessing_stops_after_ten_and_so_does_the_right_password(
    intake: Intake, caller: Caller
) -> None:
    member = await joined(intake, caller)
    for email in (member.email, f"{new_id()}@example.org"):
        using = browser(intake)
        page = await using.open(member.sign_in)
        for _ in range(limits.MOST):
            wrong = await using.submit(page, "/sign-in", email=email.upper(), password="wrong")
            assert wrong.status == 401
        # Also for who does not exist: nothing is learned from a limit.
        stopped = await using.submit(page, "/sign-in", email=email, password=PASSWORD)
        assert (stopped.status, "Too many attempts" in stopped.words) == (429, True)
        assert 0 < int(stopped.answer.headers["retry-after"]) <= 901
    # Nobody else is held up.
    assert (await sign_in(browser(intake), await joined(intake, caller))).path == "/intake/me"


async def test_ten_thousand_guesses_reach_ten_hashes_also_without_redis(
    intake: Intake, caller: Caller
) -> None:
    signing_in = parts(intake)
    away = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.1)
    now = utc_now()

    def attempts() -> Attempts:
        return Attempts(
            signing_in.attempts._database,
            signing_in.attempts._keyring,
            RateLimiter(away),
            lambda: now,
        )

    # Two processes that know nothing of each other but by the database.
    passed, processes = 0, [attempts(), attempts()]
    email = f"{new_id()}@example.org"
    for number in range(10_000):
        try:
            await processes[number % 2].count(caller.organisation_id, "email", email)
        except TooManyRequests:
            continue
        passed += 1
    assert passed == limits.MOST
    assert 10_000 / limits.MOST * limits.WINDOW.total_seconds() > 10 * 24 * 3600
    now += limits.WINDOW
    await attempts().count(caller.organisation_id, "email", email)
    await away.aclose()


async def test_a_session_that_was_there_before_is_never_signed_in(
    intake: Intake, caller: Caller
) -> None:
    attacker, victim = await joined(intake, caller), await joined(intake, caller)
    own = browser(intake)
    await sign_in(own, attacker)
    planted = own.http.cookies["heroic-session"]

    using = browser(intake)
    using.http.cookies.set("heroic-session", planted, domain="heroic.test", path="/")
    me = await sign_in(using, victim)
    assert victim.email in me.words
    held = [one.value for one in using.http.cookies.jar if one.name == "heroic-session"]
    assert planted not in held
    # What was planted is the attacker's still, and no one else's.
    assert (await own.http.post("/intake/session/renew")).status_code == 204
    assert attacker.email in (await own.open("/intake/me")).words


@pytest.mark.parametrize("csrf", ["", "guessed", "ü"])
async def test_a_form_of_another_page_signs_nobody_in(
    intake: Intake, caller: Caller, csrf: str
) -> None:
    member = await joined(intake, caller)
    right = {"email": member.email, "password": PASSWORD, "next": "/intake/me"}
    using = browser(intake)
    await using.open(member.sign_in)
    answer = await using.send(member.sign_in, right | {"csrf": csrf})
    assert answer.status_code == 403
    assert "heroic-session" not in using.http.cookies

    # Without our cookie no token is right, also not an empty one.
    bare = browser(intake)
    assert (await bare.send(member.sign_in, right | {"csrf": csrf})).status_code == 403


async def test_a_form_sent_from_another_site_is_refused(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    using = browser(intake)
    page = await using.open(member.sign_in)
    fields = page.form("/sign-in").fields | {"email": member.email, "password": PASSWORD}
    cross = {"Sec-Fetch-Site": "cross-site"}
    answer = await using.send(member.sign_in, fields, headers=cross)
    assert answer.status_code == 403

    me = await sign_in(using, member)
    for action, fields in (
        ("/intake/me/sign-out", {"csrf": ""}),
        ("/intake/me/sign-out-everywhere", {}),
        ("/intake/me/second-factor", {"csrf": "guessed", "code": "1"}),
    ):
        assert (await using.send(action, fields)).status_code == 403
    own = me.form("/sign-out").fields
    assert (await using.send("/intake/me/sign-out", own, headers=cross)).status_code == 403
    assert (await using.open("/intake/me")).path == "/intake/me"


async def test_nothing_leads_away_from_here(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    using = browser(intake)
    for target in HOSTILE:
        assert local_path(target, "/intake/me") == "/intake/me"
        page = Page(await using.http.get(member.sign_in, params={"next": target}))
        assert page.form("/sign-in").fields["next"] == "/intake/me"
    own = page.form("/sign-in").fields | {"email": member.email, "password": PASSWORD}
    using.http.follow_redirects = False
    for target in HOSTILE[:3]:
        answer = await using.send(member.sign_in, own | {"next": target})
        assert (answer.status_code, answer.headers["location"]) == (303, "/intake/me")
    for target in HOSTILE:
        renewed = await using.http.get("/intake/session/renew", params={"next": target})
        assert (renewed.status_code, renewed.headers["location"]) == (303, "/intake/me")


async def test_a_renewal_never_leads_to_itself(intake: Intake, caller: Caller) -> None:
    using = browser(intake)
    await sign_in(using, await joined(intake, caller))
    answer = await using.open("/intake/session/renew?next=/intake/session/renew?next=/intake/me")
    assert answer.path == "/intake/me"


async def test_a_link_opens_nothing_in_another_organisation(
    intake: Intake, caller: Caller, stranger: Caller
) -> None:
    member = await invited(intake, caller)
    token, _ = await parts(intake).links.make(member.tenant, "invite", member.id)
    other = f"/intake/o/{stranger.organisation_id}/links/{token}"
    assert (await browser(intake).open(other)).status == 410
    assert (await browser(intake).open(f"/intake/o/{new_id()}/links/{token}")).status == 404
    assert (await browser(intake).open(f"/intake/o/x/links/{token}")).status == 404
    # And nobody of one organisation signs in at another.
    away = await joined(intake, caller)
    using = browser(intake)
    page = await using.open(f"/intake/o/{stranger.organisation_id}/sign-in")
    refused = await using.submit(page, "/sign-in", email=away.email, password=PASSWORD)
    assert refused.status == 401


async def test_trying_out_links_is_stopped_by_address(intake: Intake, caller: Caller) -> None:
    transport = httpx.ASGITransport(intake.asgi, client=("192.0.2.7", 1))
    using = Browser(httpx.AsyncClient(transport=transport, base_url=ISSUER))
    path = f"/intake/o/{caller.organisation_id}/links/"
    # A minute may end in between: then it takes as many again.
    tries = 2 * limits.OF_ADDRESS + 1
    statuses = [(await using.open(f"{path}guess-{n}")).status for n in range(tries)]
    assert statuses[0] == 410
    assert 429 in statuses
    assert set(statuses) == {410, 429}
    # Others come from elsewhere.
    assert (await browser(intake).open(f"{path}guess")).status == 410


async def test_what_was_typed_into_names_is_words_and_nothing_else(
    intake: Intake, caller: Caller
) -> None:
    script = "<script>alert(1)</script>{{ 1234567 * 7 }}"
    signing_in, tenant = parts(intake), caller.organisation_id
    person_id = await signing_in.persons.invite(
        tenant, script, f"{new_id()}@example.org", frozenset({"clinician"})
    )
    token, _ = await signing_in.links.make(tenant, "invite", person_id)
    using = browser(intake)
    using.http.headers["User-Agent"] = script
    link = f"/intake/o/{tenant}/links/{token}"
    page = await using.open(link)
    me = await using.submit(page, link, password=PASSWORD, again=PASSWORD)
    for one in (page, me):
        assert "script" not in one.tags
        assert "<script" not in one.answer.text
        assert "8641969" not in one.words
        assert script in one.words


async def test_pages_run_nothing_and_are_kept_nowhere(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    using = browser(intake)
    client = f"/intake/o/{member.tenant}/client"
    pages = [await using.open(path) for path in ("/intake/sign-in", member.sign_in, client)]
    pages.append(await sign_in(using, member))
    pages.append(await using.open("/intake/me/second-factor"))
    pages.append(await using.open("/intake/o/x/sign-in"))
    for page in pages:
        policy = page.answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.answer.headers["cache-control"] == "no-store"
        assert "script" not in page.tags
        assert "style=" not in page.answer.text
        # Every field has a label, every page one heading, a language and a way past the header.
        for name in re.findall(r'<input id="(\w+)"', page.answer.text):
            assert f'<label for="{name}">' in page.answer.text
        assert page.tags.count("h1") == 1
        assert '<html lang="en">' in page.answer.text
    sheet = re.findall(r'href="(/intake/assets/[^"]+)"', pages[0].answer.text)[0]
    answer = await using.http.get(sheet)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]


@pytest.fixture
async def behind_tls(intake: Intake) -> AsyncIterator[Browser]:
    """A browser of the same intake, reached by https."""
    settings = intake.settings.model_copy(update={"public_url": "https://heroic.test"})
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(mount({"intake": app}), raise_app_exceptions=False)
        yield Browser(httpx.AsyncClient(transport=transport, base_url="https://heroic.test"))


async def test_behind_tls_cookies_belong_to_this_host_alone(
    intake: Intake, caller: Caller, behind_tls: Browser
) -> None:
    member = await joined(intake, caller)
    page = await behind_tls.open(member.sign_in)
    behind_tls.http.follow_redirects = False
    fields = page.form("/sign-in").fields | {"email": member.email, "password": PASSWORD}
    answer = await behind_tls.send(member.sign_in, fields)
    assert "strict-transport-security" in answer.headers
    cookies = answer.headers.get_list("set-cookie")
    names = {one.partition("=")[0] for one in cookies}
    assert names >= {"__Host-heroic-session", "__Host-heroic-token"}
    for one in cookies:
        assert one.startswith("__Host-")
        assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(one.split("; "))
        assert "Domain" not in one


async def test_no_secret_of_anybody_is_kept_in_the_clear(intake: Intake, caller: Caller) -> None:
    member = await joined(intake, caller)
    signing_in = parts(intake)
    using = browser(intake)
    await sign_in(using, member)
    secret = await signing_in.accounts.new_totp(member.tenant, member.id)
    link, _ = await signing_in.links.make(member.tenant, "reset", member.id)
    code, _ = await signing_in.links.make(member.tenant, "code", new_id(), client_id=new_id())
    session = using.http.cookies["heroic-session"].rpartition(".")[2]
    connection = await asyncpg.connect(intake.urls.reader)
    try:
        for table in TABLES:
            rows = await connection.fetch(f"SELECT {table}::text AS row FROM {table}")  # noqa: S608
            assert rows or table == "client_pins"
            kept = "\n".join(row["row"] for row in rows)
            plain = code.replace("-", "")
            for word in (member.email, PASSWORD, secret, link, session, code, plain):
                assert word not in kept
                assert word.encode().hex() not in kept
    finally:
        await connection.close()
