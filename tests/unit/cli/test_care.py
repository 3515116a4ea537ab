"""`heroic care-team set`: who goes on, who comes, who has gone."""

from datetime import UTC, datetime, timedelta

from deploy.cli.care import Member, changed

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BEFORE = NOW - 30 * DAY


def test_who_cares_already_goes_on_and_who_is_not_named_cares_no_more() -> None:
    team = [
        Member("lead", "lead", BEFORE),
        Member("co", "co", BEFORE),
        Member("past", "cover", BEFORE, NOW - DAY),
        Member("planned", "cover", NOW + DAY),
        Member("leaving", "supervisor", BEFORE, NOW + DAY),
    ]
    wanted = {"lead": ["new"], "co": ["co", "lead"], "supervisor": ["leaving"]}
    assert changed(team, wanted, NOW) == [  # type: ignore[arg-type]
        Member("lead", "lead", BEFORE, NOW),
        Member("co", "co", BEFORE),
        Member("past", "cover", BEFORE, NOW - DAY),
        Member("leaving", "supervisor", BEFORE),
        Member("lead", "co", NOW),
        Member("new", "lead", NOW),
    ]


def test_the_same_team_again_is_the_same() -> None:
    team = [Member("lead", "lead", BEFORE), Member("co", "co", BEFORE)]
    assert changed(team, {"lead": ["lead"], "co": ["co"]}, NOW) == team
    assert changed(team, {"lead": ["lead"], "co": ["co", "co"]}, NOW) == team
