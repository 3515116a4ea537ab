"""What a ledger adds up to: ratings, changes and alerts, computed by nothing of the platform."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from tests.faults.real_load import Entry

RELIABLE = {"phq-9": Decimal("6"), "bdi": Decimal("8.46")}
ENDS_AFTER = 2
STEP_AT = 3


class Rated(NamedTuple):
    """A rating that counts; `version` is that of its submission, which orders equal times."""

    occurred_at: datetime
    version: int
    rating_id: str
    total: int


class Raised(NamedTuple):
    """An alert that must be there: its rule, the rating that raised it, and how it stands."""

    episode_id: str
    rule: str
    measure: str
    cause_id: str
    status: str
    severity: str


@dataclass
class Course:
    """One episode as its entries tell it. `risks` counts what a risk alert was told."""

    episode_id: str
    series: dict[str, list[Rated]] = field(default_factory=dict)
    alerts: set[Raised] = field(default_factory=set)
    risks: int = 0


def courses(entries: Iterable[Entry]) -> dict[str, Course]:
    """Each episode of the ledger."""
    by_episode: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_episode[entry.episode_id].append(entry)
    return {
        episode_id: course(episode_id, sorted(found, key=lambda one: one.version))
        for episode_id, found in by_episode.items()
    }


def course(episode_id: str, entries: list[Entry]) -> Course:
    """One episode, its entries in the order of their versions."""
    present: dict[str, tuple[str, Rated]] = {}
    for entry in entries:
        if entry.kind == "RatingVoided":
            del present[entry.rating_id]
            continue
        known = present.get(entry.rating_id)
        first = known[1].version if known else entry.version
        rated = Rated(entry.occurred_at, first, entry.rating_id, entry.total)
        present[entry.rating_id] = entry.measure, rated
    found = Course(episode_id)
    for measure, rated in sorted(present.values(), key=lambda one: one[1]):
        found.series.setdefault(measure, []).append(rated)
    # The clinically first rating says which measure drives the alerts.
    if found.series:
        primary = min(found.series, key=lambda one: found.series[one][0])
        found.alerts |= deteriorations(episode_id, primary, found.series[primary])
        found.alerts |= drops(episode_id, primary, found.series[primary])
    tell_of_risk(found, entries)
    return found


def deteriorations(episode_id: str, measure: str, series: list[Rated]) -> set[Raised]:
    """Worse than the first rating by the reliable change; over after two ratings without it."""
    alerts: set[Raised] = set()
    cause, repeats, without = "", 0, 0

    def end(status: str) -> None:
        severity = "urgent" if repeats >= STEP_AT else "high"
        rule = "reliable_deterioration"
        alerts.add(Raised(episode_id, rule, measure, cause, status, severity))

    for rated in series[1:]:
        if rated.total - series[0].total >= RELIABLE[measure]:
            without = 0
            cause, repeats = (cause, repeats + 1) if cause else (rated.rating_id, 0)
        elif cause:
            without += 1
            if without == ENDS_AFTER:
                end("resolved")
                cause, without = "", 0
    if cause:
        end("open")
    return alerts


def drops(episode_id: str, measure: str, series: list[Rated]) -> set[Raised]:
    """Worse than the rating before by the reliable change; over once back within it."""
    alerts: set[Raised] = set()
    cause, repeats, height = "", 0, 0

    def end(status: str) -> None:
        severity = "high" if repeats >= STEP_AT else "medium"
        alerts.add(Raised(episode_id, "session_drop", measure, cause, status, severity))

    for before, rated in pairwise(series):
        if cause and rated.total - height < RELIABLE[measure]:
            end("resolved")
            cause = ""
        if rated.total - before.total >= RELIABLE[measure]:
            if cause:
                repeats += 1
            else:
                cause, repeats, height = rated.rating_id, 0, before.total
    if cause:
        end("open")
    return alerts


def tell_of_risk(found: Course, entries: list[Entry]) -> None:
    """One alert an episode, which nothing but a person ends; told of each answer that is news."""
    causes: list[str] = []
    highest = 0
    for entry in entries:
        if entry.kind == "RatingVoided" or not entry.risk:
            continue
        known = entry.rating_id in causes and entry.risk <= highest
        if entry.kind == "RatingCorrected" and known:
            continue
        causes.append(entry.rating_id)
        highest = max(highest, entry.risk)
    found.risks = len(causes)
    if causes:
        alert = Raised(found.episode_id, "risk_item", "phq-9", causes[0], "open", "urgent")
        found.alerts.add(alert)
