"""Each intent against what lies on the desk: look up, decide, lay down what follows."""

from services.intake.desk import Desk
from services.intake.fulfilling import clients, episodes, sessions
from services.intake.fulfilling.outcome import OtherContent, Outcome, fulfil
from services.intake.intents import Intent
from shared.errors import HeroicError

__all__ = ["OtherContent", "Outcome", "clients", "episodes", "fulfil", "sessions", "try_to"]


def try_to(desk: Desk, intent: Intent) -> Outcome | HeroicError:
    """The outcome, or why there is none; the desk is as it was then."""
    try:
        return fulfil(intent, desk)
    except HeroicError as error:
        return error
