"""Decisions about clients and episodes, whatever is asked and in whatever order."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import client as clients
from services.intake.domain import episode as episodes
from services.intake.domain.client import Client, Consent
from services.intake.domain.client_state import DEFAULT_CONSENTS
from services.intake.domain.episode import Episode
from services.intake.domain.sessions import ChangeSession, RecordSession, SessionFacts
from shared.contracts.intake import ClientDetails, ClientRegistered
from shared.errors import Gone, HeroicError, Invalid

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TIMES = st.integers(0, 40).map(lambda days: NOW - timedelta(days=40 - days))
DETAILS = ClientDetails(given_name="Ada")
OPENING = episodes.Open(
    client_id="c", age_group="adult", opened_at=NOW - timedelta(days=30), external_id="e-1"
)


def registered() -> Client:
    command = clients.Register(client_id="c", details=DETAILS, hashes=())
    return clients.existing(clients.fold(clients.decide(None, command, NOW)))


def opened() -> Episode:
    command = episodes.NewEpisode(episode_id="e", opening=OPENING)
    episode = episodes.fold(episodes.decide(None, command, NOW))
    assert episode is not None
    return episode


DECISIONS = st.builds(
    lambda given, at: clients.Decide(purpose="research", consent=Consent(given=given, at=at)),
    st.booleans(),
    TIMES,
)


@given(st.lists(DECISIONS, max_size=8))
def test_the_last_decision_made_stands_however_late_it_is_heard(
    decisions: list[clients.Decide],
) -> None:
    client = registered()
    for decision in decisions:
        events = clients.decide(client, decision, NOW)
        client = clients.existing(clients.fold(events, client))
        assert clients.decide(client, decision, NOW) == []
    if decisions:
        latest = max(decision.consent.at for decision in decisions)
        standing = client.consent("research")
        assert standing is not None
        assert standing.at == latest
    else:
        assert client.agrees("research", DEFAULT_CONSENTS) is False
        assert client.agrees("supervision", DEFAULT_CONSENTS) is True


FACTS = st.builds(
    SessionFacts,
    starts_at=TIMES,
    ends_at=st.none() | TIMES,
    status=st.sampled_from(["booked", "held", "missed"]),
    session_type=st.just("treatment"),
)
COMMANDS: st.SearchStrategy[episodes.Command] = st.one_of(
    st.builds(
        lambda at: episodes.Close(closing=episodes.Closing(closed_at=at, ending="planned")), TIMES
    ),
    st.builds(episodes.Reopen, at=TIMES),
    st.builds(episodes.Transfer, to_clinician_id=st.sampled_from(["x", "y"]), at=TIMES),
    st.builds(RecordSession, session_id=st.sampled_from(["r", "s", "t"]), facts=FACTS),
    st.builds(
        ChangeSession,
        session_id=st.sampled_from(["r", "s", "t"]),
        facts=FACTS,
        in_error=st.booleans(),
    ),
)


@given(st.lists(COMMANDS, max_size=12))
def test_whatever_is_asked_an_episode_stays_one_that_can_be(
    commands: list[episodes.Command],
) -> None:
    episode = opened()
    for command in commands:
        try:
            events = episodes.decide(episode, command, NOW)
        except HeroicError:
            continue
        after = episodes.fold(events, episode)
        assert after is not None
        if not events:
            assert after == episode
        if not isinstance(command, RecordSession):
            assert episodes.decide(after, command, NOW) == []
        assert (after.status == "closed") == (after.closing is not None)
        assert after.turned_at >= after.opening.opened_at
        assert after.opening == OPENING
        for session in after.sessions.values():
            ends = session.facts.ends_at
            assert ends is None or ends >= session.facts.starts_at
        episode = after


def test_the_details_of_an_erased_client_are_not_touched() -> None:
    erased = clients.fold([ClientRegistered(client_id="c", external_hashes=[], private=None)])
    with pytest.raises(Gone):
        clients.decide(erased, clients.Correct(details=DETAILS, hashes=()), NOW)


@pytest.mark.parametrize("born", [date(2026, 6, 2), date(1890, 1, 1)])
def test_nobody_is_born_on_such_a_day(born: date) -> None:
    command = clients.Register(client_id="c", details=ClientDetails(birth_date=born), hashes=())
    with pytest.raises(Invalid):
        clients.decide(None, command, NOW)
