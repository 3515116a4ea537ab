"""Who sees whose outcomes: roles, care over time, teams, consents, and what is written down."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.intake import (
    CareMember,
    CareTeamChanged,
    ClientErased,
    ConsentGiven,
    EpisodeTransferred,
    ErasureRefused,
    RelatedPersonAdded,
    RelatedPersonRemoved,
    RestrictionLifted,
    Sight,
)
from shared.contracts.people import StaffRole
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.integration.outcomes.reaching import (
    NOTE,
    also,
    arrive,
    form_team,
    in_care,
    listed,
    looks,
    notes_in,
    seen_by,
    withdraw,
)
from tests.unit.outcomes.story import Story

LISTS = ("/v1/clients", "/v1/caseload")
VIEW = "GET /outcomes/v1/clients/{client_id}"


@pytest.fixture
def home(shared_home: Home) -> Home:
    """The shared service; every test has a tenant of its own."""
    return shared_home


@pytest.fixture
def tenant() -> str:
    return new_id()


def transfer(story: Story, to: str, at: datetime) -> EpisodeTransferred:
    return EpisodeTransferred(
        episode_id=story.episode_id, client_id=story.client_id, to_clinician_id=to, at=at
    )


async def test_a_clinician_sees_whom_they_care_for_and_nobody_else(home: Home, tenant: str) -> None:
    me, other = new_id(), new_id()
    mine, theirs = in_care(tenant, me), in_care(tenant, other)
    await arrive(home, mine, theirs)
    async with home.person(tenant, me, "clinician") as http:
        view = await seen_by(http, mine.client_id)
        assert (view.status_code, notes_in(view.json())) == (200, {NOTE})
        for path in LISTS:
            assert await listed(http, path) == [mine.client_id]
        stranger = await seen_by(http, theirs.client_id)
        nobody = await seen_by(http, str(uuid4()))
        assert stranger.status_code == nobody.status_code == 404
        told = [{**one.json(), "instance": "", "trace_id": ""} for one in (stranger, nobody)]
        assert told[0] == told[1]
        then = await seen_by(http, theirs.client_id, as_known_at="2026-01-01T00:00:00Z")
        assert then.status_code == 404


async def test_a_transfer_moves_sight_at_its_time(home: Home, tenant: str) -> None:
    before, after, later = new_id(), new_id(), new_id()
    story = in_care(tenant, before)
    await arrive(home, story)
    stream = f"episode-{story.episode_id}"
    now = datetime.now(UTC)
    await also(home, story.add(stream, transfer(story, after, now - timedelta(minutes=1))))
    await also(home, story.add(stream, transfer(story, later, now + timedelta(days=1))))
    for person, status in ((before, 404), (after, 200), (later, 404)):
        async with home.person(tenant, person, "clinician") as http:
            assert (await seen_by(http, story.client_id)).status_code == status
            for path in LISTS:
                assert await listed(http, path) == ([story.client_id] if status == 200 else [])


async def test_whoever_covers_sees_until_they_do_not_any_more(home: Home, tenant: str) -> None:
    lead, cover, former = new_id(), new_id(), new_id()
    story = in_care(tenant, lead)
    await arrive(home, story)
    now = datetime.now(UTC)
    team = [
        CareMember(lead, "lead", now - timedelta(days=9)),
        CareMember(cover, "cover", now - timedelta(days=1), now + timedelta(days=1)),
        CareMember(former, "co", now - timedelta(days=9), now - timedelta(days=1)),
    ]
    changed = CareTeamChanged(episode_id=story.episode_id, client_id=story.client_id, members=team)
    await also(home, story.add(f"episode-{story.episode_id}", changed))
    for person, status in ((lead, 200), (cover, 200), (former, 404)):
        async with home.person(tenant, person, "clinician") as http:
            assert (await seen_by(http, story.client_id)).status_code == status


async def test_a_supervisor_sees_the_team_and_words_only_where_the_client_agrees(
    home: Home, tenant: str
) -> None:
    lead, member, stranger = new_id(), new_id(), new_id()
    story, other = in_care(tenant, member), in_care(tenant, stranger)
    await arrive(home, story, other)
    await form_team(home, tenant, lead, member)
    async with home.person(tenant, lead, "supervisor") as http:
        assert notes_in((await seen_by(http, story.client_id)).json()) == {NOTE}
        assert (await seen_by(http, other.client_id)).status_code == 404
        await withdraw(home, story, "supervision")
        for query in ({}, {"as_known_at": "2026-01-01T00:00:00Z"}):
            view = await seen_by(http, story.client_id, **query)
            assert (view.status_code, notes_in(view.json())) == (200, set())
            assert NOTE not in view.text
        for path in LISTS:
            assert await listed(http, path) == [story.client_id]
    async with home.person(tenant, member, "clinician") as http:
        assert notes_in((await seen_by(http, story.client_id)).json()) == {NOTE}
    # Leading a team is nothing without the role.
    async with home.person(tenant, lead, "clinician") as http:
        assert (await seen_by(http, story.client_id)).status_code == 404
        assert await listed(http) == []


async def test_a_client_sees_themselves_and_a_related_person_what_they_may(
    home: Home, tenant: str
) -> None:
    story, other = in_care(tenant, new_id()), in_care(tenant, new_id())
    await arrive(home, story, other)
    async with home.client(tenant, story.client_id) as http:
        assert notes_in((await seen_by(http, story.client_id)).json()) == {NOTE}
        assert (await seen_by(http, other.client_id)).status_code == 404
        assert await listed(http) == [story.client_id]
        assert (await http.get("/v1/caseload")).status_code == 403
    related = str(uuid4())
    sights: list[tuple[list[Sight], int, set[str]]] = [
        ([], 404, set()),
        (["outcomes"], 200, set()),
        (["outcomes", "words"], 200, {NOTE}),
    ]
    async with home.client(tenant, related) as http:
        for may_see, status, words in sights:
            added = RelatedPersonAdded(
                client_id=story.client_id,
                related_id=related,
                relation="caretaker",
                may_see=may_see,
            )
            await also(home, story.of_client(added))
            view = await seen_by(http, story.client_id)
            assert view.status_code == status
            assert await listed(http) == ([story.client_id] if status == 200 else [])
            if status == 200:
                assert notes_in(view.json()) == words
        removed = RelatedPersonRemoved(client_id=story.client_id, related_id=related)
        await also(home, story.of_client(removed))
        assert await listed(http) == []


@pytest.mark.parametrize("role", ["operator", "administrator"])
async def test_who_runs_the_house_sees_nobodys_outcomes(
    home: Home, tenant: str, role: StaffRole
) -> None:
    me = new_id()
    story = in_care(tenant, me)
    await arrive(home, story)
    async with home.person(tenant, me, role) as http:
        for path in (*LISTS, f"/v1/clients/{story.client_id}", "/v1/stream"):
            assert (await http.get(path)).status_code == 403
    assert await looks(home, tenant) == []


async def test_a_machine_sees_who_agrees(home: Home, tenant: str) -> None:
    open_, closed = in_care(tenant, new_id()), in_care(tenant, new_id())
    await arrive(home, open_, closed)
    await withdraw(home, closed, "integrations")
    async with home.http(tenant) as http:
        withheld = await seen_by(http, closed.client_id)
        assert (withheld.status_code, withheld.json()["code"]) == (403, "consent_withheld")
        for path in LISTS:
            assert await listed(http, path) == [open_.client_id]
        given = ConsentGiven(
            client_id=closed.client_id, purpose="integrations", at=datetime.now(UTC)
        )
        await also(home, closed.of_client(given))
        assert (await seen_by(http, closed.client_id)).status_code == 200
        for path in LISTS:
            assert await listed(http, path) == sorted([open_.client_id, closed.client_id])


async def test_what_is_restricted_is_shown_to_nobody_until_that_is_lifted(
    home: Home, tenant: str
) -> None:
    me = new_id()
    story = in_care(tenant, me)
    await arrive(home, story)
    refused = ErasureRefused(
        request_id=new_id(), client_id=story.client_id, refused_by=new_id(), restricted=True
    )
    await also(home, story.of_client(refused))
    for caller in (
        home.person(tenant, me, "clinician"),
        home.client(tenant, story.client_id),
        home.http(tenant),
    ):
        async with caller as http:
            answer = await seen_by(http, story.client_id)
            assert (answer.status_code, answer.json()["code"]) == (403, "restricted")
            assert await listed(http) == []
    lifted = RestrictionLifted(client_id=story.client_id, lifted_by=new_id())
    await also(home, story.of_client(lifted))
    async with home.person(tenant, me, "clinician") as http:
        assert await listed(http) == [story.client_id]


async def test_who_is_erased_is_gone(home: Home, tenant: str) -> None:
    me = new_id()
    story = in_care(tenant, me)
    await arrive(home, story)
    erased = ClientErased(
        request_id=new_id(), client_id=story.client_id, erased_at=datetime.now(UTC)
    )
    await home.know(story.of_client(erased))
    async with home.http(tenant) as http:
        assert (await seen_by(http, story.client_id)).status_code == 410
        assert await listed(http) == []
    async with home.person(tenant, me, "clinician") as http:
        assert (await seen_by(http, story.client_id)).status_code == 404


async def test_the_same_people_and_ids_reach_nothing_in_another_organisation(
    home: Home, tenant: str
) -> None:
    me, foreign = new_id(), new_id()
    story = in_care(tenant, me)
    await arrive(home, story)
    await form_team(home, foreign, me, me)
    for caller in (
        home.person(foreign, me, "clinician", "supervisor"),
        home.client(foreign, story.client_id),
        home.http(foreign),
    ):
        async with caller as http:
            assert (await seen_by(http, story.client_id)).status_code == 404
            assert await listed(http) == []
    assert await looks(home, foreign) == []


async def test_each_look_is_written_down_before_the_answer(home: Home, tenant: str) -> None:
    me = new_id()
    mine, theirs = in_care(tenant, me), in_care(tenant, new_id())
    await arrive(home, mine, theirs)
    async with home.person(tenant, me, "clinician") as http:
        await seen_by(http, theirs.client_id)
        assert await looks(home, tenant) == []
        await seen_by(http, mine.client_id)
        assert await looks(home, tenant) == [(me, "care", VIEW, "views.read", mine.client_id)]
        await listed(http)
        await listed(http, "/v1/caseload")
    assert (await looks(home, tenant))[1:] == [
        (me, "clinician", "GET /outcomes/v1/clients", "views.read", mine.client_id),
        (me, "clinician", "GET /outcomes/v1/caseload", "caseload.read", mine.client_id),
    ]
    async with home.client(tenant, mine.client_id) as http:
        await seen_by(http, mine.client_id)
    assert (await looks(home, tenant))[-1] == (
        mine.client_id,
        "self",
        VIEW,
        "views.read",
        mine.client_id,
    )


async def test_a_page_writes_down_whom_it_showed_and_nobody_behind_it(
    home: Home, tenant: str
) -> None:
    stories = [in_care(tenant, None) for _ in range(3)]
    await arrive(home, *stories)
    async with home.http(tenant) as http:
        shown = (await http.get("/v1/clients?limit=2")).json()["items"]
    assert [one[-1] for one in await looks(home, tenant)] == [one["client_id"] for one in shown]
    assert len(shown) == 2


async def test_nothing_is_answered_that_cannot_be_written_down(
    home: Home, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = in_care(tenant, None)
    await arrive(home, story)
    monkeypatch.setattr("shared.access.audit.INSERT", "SELECT 1")
    async with home.http(tenant) as http:
        for path in (*LISTS, f"/v1/clients/{story.client_id}"):
            answer = await http.get(path)
            assert answer.status_code == 503
            assert story.client_id not in answer.text
