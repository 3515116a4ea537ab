"""A machine that is revoked, or whose secret is removed, is refused everywhere within seconds."""

from tests.integration.staff.house import House, granted

MACHINES = "/intake/v1/integrations"
SCOPES = ["intake.read", "feedback.read", "outcomes.read", "alerts.read"]


async def test_a_revoked_machine_is_refused_everywhere_within_five_seconds(house: House) -> None:
    body = {"name": "feed", "scopes": SCOPES}
    made = (await house.admin.post(MACHINES, json=body)).json()
    token = (await granted(house, made["client_id"], made["client_secret"]))["access_token"]
    assert set((await house.statuses(token)).values()) == {200}
    await house.admin.delete(f"{MACHINES}/{made['id']}")
    await house.refused_everywhere(token)


async def test_what_came_by_a_removed_secret_is_refused_and_what_came_by_the_other_is_not(
    house: House,
) -> None:
    body = {"name": "feed", "scopes": SCOPES}
    made = (await house.admin.post(MACHINES, json=body)).json()
    machine = f"{MACHINES}/{made['id']}"
    second = (await house.admin.post(f"{machine}/rotate")).json()
    old = (await granted(house, made["client_id"], made["client_secret"]))["access_token"]
    new = (await granted(house, made["client_id"], second["client_secret"]))["access_token"]
    await house.admin.delete(f"{machine}/secrets/{made['secret_id']}")
    await house.refused_everywhere(old)
    assert set((await house.statuses(new)).values()) == {200}


async def test_a_machine_ends_its_own_tokens_and_gets_new_ones(house: House) -> None:
    body = {"name": "feed", "scopes": SCOPES}
    made = (await house.admin.post(MACHINES, json=body)).json()
    pair = (made["client_id"], made["client_secret"])
    token = (await granted(house, *pair))["access_token"]
    async with house.platform.http() as http:
        answer = await http.post("/intake/oauth/revoke", data={"token": token}, auth=pair)
    assert (answer.status_code, answer.content) == (200, b"")
    await house.refused_everywhere(token)
    fresh = (await granted(house, *pair))["access_token"]
    assert set((await house.statuses(fresh)).values()) == {200}


async def test_a_machine_ends_nobody_elses_tokens(house: House, neighbours: House) -> None:
    body = {"name": "feed", "scopes": SCOPES}
    made = (await house.admin.post(MACHINES, json=body)).json()
    other = (await neighbours.admin.post(MACHINES, json=body)).json()
    theirs = (await granted(neighbours, other["client_id"], other["client_secret"]))["access_token"]
    pair = (made["client_id"], made["client_secret"])
    async with house.platform.http() as http:
        refused = await http.post("/intake/oauth/revoke", data={"token": theirs}, auth=pair)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        for form, status, error in (
            ({"token": "nonsense"}, 200, None),
            ({"token": theirs, "token_type_hint": "refresh_token"}, 400, "unsupported_token_type"),
            ({"token_type_hint": "access_token"}, 400, "invalid_request"),
        ):
            answer = await http.post("/intake/oauth/revoke", data=form, auth=pair)
            assert answer.status_code == status
            assert error is None or answer.json()["error"] == error
        stranger = await http.post("/intake/oauth/revoke", data={"token": theirs})
        assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")
    await house.platform.carry()
    assert set((await neighbours.statuses(theirs)).values()) == {200}
