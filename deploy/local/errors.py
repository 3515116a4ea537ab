"""What can go wrong while the local stack is set up or runs."""

from shared.errors import HeroicError


class PartFailed(HeroicError):
    """A part of the local stack did not start, or ended while it was needed."""

    code, title = "part_failed", "A part failed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class PinMismatch(HeroicError):
    """A downloaded file is not the one that was pinned."""

    code, title = "pin_mismatch", "Not the pinned file"


class UnknownStack(HeroicError):
    """`HEROIC_STACK` names no stack, or one whose addresses are missing."""

    code, title = "unknown_stack", "Unknown stack"


class AlreadyRunning(HeroicError):
    """Another supervisor holds this home."""

    code, title = "already_running", "Already running"


class NotAHome(HeroicError):
    """The folder is not one that a supervisor has used."""

    code, title = "not_a_home", "Not a home of Heroic"


class PortTaken(HeroicError):
    """The port that was asked for is in use."""

    code, title = "port_taken", "Port taken"
