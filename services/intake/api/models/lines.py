"""Lines of a bulk call."""

from typing import Literal

from services.intake.api.models.clients import ClientModel, ClientRefModel, ConsentModel
from services.intake.api.models.episodes import EpisodeFields, SessionModel
from services.intake.intents import DecideConsent, PutClient


class ClientLine(ClientModel):
    """A line of a bulk call that registers a client."""

    kind: Literal["client"]

    def intent(self) -> PutClient:
        """What is asked for."""
        return PutClient(details=self.details(), as_of=self.as_of)


class EpisodeLine(EpisodeFields):
    """A line of a bulk call that opens an episode."""

    kind: Literal["episode"]


class SessionLine(SessionModel):
    """A line of a bulk call that records a session."""

    kind: Literal["session"]


class ConsentLine(ClientRefModel, ConsentModel):
    """A line of a bulk call that records a decision."""

    kind: Literal["consent"]

    def line_intent(self) -> DecideConsent:
        """What is asked for."""
        return self.intent(self.client())
