"""A client's story as recorded events, stream by stream, for tests of the pure domain."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import msgspec

from shared.contracts import Event, Recorded
from shared.contracts.feedback import (
    MoveReason,
    RaterKind,
    RatingContent,
    RatingCorrected,
    RatingCorrection,
    RatingMoved,
    RatingSubmitted,
    RatingVoided,
    VoidReason,
)
from shared.contracts.intake import (
    ClientDetails,
    ClientDetailsCorrected,
    ClientRegistered,
    EpisodeClosed,
    EpisodeOpened,
    SessionRecorded,
)
from shared.ids import derived_id

TENANT = "11111111-1111-4111-8111-111111111111"
CLIENT = "22222222-2222-4222-8222-222222222222"
EPISODE = "33333333-3333-4333-8333-333333333333"
START = datetime(2024, 1, 8, 9, tzinfo=UTC)


def rating_id(name: str) -> str:
    """The id of the rating that a test calls `name`."""
    return derived_id("test rating", name)


def recorded_on(event: Recorded[Event], day: float) -> Recorded[Event]:
    """The event as if the store had taken it on that day."""
    return msgspec.structs.replace(event, recorded_at=START + timedelta(days=day))


class Story:
    """Writes events into streams, with the versions and the times that a store would give."""

    def __init__(
        self, client_id: str = CLIENT, episode_id: str = EPISODE, tenant: str = TENANT
    ) -> None:
        self.client_id, self.episode_id, self.tenant = client_id, episode_id, tenant
        self.events: list[Recorded[Event]] = []
        self._versions: dict[str, int] = defaultdict(int)

    def add(self, stream: str, data: Event, *, event_id: str = "") -> Recorded[Event]:
        """Append `data` to `stream`."""
        self._versions[stream] += 1
        version = self._versions[stream]
        event = Recorded(
            id=event_id or derived_id("test", stream, str(version)),
            tenant=self.tenant,
            subject=self.client_id,
            stream=stream,
            version=version,
            recorded_at=START + timedelta(seconds=len(self.events)),
            epoch=1,
            position=len(self.events) + 1,
            correlation_id="",
            causation_id=None,
            traceparent=None,
            data=data,
        )
        self.events.append(event)
        return event

    def register(self, details: ClientDetails | None = None) -> Recorded[Event]:
        """The client is known."""
        data = ClientRegistered(client_id=self.client_id, private=details)
        return self.add(f"client-{self.client_id}", data)

    def correct_details(self, details: ClientDetails) -> Recorded[Event]:
        """Somebody had written down something else of the client."""
        data = ClientDetailsCorrected(client_id=self.client_id, private=details)
        return self.add(f"client-{self.client_id}", data)

    def open(self, *, day: float = 0, clinician: str | None = None) -> Recorded[Event]:
        """The episode begins."""
        data = EpisodeOpened(
            episode_id=self.episode_id,
            client_id=self.client_id,
            age_group="adult",
            opened_at=START + timedelta(days=day),
            clinician_id=clinician,
        )
        return self.add(f"episode-{self.episode_id}", data)

    def of_client(self, data: Event) -> Recorded[Event]:
        """Something is said of the client."""
        return self.add(f"client-{self.client_id}", data)

    def close(self, *, day: float) -> Recorded[Event]:
        """The episode ends."""
        data = EpisodeClosed(
            episode_id=self.episode_id,
            client_id=self.client_id,
            closed_at=START + timedelta(days=day),
            ending="planned",
        )
        return self.add(f"episode-{self.episode_id}", data)

    def session(self, name: str, *, day: float) -> Recorded[Event]:
        """A treatment session was held."""
        data = SessionRecorded(
            session_id=derived_id("test session", name),
            episode_id=self.episode_id,
            client_id=self.client_id,
            starts_at=START + timedelta(days=day),
            status="held",
            session_type="treatment",
        )
        return self.add(f"episode-{self.episode_id}", data)

    def rate(
        self,
        name: str,
        total: int | None,
        *,
        day: float,
        measure: str = "bdi",
        note: str | None = None,
        erased: bool = False,
        rater: RaterKind = "self",
        session: str | None = None,
        definition: int = 1,
        moved_from: str | None = None,
    ) -> Recorded[Event]:
        """A rating; `total` in tenths. `session` is the name of the one that it is about."""
        data = RatingSubmitted(
            rating_id=rating_id(name),
            episode_id=self.episode_id,
            client_id=self.client_id,
            measure=measure,
            definition_version=definition,
            occurred_at=START + timedelta(days=day),
            rater_kind=rater,
            session_id=derived_id("test session", session) if session else None,
            moved_from=moved_from,
            private=None if erased else RatingContent(total=total, note=note),
        )
        return self.add(f"feedback-{self.episode_id}", data)

    def correct(
        self, name: str, total: int | None, *, day: float, measure: str = "bdi"
    ) -> Recorded[Event]:
        """A rating was wrong."""
        data = RatingCorrected(
            rating_id=rating_id(name),
            episode_id=self.episode_id,
            client_id=self.client_id,
            measure=measure,
            definition_version=1,
            occurred_at=START + timedelta(days=day),
            private=RatingCorrection(total=total, reason="typing error"),
        )
        return self.add(f"feedback-{self.episode_id}", data)

    def move(self, name: str, to: str, *, measure: str = "bdi") -> Recorded[Event]:
        """A rating belongs to another episode."""
        data = RatingMoved(
            rating_id=rating_id(name),
            episode_id=self.episode_id,
            client_id=self.client_id,
            measure=measure,
            to_episode_id=to,
            private=MoveReason(reason="wrong episode"),
        )
        return self.add(f"feedback-{self.episode_id}", data)

    def void(self, name: str, *, measure: str = "bdi") -> Recorded[Event]:
        """A rating never was."""
        data = RatingVoided(
            rating_id=rating_id(name),
            episode_id=self.episode_id,
            client_id=self.client_id,
            measure=measure,
            private=VoidReason(reason="somebody else's form"),
        )
        return self.add(f"feedback-{self.episode_id}", data)
