"""Who reaches whom, alone and in lists, and what of them they see."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Text, bindparam, text

from shared.access.reach import ConsentWithheld, Reached, Restricted, agreeing, reachable
from shared.contracts import Event
from shared.contracts import intake as i
from shared.contracts.intake import CareMember, Purpose, Relation, Sight
from shared.contracts.people import ConsentPolicySet
from shared.database import driver
from shared.errors import Gone, NotFound
from shared.ids import new_id
from shared.security import Principal
from shared.security.policy import POLICY
from tests.integration.reach.home import (
    Home,
    care_team,
    merged,
    opened,
    registered,
    team,
)

VIEWS, CLIENTS, OWN_AUDIT = POLICY["views.read"], POLICY["clients.read"], POLICY["audit.own"]
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


async def in_care(home: Home, clinician: str | None = None) -> str:
    """A client with an open episode."""
    client = new_id()
    await home.hear(registered(client), opened(new_id(), client, clinician))
    return client


async def listed(
    home: Home, principal: Principal, clients: Collection[str], permission: str = "views.read"
) -> set[str]:
    """Those of some clients whom a list would show."""
    condition = reachable(principal, POLICY[permission], "given.id")
    query = text(
        f"SELECT given.id FROM unnest((:ids)::text::text[]) AS given(id) WHERE {condition}"  # noqa: S608
    ).bindparams(bindparam("ids", type_=Text), *condition._bindparams.values())
    async with home.database.session(home.tenant) as conn:
        ids = "{" + ",".join(clients) + "}"
        return set((await conn.execute(query, {"ids": ids})).scalars())


async def agrees(home: Home, purpose: Purpose, *clients: str) -> set[str]:
    """Those of some clients who agree to a purpose."""
    async with home.database.session(home.tenant) as conn:
        found = await agreeing(driver(conn), home.tenant, clients, purpose)
        for client in clients:
            one = await driver(conn).fetchval(
                "SELECT access_agrees($1, $2, $3)", home.tenant, client, purpose
            )
            assert one == (client in found)
    return found


async def sees(
    home: Home, principal: Principal, client: str, permission: str = "views.read"
) -> Reached | None:
    """How far somebody reaches one client; a list says the same as a look."""
    row = POLICY[permission]
    try:
        reached = await home.access.look(principal, row, client)
    except (NotFound, Gone, Restricted, ConsentWithheld):
        reached = None
    shown = await listed(home, principal, [client], permission)
    assert shown == ({client} if reached else set())
    return reached


def decided(client: str, purpose: Purpose, *, given: bool) -> tuple[str, Event]:
    """A client's decision."""
    kind = i.ConsentGiven if given else i.ConsentWithdrawn
    return f"client-{client}", kind(client_id=client, purpose=purpose, at=NOW)


def related(client: str, related_id: str, relation: Relation, *may_see: Sight) -> tuple[str, Event]:
    """Somebody close to a client."""
    return f"client-{client}", i.RelatedPersonAdded(
        client_id=client, related_id=related_id, relation=relation, may_see=list(may_see)
    )


async def test_a_clinician_reaches_those_whom_they_care_for_now(home: Home) -> None:
    ann, ben = home.person("clinician"), home.person("clinician")
    client, episode = new_id(), new_id()
    await home.hear(registered(client), opened(episode, client, ann.id))
    assert await sees(home, ann, client) == Reached("care")
    assert await sees(home, ben, client) is None

    await home.hear(
        care_team(
            episode,
            client,
            CareMember(ann.id, "lead", NOW - HOUR, NOW),
            CareMember(ben.id, "lead", NOW),
            CareMember(home.tenant, "cover", NOW + HOUR),
        )
    )
    assert await sees(home, ann, client) is None
    assert await sees(home, ben, client) == Reached("care")
    assert await sees(home, home.person("clinician", home.tenant), client) is None


async def test_a_closed_course_of_care_keeps_its_last_team(home: Home) -> None:
    ann = home.person("clinician")
    client, episode = new_id(), new_id()
    closed = i.EpisodeClosed(
        episode_id=episode, client_id=client, closed_at=NOW, ending="planned", private=None
    )
    await home.hear(
        registered(client), opened(episode, client, ann.id), (f"episode-{episode}", closed)
    )
    assert await sees(home, ann, client) == Reached("care")


