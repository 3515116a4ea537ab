"""Which failures pass by themselves, and which never will."""

from aiokafka.errors import KafkaError

from shared.consuming.sorting import Reason
from shared.consuming.state import Fenced
from shared.database import is_transient as database_is_away
from shared.errors import Conflict, HeroicError, Unavailable
from shared.telemetry import describe

TOO_MANY_CONFLICTS = 20
"""A derived stream that changes under us this often in a row is not a race any more."""


class Stopped(HeroicError):
    """The consumer has stopped itself and waits for somebody to look after it."""

    code, title = "consumer_stopped", "Consumer stopped"


def is_transient(error: Exception, *, conflicts: int = 0) -> bool:
    """Whether the same events may well go through later: the database or the broker is away or
    busy, another worker was faster, or a stream was written to in between."""
    if isinstance(error, Conflict):
        return conflicts < TOO_MANY_CONFLICTS
    return isinstance(error, (Unavailable, Fenced, KafkaError)) or database_is_away(error)


def reason_for(error: Exception, tries: int) -> Reason:
    """Why an event is parked, without anything that the event says."""
    if isinstance(error, HeroicError):
        return Reason(error.code, error.detail, tries)
    return Reason("unexpected", describe(error), tries)
