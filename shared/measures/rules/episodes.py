"""Rules on an episode as a whole: on time that passes, on sessions, on data held up.

They are evaluated where sessions and a clock are, for a moment `now` that comes in. Numbers of
days and of sessions are told in tenths like every input.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

import msgspec

from shared.contracts.feedback import RiskFlag
from shared.contracts.intake import Ending, SessionStatus
from shared.contracts.outcomes import Rule, Verdict
from shared.measures.definition import Cutoff
from shared.measures.rules.about import Finding, Recipe, holds, quiet
from shared.measures.scoring import points

DAY = timedelta(days=1)


class Session(msgspec.Struct, frozen=True):
    """A session as it stands."""

    id: str
    starts_at: datetime
    ends_at: datetime | None
    status: SessionStatus

    @property
    def over_at(self) -> datetime:
        """When it was over, as far as that is known."""
        return self.ends_at or self.starts_at


class Answer(msgspec.Struct, frozen=True):
    """A form that was filled in, or declined: which is an answer, too."""

    at: datetime
    session_id: str | None = None
    declined: bool = False


class EpisodeSoFar(msgspec.Struct, frozen=True, kw_only=True):
    """What rules of time look at: sessions by their start, answers by their time.

    `session_feed`: sessions are told to us at all. `held_up_since`: when the first event of the
    client was parked that still is.
    """

    opened_at: datetime
    closed_at: datetime | None = None
    sessions: Sequence[Session] = ()
    answers: Sequence[Answer] = ()
    session_feed: bool = False
    held_up_since: datetime | None = None


def gap(rule: Rule, episode: EpisodeSoFar, now: datetime) -> Verdict:
    """Time: an open episode, nothing booked, and no held session or rating for more than so many
    days, or so many median intervals if that is longer; a multiple later it is presumed ended."""
    limit, last = gap_limit(rule, episode, now), last_contact(episode, now)
    booked = any(one.status == "booked" and one.starts_at >= now for one in episode.sessions)
    if episode.closed_at is not None or booked or now - last <= limit:
        return quiet(rule)
    ended = limit * float(rule.thresholds["presumed_ended"])
    text = f"No session or rating for {in_days(now - last)} days, and none is booked."
    if now - last > ended:
        text += " Presumably the episode has ended unplanned."
    return holds(
        rule,
        Finding(
            {"days": tenths_of_days(now - last)},
            {"gap": in_days(limit), "presumed_ended": in_days(ended)},
            text,
            f"Up to {in_days(limit)} days it would not have fired.",
        ),
    )


def gap_limit(rule: Rule, episode: EpisodeSoFar, now: datetime) -> timedelta:
    """How long nothing may be heard: so many days, or so many of the client's own median
    intervals if that is longer. What happens on one day (UTC) is one contact."""
    least = timedelta(days=float(rule.thresholds["days"]))
    by_day = {at.date(): at for at in sorted(contacts(episode, now), reverse=True)}
    intervals = [(after - before) / DAY for before, after in pairwise(sorted(by_day.values()))]
    if not intervals:
        return least
    return max(least, DAY * median(intervals) * float(rule.thresholds["intervals"]))


def last_contact(episode: EpisodeSoFar, now: datetime) -> datetime:
    """When the client was last seen or heard; the opening if never."""
    return max(contacts(episode, now), default=episode.opened_at)


def contacts(episode: EpisodeSoFar, now: datetime) -> list[datetime]:
    """Held sessions and ratings until now, in no order."""
    held = [one.starts_at for one in episode.sessions if one.status == "held"]
    rated = [one.at for one in episode.answers if not one.declined]
    return [at for at in (*held, *rated) if at <= now]


def missed_sessions(rule: Rule, episode: EpisodeSoFar, now: datetime) -> Verdict | None:
    """Time: the last sessions were missed, all of them. None without a session feed.

    Sessions that somebody cancelled were neither held nor missed.
    """
    if not episode.session_feed:
        return None
    running = int(rule.thresholds["running"])
    due = [
        one for one in episode.sessions if one.status in ("held", "missed") and one.starts_at <= now
    ][-running:]
    if len(due) < running or any(one.status == "held" for one in due):
        return quiet(rule)
    return holds(
        rule,
        Finding(
            {"missed": running * 10},
            {"running": str(running)},
            f"The last {running} sessions were missed, all of them.",
            "One of them held would not have fired.",
        ),
    )


def measure_missing(rule: Rule, episode: EpisodeSoFar, now: datetime) -> Verdict | None:
    """Time: held sessions, one after another, without a rating. None without a session feed.

    A form that was declined is not missing. There is some time after a session to fill it in.
    """
    if not episode.session_feed:
        return None
    running = int(rule.thresholds["running"])
    patience = timedelta(hours=float(rule.thresholds["hours_after"]))
    held = [
        one for one in episode.sessions if one.status == "held" and one.over_at + patience <= now
    ]
    if len(held) < running:
        return quiet(rule)
    befores = [None, *held]
    latest = list(zip(befores, held, strict=False))[-running:]
    if any(is_answered(episode.answers, one, before, patience) for before, one in latest):
        return quiet(rule)
    return holds(
        rule,
        Finding(
            {"sessions": running * 10},
            {"running": str(running)},
            f"The last {running} sessions were held without a rating, and none was declined.",
            "A rating, or a form declined, would not have fired.",
        ),
    )


def is_answered(
    answers: Iterable[Answer], session: Session, before: Session | None, patience: timedelta
) -> bool:
    """Whether a form belongs to the session: it says so, or it came after the session before
    and not too long after this one."""
    since = before.over_at if before is not None else None
    return any(
        one.session_id == session.id
        if one.session_id is not None
        else (since is None or one.at > since) and one.at <= session.over_at + patience
        for one in answers
    )


def data_held_up(rule: Rule, episode: EpisodeSoFar, now: datetime) -> Verdict:
    """System: an event of this client is parked, so that what is shown may not be all."""
    since = episode.held_up_since
    if since is None or since > now:
        return quiet(rule)
    return holds(
        rule,
        Finding(
            {"days": tenths_of_days(now - since)},
            {},
            "Data of this client have been held back; what is shown may not be all.",
            "With everything processed it would not have fired.",
        ),
    )


def unplanned_ending(
    rule: Rule, ending: Ending | None, latest: int | None, cutoff: Cutoff
) -> Verdict:
    """Mark: closed unplanned while the last score (tenths) was on the clinical side."""
    if ending != "unplanned" or latest is None or not cutoff.is_clinical(latest):
        return quiet(rule)
    return holds(
        rule,
        Finding(
            {"latest": latest},
            {"cutoff": str(cutoff.value)},
            f"The episode ended unplanned; the last score was {points(latest)}.",
            f"A last score on the functional side of {cutoff.value} would not have fired.",
        ),
    )


def risk_item_unanswered(flags: Iterable[RiskFlag]) -> list[str]:
    """Risk: the risk items that the form asks and that were skipped, by their ids."""
    return [flag.item for flag in flags if flag.value is None]


def tenths_of_days(span: timedelta) -> int:
    """A span as whole tenths of days."""
    return 10 * span // DAY


def in_days(span: timedelta) -> str:
    """A span as days with one decimal where it has one."""
    return points(tenths_of_days(span))


RECIPES = {
    "gap": Recipe("time", thresholds=("days", "intervals", "presumed_ended")),
    "missed_sessions": Recipe("time", needs=("session_feed",), thresholds=("running",)),
    "measure_missing": Recipe(
        "time", needs=("session_feed",), thresholds=("running", "hours_after")
    ),
    "data_held_up": Recipe("system"),
    "unplanned_ending": Recipe("mark", needs=("cutoff",)),
}
