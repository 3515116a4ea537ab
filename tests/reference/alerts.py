"""How alerts open, repeat, rise and end along the ratings of a series."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tests.reference.definition import Definition

STATE, POINT, CHECKPOINT = "state", "point", "checkpoint"
ALERTING = {
    "reliable_deterioration": (STATE, "high"),
    "session_drop": (POINT, "medium"),
    "off_track": (STATE, "medium"),
    "no_early_change": (CHECKPOINT, "medium"),
    "stalled": (CHECKPOINT, "medium"),
    "lost_gain": (POINT, "medium"),
}
BEFORE = {"session_drop": "previous", "lost_gain": "best"}
"""Where the score was before it fell."""

SEVERITIES = ["info", "medium", "high", "urgent"]
RISES_AT_REPETITION = 3
FALSE_TO_END = 2
COLUMNS = [
    "client",
    "rule",
    "severity",
    "opened_k",
    "opened_at",
    "repetitions",
    "ended_k",
    "ended_at",
    "how",
]


@dataclass
class Alert:
    """One alert; `how` says what ended it, and is None while it is open."""

    client: object
    rule: str
    severity: str
    opened_k: int
    opened_at: Any
    before: int
    """Where the score was before, in millionths; 0 where it is no point."""
    repetitions: int = 0
    false_running: int = 0
    ended_k: int | None = None
    ended_at: Any = None
    how: str | None = None

    def repeat(self, severity: str) -> None:
        """The rule held again: the severity is the highest so far, a step up at the third."""
        self.false_running = 0
        self.repetitions += 1
        rank = max(SEVERITIES.index(self.severity), SEVERITIES.index(severity))
        rank += self.repetitions == RISES_AT_REPETITION
        self.severity = SEVERITIES[min(rank, len(SEVERITIES) - 1)]

    def end(self, how: str, at: Any, k: int | None = None) -> None:
        """It ended by itself."""
        self.how, self.ended_at, self.ended_k = how, at, k


def alerts(
    judged: pd.DataFrame, definition: Definition, agreed_changes: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The alerts of every client over the ratings of `evaluate`, one row each.

    `agreed_changes` has `client` and `time`; one at the time of a rating comes after it. `how` is
    `false_twice`, `score_back`, `reliable_improvement` or `agreed_change` (all of them
    `resolved`), missing where the alert is open at the end; `ended_k` is missing where no rating
    ended it.
    """
    rows = [
        [getattr(alert, column) for column in COLUMNS]
        for client, series in judged.groupby("client", sort=False)
        for rule in ALERTING
        for alert in _of_series(
            client, series.to_dict("records"), rule, definition, _times(agreed_changes, client)
        )
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"ended_k": "Int64", "how": "string"})


def _of_series(
    client: object,
    ratings: list[dict[Any, Any]],
    rule: str,
    definition: Definition,
    changes: list[Any],
) -> Iterator[Alert]:
    kind, base = ALERTING[rule]
    alert: Alert | None = None
    for rating in ratings:
        if alert and _agreed(alert, kind, changes, before=rating["time"]):
            yield alert
            alert = None
        if not pd.isna(rating[rule]) and rating[rule]:
            severity = rating["off_track_severity"] if rule == "off_track" else base
            if alert is None:
                before = rating[BEFORE[rule]] if kind == POINT else 0
                alert = Alert(client, rule, severity, rating["k"], rating["time"], before)
            else:
                alert.repeat(severity)
        elif alert and _ends(alert, kind, rating, definition):
            yield alert
            alert = None
    if alert:
        _agreed(alert, kind, changes)
        yield alert


def _ends(alert: Alert, kind: str, rating: dict[Any, Any], definition: Definition) -> bool:
    """Whether `alert` ends at this rating, on which its rule does not hold.

    A state counts only ratings on which the rule was evaluated; a checkpoint ends at any rating.
    """
    assert definition.rc is not None
    if kind == CHECKPOINT:
        over, how = rating["change"] >= definition.rc, "reliable_improvement"
    elif kind == POINT:
        below = definition.direction * (alert.before - rating["x"])
        over, how = below < definition.rc, "score_back"
    else:
        alert.false_running += not pd.isna(rating[alert.rule])
        over, how = alert.false_running == FALSE_TO_END, "false_twice"
    if over:
        alert.end(how, rating["time"], rating["k"])
    return bool(over)


def _agreed(alert: Alert, kind: str, changes: list[Any], before: Any = None) -> bool:
    """End a checkpoint at the first change agreed since it opened (and `before` a rating)."""
    if kind != CHECKPOINT:
        return False
    since = [at for at in changes if at >= alert.opened_at and (before is None or at < before)]
    if since:
        alert.end("agreed_change", min(since))
    return bool(since)


def _times(agreed_changes: pd.DataFrame | None, client: object) -> list[Any]:
    if agreed_changes is None:
        return []
    return agreed_changes.loc[agreed_changes["client"] == client, "time"].tolist()
