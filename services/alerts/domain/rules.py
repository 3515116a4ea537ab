"""The rules that alerts may come from: what a filter by rule may name."""

from typing import Literal

RuleName = Literal[
    "risk_item",
    "risk_item_unanswered",
    "reliable_deterioration",
    "session_drop",
    "off_track",
    "no_early_change",
    "stalled",
    "lost_gain",
    "gap",
    "missed_sessions",
    "measure_missing",
    "data_held_up",
]
