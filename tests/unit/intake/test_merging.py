"""Merging and unmerging as pure functions, in any order and however often."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import client as clients
from services.intake.domain.client_state import DEFAULT_CONSENTS, Client, Consent
from services.intake.domain.merging import STRICTNESS, OnePerson, merge, unmerge
from shared.contracts import Event
from shared.contracts.intake import ClientDetails, ClientRegistered, Purpose
from shared.errors import Conflict

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = ("a", "b", "c", "d")
PURPOSES: tuple[Purpose, ...] = ("supervision", "integrations", "research")


def registered(name: str) -> Client:
    found = clients.fold([ClientRegistered(client_id=name, private=ClientDetails(given_name=name))])
    return clients.existing(found)


class World:
    """Clients by name, merged and unmerged as callers ask."""

    def __init__(self) -> None:
        self.clients = {name: registered(name) for name in NAMES}

    def one(self, name: str) -> str:
        return self.clients[name].alias_of or name

    def person(self, name: str) -> OnePerson:
        one = self.clients[self.one(name)]
        records = [one, *(self.clients[alias] for alias in one.aliases)]
        return OnePerson(records=records, defaults=DEFAULT_CONSENTS)

    def take(self, events: dict[str, list[Event]]) -> None:
        for name, of_client in events.items():
            after = clients.fold(of_client, self.clients[name])
            self.clients[name] = clients.existing(after)

    def merge(self, name: str, into: str) -> None:
        if self.one(name) != self.one(into):
            self.take(merge(self.person(name), self.person(into), "One."))

    def unmerge(self, name: str) -> None:
        if self.one(name) != name:
            one = self.clients[self.one(name)]
            self.take(unmerge(self.clients[name], one, DEFAULT_CONSENTS, "Two.", NOW))

    def decide(self, name: str, purpose: Purpose, *, given: bool, days: int) -> None:
        consent = Consent(given=given, at=NOW - timedelta(days=days))
        decision = clients.Decide(purpose=purpose, consent=consent)
        self.take({name: clients.decide(self.clients[name], decision, NOW)})


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.tuples(st.just("unmerge"), st.sampled_from(NAMES)),
        st.tuples(
            st.just("decide"),
            st.sampled_from(NAMES),
            st.sampled_from(PURPOSES),
            st.booleans(),
            st.integers(1, 30),
        ),
    ),
    max_size=14,
)


def taken(steps: list[tuple[object, ...]]) -> World:
    world = World()
    for step in steps:
        match step:
            case ("merge", str(name), str(into)):
                world.merge(name, into)
            case ("unmerge", str(name)):
                world.unmerge(name)
            case ("decide", str(name), purpose, bool(given), int(days)):
                world.decide(name, purpose, given=given, days=days)  # type: ignore[arg-type]
    return world


@given(STEPS)
def test_whatever_is_merged_everybody_is_in_one_person_and_nobody_goes_in_circles(
    steps: list[tuple[object, ...]],
) -> None:
    world = taken(steps)
    for name, client in world.clients.items():
        one = world.clients[world.one(name)]
        assert one.alias_of is None
        assert (name == one.id) or (name in one.aliases)
        assert len(set(one.aliases)) == len(one.aliases)
        if client.alias_of is not None:
            assert client.aliases == ()
        else:
            assert {alias for alias in NAMES if world.one(alias) == name} == {
                name,
                *client.aliases,
            }


@given(STEPS)
def test_the_strictest_of_all_records_holds(steps: list[tuple[object, ...]]) -> None:
    world = taken(steps)
    for name in NAMES:
        person = world.person(name)
        for purpose in PURPOSES:
            alone = [record.agrees(purpose, DEFAULT_CONSENTS) for record in person.records]
            assert person.agrees(purpose) == all(alone)
        assert all(
            STRICTNESS[person.measuring] >= STRICTNESS[record.measuring]
            for record in person.records
        )


@given(STEPS, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_a_merge_that_is_taken_back_leaves_consents_as_they_were(
    steps: list[tuple[object, ...]], name: str, into: str
) -> None:
    world = taken([step for step in steps if step[0] == "decide"])
    before = dict(world.clients)
    world.merge(name, into)
    world.unmerge(name)
    for one, client in world.clients.items():
        assert client.alias_of is None
        assert client.aliases == ()
        assert client.decisions == before[one].decisions


@given(STEPS, STEPS)
def test_no_agreement_made_as_another_outlasts_the_merge(
    alone: list[tuple[object, ...]], together: list[tuple[object, ...]]
) -> None:
    world = taken([step for step in alone if step[0] == "decide"])
    agreed = {purpose: world.clients["a"].agrees(purpose, DEFAULT_CONSENTS) for purpose in PURPOSES}
    world.merge("a", "b")
    for step in together:
        match step:
            case ("decide", _, purpose, bool(given), int(days)):
                world.decide("a", purpose, given=given, days=days)  # type: ignore[arg-type]
    world.unmerge("a")
    for purpose in PURPOSES:
        assert world.clients["a"].agrees(purpose, DEFAULT_CONSENTS) <= agreed[purpose]


def test_more_aliases_than_anybody_has_are_refused() -> None:
    many = [registered(str(number)) for number in range(21)]
    person = OnePerson(records=many, defaults=DEFAULT_CONSENTS)
    into = OnePerson(records=[registered("x")], defaults=DEFAULT_CONSENTS)
    with pytest.raises(Conflict):
        merge(person, into, "One.")
