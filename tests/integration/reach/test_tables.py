"""What intake says ends in the same tables, whatever the order in which its streams arrive."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from shared.contracts import Event, Recorded
from shared.contracts import intake as i
from shared.contracts import people as p
from shared.ids import new_id
from tests.integration.reach.home import (
    DAY,
    START,
    Home,
    Story,
    care_team,
    merged,
    opened,
    registered,
    team,
)


class Cast:
    """Those of whom the story speaks."""

    def __init__(self, organisation: str) -> None:
        self.organisation = organisation
        self.clients = [new_id() for _ in range(4)]
        self.people = [new_id() for _ in range(4)]
        self.episodes = [new_id() for _ in range(3)]
        self.related, self.guardian = new_id(), new_id()
        self.session, self.machine = new_id(), new_id()

    def story(self) -> Story:
        """Everything that says something of access, with all that can meet in it."""
        first, second, third, erased = self.clients
        ann, ben, cid, dee = self.people
        one, two, gone = self.episodes
        organisation = f"organisation-{self.organisation}"
        lead = i.CareMember(ann, "lead", START, START + DAY)
        return [
            *(registered(client) for client in self.clients),
            opened(one, first, ann),
            opened(two, second, "a clinician whom intake never saw"),
            opened(gone, erased, ann),
            (f"episode-{one}", _transferred(one, first, ben, START + DAY)),
            (f"episode-{one}", _transferred(one, first, ann, START + 3 * DAY)),
            care_team(two, second, lead, i.CareMember(cid, "co", START)),
            (f"episode-{two}", _transferred(two, second, dee, START + 2 * DAY)),
            merged(first, second),
            merged(second, third),
            merged(first, third),
            (f"client-{second}", i.ClientsUnmerged(client_id=second, was=third)),
            (f"client-{first}", _consent(first, "research", given=True, day=2)),
            # Said later of an earlier day: the later decision stands.
            (f"client-{first}", _consent(first, "research", given=False, day=1)),
            (f"client-{first}", _consent(first, "supervision", given=False, day=1)),
            (f"client-{third}", i.MeasuringChanged(client_id=third, state="paused", private=None)),
            *(
                (f"client-{first}", _related(first, related))
                for related in (self.related, self.guardian, self.related)
            ),
            (
                f"client-{first}",
                i.RelatedPersonRemoved(client_id=first, related_id=self.related),
            ),
            (f"sign-in-{self.related}", _signed_out(self.related, "client", day=1)),
            (f"sign-in-{ann}", _signed_out(ann, "person", day=1)),
            (f"sign-in-{ann}", _signed_out(ann, "person", day=3, session=self.session)),
            (f"person-{ann}", p.RoleRevoked(person_id=ann, role="supervisor")),
            (f"person-{ben}", p.PersonDeactivated(person_id=ben)),
            (f"sign-in-{ben}", _signed_out(ben, "person", day=4)),
            (f"integration-{self.machine}", p.IntegrationRevoked(integration_id=self.machine)),
            team(self.organisation, "t", ann, ben, cid),
            team(self.organisation, "t", ann, dee),
            (organisation, p.ConsentPolicySet(defaults={"research": True, "integrations": False})),
            (organisation, p.ConsentPolicySet(defaults={"supervision": False})),
            (
                f"client-{third}",
                i.ErasureRefused(
                    request_id="r", client_id=third, refused_by=ann, restricted=True, private=None
                ),
            ),
            (
                f"client-{erased}",
                i.ClientErased(request_id="q", client_id=erased, erased_at=START + 5 * DAY),
            ),
        ]


def _transferred(episode: str, client: str, to: str, at: datetime) -> Event:
    return i.EpisodeTransferred(
        episode_id=episode,
        client_id=client,
        to_clinician_id=to,
        at=at,
    )


def _related(client: str, related: str) -> Event:
    return i.RelatedPersonAdded(
        client_id=client, related_id=related, relation="guardian", may_see=["outcomes"]
    )


def _consent(client: str, purpose: i.Purpose, *, given: bool, day: int) -> Event:
    kind = i.ConsentGiven if given else i.ConsentWithdrawn
    return kind(client_id=client, purpose=purpose, at=START + day * DAY)


def _signed_out(who: str, kind: p.PrincipalKind, *, day: int, session: str | None = None) -> Event:
    before = START + day * DAY
    return p.SignedOut(principal_id=who, principal_kind=kind, before=before, session_id=session)


def shuffled(events: Sequence[Recorded[Event]], seed: int) -> list[list[Recorded[Event]]]:
    """The same events, each stream in its order, cut into batches."""
    chance = random.Random(seed)
    streams: dict[str, list[Recorded[Event]]] = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    batches: list[list[Recorded[Event]]] = [[]]
    while streams:
        stream = chance.choice(list(streams))
        batches[-1].append(streams[stream].pop(0))
        if not streams[stream]:
            del streams[stream]
        if chance.random() < 0.2:
            batches.append([])
    return batches


@pytest.mark.parametrize("seed", range(20))
async def test_any_order_of_streams_ends_in_the_same_tables(home: Home, seed: int) -> None:
    cast, twin = Cast(home.tenant), home.another()
    story = cast.story()
    events = [home.recorded(stream, data) for stream, data in story]
    await home.apply(events)
    for batch in shuffled([twin.recorded(stream, data) for stream, data in story], seed):
        await twin.apply(batch)
    mine, theirs = await home.tables(), await twin.tables()
    assert theirs == mine
    assert all(mine.values())


async def test_nobody_who_is_gone_comes_back_and_the_last_end_counts(home: Home) -> None:
    person = new_id()
    await home.hear(
        (f"sign-in-{person}", _signed_out(person, "person", day=9)),
        (f"person-{person}", p.PersonDeactivated(person_id=person)),
        (f"sign-in-{person}", _signed_out(person, "person", day=1)),
    )
    [row] = (await home.tables())["access_principals"]
    assert row == (person, False, START + 9 * DAY)


async def test_a_transfer_ends_the_lead_at_its_time_and_not_before(home: Home) -> None:
    client, episode, ann, ben = (new_id() for _ in range(4))
    await home.hear(
        opened(episode, client, ann),
        (f"episode-{episode}", _transferred(episode, client, ben, START + DAY)),
    )
    care = {row[1]: row[5:] for row in (await home.tables())["access_care"]}
    assert care == {ann: (None, START + DAY), ben: (START + DAY, None)}


async def test_a_care_team_replaces_whoever_was_of_it(home: Home) -> None:
    client, episode, ann, ben, cid = (new_id() for _ in range(5))
    twice = (
        i.CareMember(ben, "lead", START, START + DAY),
        i.CareMember(cid, "cover", START + DAY, START + 2 * DAY),
        i.CareMember(ben, "lead", START + 2 * DAY),
    )
    await home.hear(opened(episode, client, ann), care_team(episode, client, *twice))
    people = [row[1] for row in (await home.tables())["access_care"]]
    assert sorted(people) == sorted([ben, ben, cid])


async def test_an_erased_client_leaves_that_they_are_erased_and_nothing_else(home: Home) -> None:
    client, episode, ann = (new_id() for _ in range(3))
    await home.hear(
        registered(client),
        opened(episode, client, ann),
        (f"client-{client}", _consent(client, "research", given=True, day=1)),
        (f"client-{client}", i.ClientErased(request_id="r", client_id=client, erased_at=START)),
        # What is on its way still comes.
        (f"episode-{episode}", _transferred(episode, client, new_id(), START + DAY)),
        opened(new_id(), client, ann),
    )
    found = await home.tables()
    assert found["access_care"] == found["access_consents"] == []
    [row] = await home.rows("SELECT * FROM access_clients")
    assert (row["alias_of"], row["erased_at"]) == (None, START)
    assert [row[:2] for row in found["access_principals"]] == [(client, False)]


async def test_what_says_nothing_of_access_changes_nothing(home: Home) -> None:
    episode = new_id()
    closed = i.EpisodeClosed(
        episode_id=episode,
        client_id=new_id(),
        closed_at=START + timedelta(days=1),
        ending="planned",
        private=None,
    )
    await home.hear((f"episode-{episode}", closed))
    assert not any((await home.tables()).values())
