"""Who hears of which alerts on the live stream, and until when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.alerts.live import listening as audiences
from services.alerts.live.log import Message as Heard
from shared.contracts import Event
from shared.contracts.intake import ConsentGiven, ConsentWithdrawn, ErasureRefused
from shared.contracts.people import (
    IntegrationRevoked,
    PersonDeactivated,
    PrincipalKind,
    RoleRevoked,
    SignedOut,
)
from shared.ids import new_id
from shared.security import Principal
from tests.integration.alerts.home import Home
from tests.integration.alerts.staff import (
    care_team,
    in_care_of,
    invited,
    member,
    opened,
    team,
    transferred,
)
from tests.integration.alerts.test_stream import listening, take
from tests.support.front_door import Message

WITHIN_SECONDS = 5
"""How soon access that ends must end the delivery."""


async def hears_next(stream: AsyncIterator[Message]) -> str:
    """Of whom the next message is."""
    [message] = await take(stream, 1)
    return str(message.data["client_id"])


async def test_a_clinician_hears_of_whom_they_treat_and_of_nobody_else(home: Home) -> None:
    me = new_id()
    mine, theirs = await in_care_of(home, me), await in_care_of(home, new_id())
    async with home.http_as(me, "clinician") as http, listening(http) as stream:
        await home.submit(theirs, 30)
        await home.submit(mine, 30)
        assert await hears_next(stream) == mine.id


async def test_a_clinician_hears_at_once_of_a_client_whom_they_have_just_been_given(
    home: Home,
) -> None:
    first, second = new_id(), new_id()
    client = await in_care_of(home, first)
    await home.submit(client, 30)
    async with (
        home.http_as(first, "clinician") as old,
        home.http_as(second, "clinician") as new,
        listening(old) as left,
        listening(new) as joined,
    ):
        await home.hear(client, transferred(client, second))
        [told] = await take(joined, 1)
        assert (told.name, told.data["client_id"]) == ("alert-changed", client.id)
        await home.submit(client, 30)
        assert await hears_next(joined) == client.id
        with pytest.raises(TimeoutError):
            await take(left, 1, seconds=0.5)


async def test_an_alert_that_came_before_its_episode_is_told_once_that_is_here(home: Home) -> None:
    client, clinician = await home.new_client(), new_id()
    async with home.http_as(clinician, "clinician") as http, listening(http) as stream:
        await home.submit(client, 30)
        await home.hear(client, opened(client, clinician))
        [told] = await take(stream, 1)
    assert (told.name, told.data["client_id"]) == ("alert-changed", client.id)


async def test_who_resumes_hears_nothing_of_a_client_who_has_gone_to_another(home: Home) -> None:
    me, kept = new_id(), await in_care_of(home, None)
    gone = await in_care_of(home, me)
    await home.hear(kept, care_team(kept, member(me)))
    async with home.http_as(me, "clinician") as http:
        async with http.stream("GET", "/v1/stream") as answer:
            beginning = answer.headers["last-event-id"]
        await home.submit(gone, 30)
        await home.submit(kept, 30)
        await home.hear(gone, transferred(gone, new_id()))
        async with listening(http, after=beginning) as stream:
            assert await hears_next(stream) == kept.id
            with pytest.raises(TimeoutError):
                await take(stream, 1, seconds=0.3)


async def test_a_supervisor_hears_of_the_team(home: Home) -> None:
    clinician, supervisor = new_id(), new_id()
    known = invited(supervisor, "supervisor")
    client = await in_care_of(home, clinician, known, team(supervisor, clinician))
    other = await in_care_of(home, new_id())
    async with (
        home.http_as(supervisor, "supervisor") as http,
        home.http_as(supervisor, "clinician") as without,
        listening(http) as stream,
        listening(without) as nothing,
    ):
        await home.submit(other, 30)
        await home.submit(client, 30)
        assert await hears_next(stream) == client.id
        with pytest.raises(TimeoutError):
            await take(nothing, 1, seconds=0.3)


async def test_what_a_client_keeps_from_machines_is_told_to_the_treating_team_alone(
    home: Home,
) -> None:
    clinician = new_id()
    client, open_handed = await in_care_of(home, clinician), await in_care_of(home, clinician)
    now = datetime.now(UTC)
    withdrawn = ConsentWithdrawn(client_id=client.id, purpose="integrations", at=now)
    given = ConsentGiven(client_id=client.id, purpose="integrations", at=now)
    async with (
        home.http() as machine,
        home.http_as(clinician, "clinician") as person,
        listening(machine) as outside,
        listening(person) as inside,
    ):
        await home.submit(client, 30)
        assert await hears_next(outside) == await hears_next(inside) == client.id
        await home.hear(client, withdrawn)
        await home.submit(client, 30)
        await home.submit(open_handed, 30)
        assert await hears_next(outside) == open_handed.id
        assert [await hears_next(inside) for _ in range(2)] == [client.id, open_handed.id]
        await home.hear(client, given)
        await home.submit(client, 30)
        assert await hears_next(outside) == client.id


async def test_risk_of_a_restricted_client_is_told_to_the_treating_team_alone(home: Home) -> None:
    clinician, supervisor = new_id(), new_id()
    known = invited(supervisor, "supervisor")
    client = await in_care_of(home, clinician, known, team(supervisor, clinician))
    refused = ErasureRefused(
        request_id=new_id(), client_id=client.id, refused_by=new_id(), restricted=True
    )
    await home.hear(client, refused)
    async with (
        home.http() as machine,
        home.http_as(clinician, "clinician") as http,
        home.http_as(supervisor, "supervisor") as lead,
        listening(machine) as outside,
        listening(http) as stream,
        listening(lead) as of_team,
    ):
        await home.assess(client, True)
        await home.submit(client, 30)
        [told] = await take(stream, 1)
        assert told.data["rule"] == "risk_item"
        for other in (outside, of_team):
            with pytest.raises(TimeoutError):
                await take(other, 1, seconds=0.3)


def ended(how: str, principal: Principal) -> Event:
    """What intake says where a principal's tokens are worth nothing any more."""
    match how:
        case "signed out":
            return SignedOut(
                principal_id=principal.id, principal_kind="person", before=datetime.now(UTC)
            )
        case "session ended":
            return SignedOut(
                principal_id=principal.id,
                principal_kind="person",
                before=datetime.now(UTC),
                session_id=principal.session,
            )
        case "deactivated":
            return PersonDeactivated(person_id=principal.id)
        case "role revoked":
            return RoleRevoked(person_id=principal.id, role="clinician")
    return IntegrationRevoked(integration_id=principal.id)