async def test_a_clinician_of_a_feed_gives_nobody_reach_but_who_has_that_id(home: Home) -> None:
    client = await in_care(home, "dr-who@hospital")
    assert await sees(home, home.person("clinician"), client) is None
    assert await sees(home, home.person("clinician", "dr-who@hospital"), client) is not None
    # An id gives reach by the role that goes with it: a client is no clinician.
    assert await sees(home, home.client("dr-who@hospital"), client) is None


async def test_nobody_leads_an_episode_without_a_clinician(home: Home) -> None:
    client = await in_care(home, None)
    assert await sees(home, home.person("clinician"), client) is None
    assert await sees(home, home.person("supervisor"), client) is None


async def test_a_supervisor_reaches_the_clients_of_the_teams_they_lead(home: Home) -> None:
    lead, ann, ben = new_id(), new_id(), new_id()
    of_ann, of_ben = await in_care(home, ann), await in_care(home, ben)
    own = await in_care(home, lead)
    await home.hear(team(home.tenant, "one", lead, ann), team(home.tenant, "two", ben, lead))
    supervisor = home.person("supervisor", lead)
    assert await sees(home, supervisor, of_ann) == Reached("team")
    # A member sees nothing of the others of the team.
    assert await sees(home, supervisor, of_ben) is None
    assert await sees(home, supervisor, own) == Reached("care")
    assert await sees(home, home.person("clinician", lead), of_ann) is None

    await home.hear(decided(of_ann, "supervision", given=False))
    assert await sees(home, supervisor, of_ann) == Reached("team", names=False, words=False)
    await home.hear(team(home.tenant, "one", lead))
    assert await sees(home, supervisor, of_ann) is None


async def test_a_client_reaches_themself_and_nobody_else(home: Home) -> None:
    me, other = await in_care(home), await in_care(home)
    assert await sees(home, home.client(me), me) == Reached("self")
    assert await sees(home, home.client(me), other) is None


async def test_who_is_related_sees_what_they_may(home: Home) -> None:
    child, mother, aunt, driver_ = await in_care(home), new_id(), new_id(), new_id()
    await home.hear(
        related(child, mother, "guardian", "outcomes", "words"),
        related(child, aunt, "caretaker", "outcomes"),
        related(child, driver_, "collateral"),
    )
    assert await sees(home, home.client(mother), child) == Reached("related")
    assert await sees(home, home.client(aunt), child) == Reached("related", words=False)
    assert await sees(home, home.client(driver_), child) is None
    # Who looked tells whom a child speaks to, and to be erased is not asked for by an aunt.
    for guarded in (OWN_AUDIT, POLICY["erasures.request"]):
        assert await home.access.look(home.client(mother), guarded, child)
        for who in (aunt, driver_):
            with pytest.raises(NotFound):
                await home.access.look(home.client(who), guarded, child)


async def test_operators_and_administrators_have_no_clinical_reach(home: Home) -> None:
    client = await in_care(home, new_id())
    operator, administrator = home.person("operator"), home.person("administrator")
    assert await sees(home, operator, client) is None
    assert await sees(home, operator, client, "clients.read") is None
    assert await sees(home, administrator, client) is None
    assert await sees(home, administrator, client, "clients.read") == Reached("organisation")


async def test_a_machine_reads_what_clients_give_to_machines(home: Home) -> None:
    machine = home.machine("outcomes.read", "feedback.write")
    silent, refusing, giving = [await in_care(home) for _ in range(3)]
    await home.hear(
        decided(refusing, "integrations", given=False),
        decided(giving, "integrations", given=True),
    )
    assert await sees(home, machine, silent) == Reached("integration")
    assert await sees(home, machine, refusing) is None
    with pytest.raises(ConsentWithheld):
        await home.access.look(machine, VIEWS, refusing)
    # It may still bring what is for the treating team.
    write = POLICY["ratings.write"]
    assert await home.access.look(machine, write, refusing, reading=False)
    # Of whom nobody has heard yet, the organisation's word holds.
    assert await listed(home, machine, [new_id()]) != set()

    policy = ConsentPolicySet(defaults={"integrations": False})
    await home.hear((f"organisation-{home.tenant}", policy))
    assert await sees(home, machine, silent) is None
    assert await sees(home, machine, giving) == Reached("integration")


