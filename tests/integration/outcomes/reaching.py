"""Clients in care, and what is written down of who looked, for tests of who sees whom."""

from typing import Any
from uuid import uuid4

import httpx

from shared.contracts import Event, Recorded
from shared.contracts.intake import ConsentWithdrawn, Purpose
from shared.contracts.people import TeamFormed
from shared.database import driver
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.unit.outcomes.story import START, Story

NOTE = "<b>it was hard to come</b>"


def in_care(tenant: str, clinician: str | None) -> Story:
    """A client with two ratings, of whom the first has a note; not new, so that nobody waits for
    word of them."""
    story = Story(str(uuid4()), new_id(), tenant)
    story.register()
    story.open(clinician=clinician)
    story.rate(f"{story.client_id} a", 200, day=0, note=NOTE)
    story.rate(f"{story.client_id} b", 300, day=7)
    return story


async def arrive(home: Home, *stories: Story) -> None:
    """Let all of it have come, to the views and to access."""
    for story in stories:
        await home.project(*story.events)
        await home.know(*story.events)


async def also(home: Home, *events: Recorded[Event]) -> None:
    """Let something more have come, to both."""
    await home.project(*events)
    await home.know(*events)


async def form_team(home: Home, tenant: str, lead: str, *members: str) -> None:
    """A team whose lead supervises its members."""
    organisation = Story(tenant, new_id(), tenant)
    team = TeamFormed(team_id=new_id(), name="North", lead_ids=[lead], member_ids=list(members))
    await home.know(organisation.add(f"organisation-{tenant}", team))


async def withdraw(home: Home, story: Story, purpose: Purpose) -> None:
    """The client does not agree to a purpose."""
    await also(
        home,
        story.of_client(ConsentWithdrawn(client_id=story.client_id, purpose=purpose, at=START)),
    )


async def seen_by(http: httpx.AsyncClient, client_id: str, **query: str) -> httpx.Response:
    """What the caller is answered who asks for the view."""
    return await http.get(f"/v1/clients/{client_id}", params=query)


async def listed(http: httpx.AsyncClient, path: str = "/v1/clients") -> list[str]:
    """The ids of those whom the caller finds in a list."""
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return [one["client_id"] for one in answer.json()["items"]]


def notes_in(view: dict[str, Any]) -> set[str]:
    """The words in a view."""
    return {
        rating["note"]
        for episode in view["episodes"]
        for series in episode["series"]
        for rating in series["ratings"]
        if rating["note"] is not None
    }


async def looks(home: Home, tenant: str) -> list[tuple[str, str, str, str, str]]:
    """What is written down: who, by which right, did what, by which permission, of whom."""
    async with home.database.session(tenant) as conn:
        rows = await driver(conn).fetch(
            "SELECT principal_id, why, action, permission, client_id FROM audit"
            " WHERE tenant = $1 ORDER BY at, client_id",
            tenant,
        )
    return [tuple(row) for row in rows]