@pytest.mark.parametrize(
    "how", ["signed out", "session ended", "deactivated", "role revoked", "integration revoked"]
)
async def test_the_stream_of_whose_token_is_worth_nothing_any_more_is_closed(
    home: Home, how: str
) -> None:
    kind: PrincipalKind = "integration" if how == "integration revoked" else "person"
    principal = Principal(
        tenant=home.tenant,
        id=new_id(),
        kind=kind,
        scopes=frozenset({"alerts.read"} if kind == "integration" else ()),
        roles=frozenset({"clinician"} if kind == "person" else ()),
        session="session" if kind == "person" else None,
        csrf="csrf" if kind == "person" else None,
    )
    client = await in_care_of(home, principal.id)
    async with home.http_of(principal) as http, listening(http) as stream:
        await home.submit(client, 30)
        assert await hears_next(stream) == client.id
        await home.hear(client, ended(how, principal))
        async with asyncio.timeout(WITHIN_SECONDS):
            assert [one async for one in stream] == []
        assert (await http.get("/v1/alerts")).status_code == 401


async def test_who_is_slow_hears_by_what_holds_when_it_is_their_turn(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = new_id()
    client, other = await in_care_of(home, person), await in_care_of(home, person)
    log = home.app.state.context.log
    asked_anew = log.asked_anew

    async def too_late(message: Heard) -> Heard:
        """The client has gone to somebody else when it is the message's turn."""
        if message.alert.series.client_id == client.id:
            await home.hear(client, transferred(client, new_id()))
        told: Heard = await asked_anew(message)
        return told

    # As if each message had waited for longer than what is known of its audience may count.
    monkeypatch.setattr(audiences, "FRESH_SECONDS", -1.0)
    monkeypatch.setattr(log, "asked_anew", too_late)
    async with home.http_as(person, "clinician") as http, listening(http) as stream:
        await home.submit(client, 30)
        await home.submit(other, 30)
        assert await hears_next(stream) == other.id