async def test_of_merged_clients_the_strictest_consent_counts(home: Home) -> None:
    one, into, other = [await in_care(home) for _ in range(3)]
    await home.hear(decided(one, "integrations", given=True))
    await home.hear(decided(one, "research", given=True))
    await home.hear(decided(into, "integrations", given=False))
    assert await agrees(home, "integrations", one, into, other) == {one, other}
    assert await agrees(home, "research", one, into, other) == {one}

    await home.hear(merged(one, into))
    assert await agrees(home, "integrations", one, into, other) == {other}
    assert await agrees(home, "research", one, into, other) == set()
    await home.hear(decided(into, "research", given=True))
    assert await agrees(home, "research", one, into, other) == {one, into}

    await home.hear((f"client-{one}", i.ClientsUnmerged(client_id=one, was=into)))
    assert await agrees(home, "integrations", one, into, other) == {one, other}


async def test_merged_clients_are_reached_as_one(home: Home) -> None:
    ann = home.person("clinician")
    known, alias, sibling, apart = await in_care(home, ann.id), new_id(), new_id(), new_id()
    await home.hear(
        registered(alias), registered(sibling), merged(alias, known), merged(sibling, known)
    )
    everybody = [known, alias, sibling, apart]
    assert await listed(home, ann, everybody) == {known, alias, sibling}
    for client in (known, alias, sibling):
        assert await sees(home, ann, client) == Reached("care")
        assert await listed(home, home.client(client), everybody) == {known, alias, sibling}
    # It does not matter which of them somebody cares for, or is related to.
    mother, ben = new_id(), home.person("clinician")
    await home.hear(related(alias, mother, "guardian", "outcomes"), opened("e", sibling, ben.id))
    assert await sees(home, home.client(mother), known) == Reached("related", words=False)
    assert await listed(home, ben, everybody) == {known, alias, sibling}


async def test_who_is_erased_is_gone_and_in_no_list(home: Home) -> None:
    client = await in_care(home, new_id())
    erased = i.ClientErased(request_id=new_id(), client_id=client, erased_at=NOW)
    await home.hear((f"client-{client}", erased))
    administrator, machine = home.person("administrator"), home.machine("outcomes.read")
    with pytest.raises(Gone):
        await home.access.look(administrator, CLIENTS, client)
    with pytest.raises(Gone):
        await home.access.look(machine, VIEWS, client)
    assert await listed(home, administrator, [client], "clients.read") == set()
    assert await listed(home, machine, [client]) == set()


async def test_what_the_law_has_kept_is_worked_with_by_nobody(home: Home) -> None:
    ann, administrator = home.person("clinician"), home.person("administrator")
    client = await in_care(home, ann.id)
    alias = new_id()
    refused = i.ErasureRefused(
        request_id=new_id(), client_id=client, refused_by=ann.id, restricted=True, private=None
    )
    await home.hear(registered(alias), merged(alias, client), (f"client-{client}", refused))
    for one in (client, alias):
        with pytest.raises(Restricted):
            await home.access.look(ann, VIEWS, one)
        assert await sees(home, ann, one) is None
        # That they are there is still known, or nobody could lift it.
        assert await sees(home, administrator, one, "clients.read") is not None
    lifted = i.RestrictionLifted(client_id=client, lifted_by=ann.id)
    await home.hear((f"client-{client}", lifted))
    assert await sees(home, ann, alias) == Reached("care")


async def test_nobody_reaches_into_another_organisation(home: Home) -> None:
    ann = home.person("clinician")
    client = await in_care(home, ann.id)
    elsewhere = home.another()
    for role in ("clinician", "supervisor", "administrator"):
        same_person = elsewhere.person(role, ann.id)
        assert await sees(elsewhere, same_person, client) is None
    assert await listed(elsewhere, elsewhere.person("clinician", ann.id), [client]) == set()
