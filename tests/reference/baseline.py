"""Whether a series began too late for its first rating to be a baseline."""

from collections.abc import Sequence
from datetime import datetime, timedelta

LATEST_DAYS = timedelta(days=30)


def late_baseline(
    first_rating: datetime, opened_at: datetime, held_treatment_sessions: Sequence[datetime]
) -> list[str]:
    """Why the first rating is a late baseline; nothing where it is not.

    Late is a first rating after the second held treatment session (both by when they occurred) or
    more than 30 times 24 hours after the opening.
    """
    reasons = []
    sessions = sorted(held_treatment_sessions)
    if len(sessions) >= 2 and first_rating > sessions[1]:
        reasons.append("after_second_session")
    if first_rating - opened_at > LATEST_DAYS:
        reasons.append("after_thirty_days")
    return reasons
