"""What can go wrong while the local stack is set up or runs."""

from shared.errors import HeroicError


class PartFailed(HeroicError):
    """A part of the local stack did not start, or ended while it was needed."""

    code = "part_failed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class PinMismatch(HeroicError):
    """A downloaded file is not the one that was pinned."""

    code = "pin_mismatch"


class UnknownStack(HeroicError):
    """`HEROIC_STACK` names no stack, or one whose addresses are missing."""

    code = "unknown_stack"


class AlreadyRunning(HeroicError):
    """Another supervisor holds this home."""

    code = "already_running"


class NotAHome(HeroicError):
    """The folder is not one that a supervisor has used."""

    code = "not_a_home"
