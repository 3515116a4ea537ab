"""How clients, and those close to them, sign in by codes and PINs."""

import asyncpg
import pytest

from shared.security import TokenVerifier
from tests.integration.intake.home import ISSUER, Caller, Intake
from tests.integration.intake.people import browser, joined, parts, sign_in
from tests.support.browser import Browser, Page

PIN = "802715"


async def code_for(intake: Intake, caller: Caller, client_id: str) -> str:
    """A one-time code."""
    tenant = caller.organisation_id
    code, _ = await parts(intake).clients.issue(tenant, client_id, None, forget_pin=False)
    return code


def door(caller: Caller) -> str:
    """The page on which clients sign in."""
    return f"/intake/o/{caller.organisation_id}/client"


async def come_in(using: Browser, caller: Caller, code: str, **filled: str) -> Page:
    """Give the code and choose a PIN."""
    page = await using.submit(await using.open(door(caller)), "/client/code", code=code)
    return await using.submit(page, "/client/pin", **({"pin": PIN, "again": PIN} | filled))


async def test_a_code_and_a_pin_let_a_client_in_once(intake: Intake, caller: Caller) -> None:
    client = await caller.client(given_name="Zxqvarian")
    code = await code_for(intake, caller, client["id"])
    using = browser(intake)
    me = await come_in(using, caller, code.lower().replace("-", " "), contact="Kim@Example.org")
    assert (me.status, me.path) == (200, "/intake/me")
    assert f"/intake/v1/clients/{client['id']}/audit" in me.links
    token = using.http.cookies["heroic-token"]
    principal = (await TokenVerifier(intake.signing_keys, ISSUER).verify(token)).principal
    assert (principal.kind, principal.id) == ("client", client["id"])
    assert not principal.roles
    assert not principal.scopes

    # The code is spent; the contact and the PIN let in from now on.
    page = await using.open(door(caller))
    spent = await using.submit(page, "/client/code", code=code)
    assert (spent.status, "used already" in spent.words) == (401, True)
    later = browser(intake)
    page = await later.open(door(caller))
    assert (await later.submit(page, "/client", name="kim@example.org", pin="999999")).status == 401
    assert (
        await later.submit(page, "/client", name="kim@example.org", pin=PIN)
    ).path == "/intake/me"


async def test_without_a_contact_a_new_code_goes_with_the_pin(
    intake: Intake, caller: Caller
) -> None:
    client = await caller.client()
    await come_in(browser(intake), caller, await code_for(intake, caller, client["id"]))
    code = await code_for(intake, caller, client["id"])
    using = browser(intake)
    page = await using.submit(await using.open(door(caller)), "/client/code", code=code)
    # There is a PIN, so a code alone chooses no other.
    assert page.form("/client").fields["name"] == code
    stolen = await using.send(
        f"{door(caller)}/pin",
        page.form("/client/code").fields | {"code": code, "pin": "111222", "again": "111222"},
    )
    assert stolen.status_code == 422
    assert (await using.submit(page, "/client", name=code, pin="135790")).status == 401
    assert (await using.submit(page, "/client", name=code, pin=PIN)).path == "/intake/me"
    other = browser(intake)
    page = await other.open(door(caller))
    assert (await other.submit(page, "/client", name=code, pin=PIN)).status == 401


async def test_a_forgotten_pin_is_chosen_anew_by_a_code_from_the_clinic(
    intake: Intake, caller: Caller
) -> None:
    client = await caller.client()
    await come_in(browser(intake), caller, await code_for(intake, caller, client["id"]))
    code, _ = await parts(intake).clients.issue(
        caller.organisation_id, client["id"], None, forget_pin=True
    )
    using = browser(intake)
    assert (await come_in(using, caller, code, pin="918273", again="918273")).path == "/intake/me"


@pytest.mark.parametrize(
    "pin", ["12345", "123456", "111111", "121212", "abcdef", "٣٤٥٦٧٨", "9" * 20]
)
async def test_a_pin_that_will_not_do_leaves_the_code_good(
    intake: Intake, caller: Caller, pin: str
) -> None:
    client = await caller.client()
    code = await code_for(intake, caller, client["id"])
    using = browser(intake)
    page = await come_in(using, caller, code, pin=pin, again=pin)
    assert page.status == 422
    assert (await using.submit(page, "/client/pin", pin=PIN, again=PIN)).path == "/intake/me"


async def test_guessing_codes_and_pins_is_stopped(intake: Intake, caller: Caller) -> None:
    client = await caller.client()
    contact = "0123 456 789"
    await come_in(
        browser(intake), caller, await code_for(intake, caller, client["id"]), contact=contact
    )
    using = browser(intake)
    page = await using.open(door(caller))
    # However the number is written.
    names = ("0123456789", "0123 456 789", "0123-456-789", "(0123) 456789")
    statuses = [
        (await using.submit(page, "/client", name=names[n % 4], pin=f"5500{n:02}")).status
        for n in range(11)
    ]
    assert statuses == [401] * 10 + [429]
    assert (await using.submit(page, "/client", name=contact, pin=PIN)).status == 429
    statuses = [
        (await using.submit(page, "/client/code", code=f"AAABBB2{n:02}")).status for n in range(11)
    ]
    assert statuses == [401] * 10 + [429]


async def test_a_code_of_one_organisation_is_none_of_another(
    intake: Intake, caller: Caller, stranger: Caller
) -> None:
    code = await code_for(intake, caller, (await caller.client())["id"])
    using = browser(intake)
    page = await using.open(door(stranger))
    assert (await using.submit(page, "/client/code", code=code)).status == 401


async def test_staff_make_codes_for_whom_they_reach_and_machines_make_none(
    intake: Intake, caller: Caller
) -> None:
    client = await caller.client()
    path = f"/intake/v1/clients/{client['id']}/sign-in-codes"
    assert (await caller.http.post(path, json={})).status_code == 403
    clinician = await joined(intake, caller, "clinician")
    administrator = await joined(intake, caller, "administrator")
    outside, inside = browser(intake), browser(intake)
    for using, member in ((outside, clinician), (inside, administrator)):
        me = await sign_in(using, member)
        using.http.headers["X-CSRF-Token"] = me.forms[0].fields["csrf"]
    assert (await outside.http.post(path, json={})).status_code == 404
    made = await inside.http.post(path, json={})
    assert made.status_code == 201, made.text
    assert made.json()["url"] == f"{ISSUER}{door(caller)}"
    assert (await come_in(browser(intake), caller, made.json()["code"])).path == "/intake/me"
    unknown = {"related_id": clinician.id}
    assert (await inside.http.post(path, json=unknown)).status_code == 404


async def test_who_is_erased_is_let_in_no_more(intake: Intake, caller: Caller) -> None:
    client = await caller.client()
    using = browser(intake)
    await come_in(using, caller, await code_for(intake, caller, client["id"]), contact="a@b.org")
    connection = await asyncpg.connect(intake.urls.owner)
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT set_config('heroic.tenants', $1, true)", f"{{{caller.organisation_id}}}"
            )
            await connection.execute(
                "INSERT INTO access_clients (tenant, client_id, erased_at) VALUES ($1, $2, now())"
                " ON CONFLICT (tenant, client_id) DO UPDATE SET erased_at = now()",
                caller.organisation_id,
                client["id"],
            )
    finally:
        await connection.close()
    assert (await using.http.post("/intake/session/renew")).status_code == 401
    page = await using.open(door(caller))
    assert (await using.submit(page, "/client", name="a@b.org", pin=PIN)).status == 401
