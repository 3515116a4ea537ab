"""Who leads and who is in the team, at any moment."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.care_team import cares_at, lead_at, lead_in_the_end, led_from
from shared.contracts.intake import CareMember

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MOMENTS = st.integers(-30, 30).map(lambda days: NOW + timedelta(days=days))
PEOPLE = st.sampled_from(["x", "y", "z"])


@given(st.lists(st.tuples(PEOPLE, MOMENTS), min_size=1, max_size=6), MOMENTS)
def test_however_often_the_lead_changes_one_at_most_leads_at_a_time(
    transfers: list[tuple[str, datetime]], moment: datetime
) -> None:
    team: tuple[CareMember, ...] = ()
    for person_id, at in transfers:
        team = led_from(team, person_id, at)
    leading = [one for one in team if cares_at(one, moment)]
    assert len(leading) <= 1
    assert lead_at(team, moment) == (leading[0].person_id if leading else None)
    # Whoever was named last leads from their time on.
    last, at = transfers[-1]
    assert lead_in_the_end(team) == last
    assert lead_at(team, max(at, moment)) == last


@given(PEOPLE, MOMENTS)
def test_a_transfer_leaves_the_others_in_the_team(person_id: str, at: datetime) -> None:
    co = CareMember("co", "co", NOW - timedelta(days=60))
    team = led_from((co, CareMember("lead", "lead", NOW - timedelta(days=60))), person_id, at)
    assert co in team
    assert not any(one.person_id == "lead" and cares_at(one, at) for one in team)


def test_a_time_in_the_team_ends_at_its_end_and_not_before() -> None:
    member = CareMember("x", "cover", NOW, NOW + timedelta(days=1))
    assert cares_at(member, NOW)
    assert not cares_at(member, NOW - timedelta(microseconds=1))
    assert cares_at(member, NOW + timedelta(days=1) - timedelta(microseconds=1))
    assert not cares_at(member, NOW + timedelta(days=1))
