"""Each intent against what lies on the desk: look up, decide, lay down what follows."""

from services.intake.desk import Desk
from services.intake.fulfilling import clients, episodes, people, sessions
from services.intake.fulfilling.outcome import (
    OtherContent,
    Outcome,
    check_workable,
    fulfil,
    workable,
)
from services.intake.intents import Intent
from shared.errors import HeroicError

__all__ = [
    "OtherContent",
    "Outcome",
    "check_workable",
    "clients",
    "episodes",
    "fulfil",
    "people",
    "sessions",
    "try_to",
    "workable",
]


def try_to(desk: Desk, intent: Intent) -> Outcome | HeroicError:
    """The outcome, or why there is none; the desk is as it was then."""
    try:
        return fulfil(intent, desk)
    except HeroicError as error:
        return error
