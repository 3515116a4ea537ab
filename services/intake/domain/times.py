"""What can be said of moments: not the future, not before what they follow."""

from datetime import datetime, timedelta

from shared.errors import FieldError, Invalid

AHEAD = timedelta(minutes=5)
"""Clocks differ: only what lies further ahead than this is in the future."""


def not_ahead(moment: datetime, now: datetime, pointer: str) -> None:
    """Refuse what would have happened in the future."""
    if moment > now + AHEAD:
        raise Invalid(errors=[FieldError(pointer, "The time lies in the future.", "future")])


def not_before(moment: datetime, start: datetime, pointer: str) -> None:
    """Refuse what would have happened before what it follows."""
    if moment < start:
        raise Invalid(errors=[FieldError(pointer, "Before what it follows.", "order")])
