"""Somebody who listens to the assessor, for tests of the pure domain."""

from datetime import datetime

from services.outcomes.domain.assessing import Derived, Speech, speak
from services.outcomes.domain.assessor_state import AssessorState, pack, unpack
from services.outcomes.domain.standards import Standards, shipped
from services.outcomes.domain.touched import Touched, take_in
from shared.contracts import Event, Recorded
from shared.contracts.outcomes import Assessment, AssessmentWithdrawn
from tests.unit.outcomes.story import CLIENT


class Listener:
    """Feeds events to the assessor batch by batch, and remembers what holds in the end."""

    def __init__(self) -> None:
        self.state = AssessorState()
        self.said: list[Derived] = []
        self.standards: Standards = shipped()

    def hear(self, *batch: Recorded[Event]) -> list[Derived]:
        """One batch; what is said because of it."""
        touched: dict[str, Touched] = {}
        for event in batch:
            take_in(self.state, event, touched)
        return self._speak(touched)

    def doubt(self, cause: str, revise_at: datetime | None = None) -> list[Derived]:
        """Look at every episode again."""
        every = {one: Touched(cause, only_appended=False) for one in self.state.client.said}
        return self._speak(every, revise_at)

    def _speak(
        self, touched: dict[str, Touched], revise_at: datetime | None = None
    ) -> list[Derived]:
        news = [
            one
            for episode, mark in touched.items()
            for one in speak(self.state, Speech(CLIENT, episode, mark, self.standards, revise_at))
        ]
        self.state = unpack(pack(self.state))
        self.said += news
        return news

    def standing(self) -> dict[str, Assessment | None]:
        """The latest that was said of each rating, in the order of the stream."""
        latest: dict[str, Assessment | None] = {}
        for one in self.said:
            if isinstance(one.data, AssessmentWithdrawn):
                del latest[one.data.rating_id]
            else:
                latest[one.data.rating_id] = one.data.private
        return latest

    def holding(self, rule: str) -> set[str]:
        """The ratings on which `rule` holds now."""
        return {
            rating
            for rating, assessment in self.standing().items()
            if assessment and any(v.rule == rule and v.holds for v in assessment.verdicts)
        }


def kinds(derived: list[Derived]) -> list[type[Event]]:
    """The types of what was said."""
    return [type(one.data) for one in derived]
