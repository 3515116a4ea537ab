"""`heroic assess --revise`: the past is judged anew by command, and by nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.assess import commands, run
from deploy.cli.installation import Chosen
from services.outcomes.library import rules_stream
from services.outcomes.revising import Reviser
from shared.contracts.outcomes import AssessmentRevised, RatingAssessed, RuleSetPublished
from shared.errors import Invalid, NotFound
from shared.eventstore import Append, NewEvent, Write
from shared.ids import new_id
from shared.measures import default_rules
from tests.integration.outcomes.home import KEY, Home
from tests.unit.outcomes.story import Story


async def publish(home: Home, tenant: str, *names: str) -> None:
    """From this moment on, these rules of the default set alone."""
    rules = [one for one in default_rules().rules if one.id in names]
    event = RuleSetPublished(
        organisation_id=tenant,
        key="default",
        rule_set_version=3,
        effective_from=datetime.now(UTC) - timedelta(seconds=1),
        rules=rules,
    )
    append = Append(
        tenant=tenant,
        stream=rules_stream(tenant),
        expected=0,
        events=[NewEvent(id=new_id(), data=event)],
        subject=tenant,
        secret_of=tenant,
    )
    async with home.database.session(tenant) as conn:
        await home.store.write_in(conn, [Write(tenant=tenant, appends=[append])])


async def somebody(home: Home, tenant: str) -> Story:
    """Who got worse, as the default rules have said."""
    story = Story(new_id(), new_id(), tenant)
    story.register()
    story.open()
    story.rate(f"{story.client_id} a", 200, day=0)
    story.rate(f"{story.client_id} b", 300, day=7)
    await home.live(*story.events)
    return story


async def signals(home: Home, story: Story) -> set[str]:
    """The rules that hold for the latest rating, as the view has it."""
    await home.project_assessments(story.events)
    async with home.http(story.tenant) as http:
        view = (await http.get(f"/v1/clients/{story.client_id}")).json()
    [series] = view["episodes"][0]["series"]
    return {one["rule"] for one in series["ratings"][-1]["signals"]}


def reviser(home: Home) -> Reviser:
    """The one that the command line asks."""
    return Reviser(home.database, home.store, home.keyring)


async def test_everybody_is_judged_anew_by_the_rules_of_now(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    stories = [await somebody(home, tenant) for _ in range(3)]
    await publish(home, tenant, "session_drop")
    assert await signals(home, stories[0]) > {"session_drop"}
    done = await reviser(home).revise(tenant)
    assert (done.clients, done.assessments) == (3, 6)
    for story in stories:
        assert await signals(home, story) == {"session_drop"}
    again = await reviser(home).revise(tenant)
    assert (again.clients, again.assessments) == (3, 0)


async def test_one_client_may_be_judged_anew_alone(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    one, other = await somebody(home, tenant), await somebody(home, tenant)
    await publish(home, tenant, "session_drop")
    done = await reviser(home).revise(tenant, one.client_id)
    assert (done.clients, done.assessments) == (1, 2)
    assert await signals(home, one) == {"session_drop"}
    assert await signals(home, other) > {"session_drop"}
    with pytest.raises(NotFound):
        await reviser(home).revise(tenant, new_id())
    with pytest.raises(NotFound):
        await reviser(home).revise(new_id(), one.client_id)


async def test_what_comes_in_meanwhile_is_neither_lost_nor_said_twice(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    story = await somebody(home, tenant)
    await publish(home, tenant, "session_drop")
    later = [story.rate(f"{story.client_id} {week}", 310, day=7 * week) for week in range(2, 8)]

    async def go_on() -> None:
        for event in later:
            await home.assess(event)

    await asyncio.gather(go_on(), *(reviser(home).revise(tenant) for _ in range(3)))
    await reviser(home).revise(tenant)
    said = await home.store.read(tenant, f"assessment-{story.episode_id}")
    latest = {
        one.data.rating_id: one.data.rule_set_version
        for one in said
        if isinstance(one.data, RatingAssessed | AssessmentRevised)
    }
    assert list(latest.values()) == [3] * 8
    assert sum(isinstance(one.data, RatingAssessed) for one in said) == 8
    assert (await reviser(home).revise(tenant)).assessments == 0


async def test_the_command_works_on_the_databases_of_the_environment(
    shared_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, tenant = shared_home, new_id()
    await somebody(home, tenant)
    await publish(home, tenant, "session_drop")
    monkeypatch.setenv("HEROIC_OUTCOMES_DATABASE_URL", home.urls.app)
    monkeypatch.setenv("HEROIC_KEYS_URL", home.keys_url)
    monkeypatch.setenv("HEROIC_KEY_ENCRYPTION_KEY", KEY)
    done = await run(Chosen(Path("nowhere"), tenant), None)
    assert (done.clients, done.assessments) == (1, 2)


def test_without_being_told_to_revise_nothing_happens() -> None:
    refused = CliRunner().invoke(commands, [], obj=Chosen(Path("nowhere"), "somebody"))
    assert isinstance(refused.exception, Invalid)
