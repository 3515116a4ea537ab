"""The desk: what was loaded for a handful of intents, and what is to be written for them.

It is a plain structure without any waiting. The events, claims and releases of one person, merged
clients among them, are written together or not at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from services.intake.claims import ClaimNames, client_stream, episode_stream
from services.intake.domain.client import Client
from services.intake.domain.client import fold as fold_client
from services.intake.domain.client_state import DEFAULT_CONSENTS
from services.intake.domain.episode import Episode
from services.intake.domain.episode import fold as fold_episode
from services.intake.domain.merging import OnePerson
from services.intake.domain.person import Person, fold_person
from services.intake.intents import Ref
from services.intake.laid import Group, Held, Loaded
from shared.access.reach import Why
from shared.contracts import Event
from shared.contracts.intake import Purpose
from shared.errors import HeroicError, NotFound
from shared.eventstore import Append, Claim, NewEvent, Write

__all__ = ["Asker", "Desk", "Loaded", "Options"]

S = TypeVar("S", Client, Episode)


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and by which right they reach whom they speak of."""

    id: str = ""
    why: Why = "integration"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How intents are meant: `correct` other content, `history`: it comes from the past.

    `trusting`: members of staff of whom nothing is known are taken on trust.
    """

    correct: bool = False
    history: bool = False
    trusting: bool = True


class Desk:
    """One tenant's clients, episodes and claims, as far as they are needed now."""

    def __init__(
        self,
        *,
        tenant: str,
        now: datetime,
        options: Options,
        names: ClaimNames,
        new_id: Callable[[], str],
        defaults: Mapping[Purpose, bool] = DEFAULT_CONSENTS,
    ) -> None:
        self.tenant = tenant
        self.now = now
        self.options = options
        self.names = names
        self.new_id = new_id
        self.defaults = defaults
        self.asker = Asker()
        self.staff: dict[str, Person] = {}
        self.closed: dict[str, HeroicError] = {}
        """Clients who are not on the desk themselves, and with whom nobody works: why."""
        self.groups: dict[str, Group] = {}
        self._refs: dict[str, str] = {}
        self._clients: dict[str, Loaded[Client]] = {}
        self._episodes: dict[str, Loaded[Episode]] = {}

    def put_claim(self, claim: str, ref: str) -> None:
        """Lay a claim that was found on the desk; what lies there already stays."""
        self._refs.setdefault(claim, ref)

    def put_stream(self, stream: str, events: Sequence[Event]) -> None:
        """Lay a stream that was read on the desk; one without events is not there."""
        if not events:
            return
        if stream.startswith("client-"):
            client = fold_client(events)
            if client is not None:
                self._clients.setdefault(
                    client.id,
                    Loaded(stream=stream, client_id=client.id, state=client, stored=len(events)),
                )
            return
        if stream.startswith("person-"):
            person = fold_person(events)
            if person is not None:
                self.staff[person.id] = person
            return
        episode = fold_episode(events)
        if episode is not None:
            self._episodes.setdefault(
                episode.id,
                Loaded(
                    stream=stream, client_id=episode.client_id, state=episode, stored=len(events)
                ),
            )

    def holder(self, claim: str) -> str | None:
        """What the claim points to; None where nobody holds it."""
        return self._refs.get(claim)

    def record_of(self, ref: Ref) -> Loaded[Client]:
        """The very client that is meant, an alias too; `NotFound` where there is none."""
        found = self._clients.get(self._id("client", ref) or "")
        if found is None:
            raise NotFound("There is no such client.")
        return found

    def client(self, ref: Ref) -> Loaded[Client]:
        """The client who goes on for the one that is meant; `NotFound` where there is none."""
        return self.record_of(Ref(id=self.one_id(self.record_of(ref).client_id)))

    def records(self, one: Loaded[Client]) -> list[Loaded[Client]]:
        """Everybody who is the same person: the client who goes on, then its aliases."""
        return [one, *(self._clients[alias] for alias in one.state.aliases)]

    def person(self, one: Loaded[Client]) -> OnePerson:
        """The same as they stand."""
        records = [loaded.state for loaded in self.records(one)]
        return OnePerson(records=records, defaults=self.defaults)

    def one_id(self, client_id: str) -> str:
        """Who goes on for a client, as far as that lies on the desk: mostly the client."""
        found = self._clients.get(client_id)
        return client_id if found is None else found.state.alias_of or client_id

    def unread(self) -> set[str]:
        """The streams of clients who are the same person as somebody here, and are not here."""
        named = {
            client_id
            for loaded in self._clients.values()
            for client_id in (loaded.state.alias_of, *loaded.state.aliases)
            if client_id is not None
        }
        return {client_stream(client_id) for client_id in named.difference(self._clients)}

    def torn(self) -> set[str]:
        """Streams of merged clients that contradict each other: merging went on between reads."""
        return {
            client_stream(client_id)
            for loaded in self._clients.values()
            for other in (loaded.state.alias_of, *loaded.state.aliases)
            if other in self._clients and not self._agree(loaded.state, self._clients[other].state)
            for client_id in (loaded.client_id, other)
        }

    def _agree(self, client: Client, other: Client) -> bool:
        one, alias = (other, client) if client.alias_of == other.id else (client, other)
        return one.alias_of is None and alias.alias_of == one.id and alias.id in one.aliases

    def forget(self, streams: Collection[str]) -> None:
        """Take clients from the desk, to lay them on it as they stand now."""
        for client_id in [one for one in self._clients if client_stream(one) in streams]:
            del self._clients[client_id]

    def shows(self, client_id: str) -> bool:
        """Whether the very client lies here."""
        return client_id in self._clients

    def unseen(self) -> set[str]:
        """The clients of episodes here who are not here themselves."""
        return {one.client_id for one in self._episodes.values()}.difference(self._clients)

    def episode(self, ref: Ref) -> Loaded[Episode]:
        """The episode that is meant; `NotFound` where there is none."""
        found = self._episodes.get(self._id("episode", ref) or "")
        if found is None:
            raise NotFound("There is no such episode.")
        return found

    def new_client(self, client: Client, events: list[Event]) -> Loaded[Client]:
        """A client that is registered now."""
        loaded = Loaded(
            stream=client_stream(client.id), client_id=client.id, state=client, stored=0
        )
        self._clients[client.id] = loaded
        self._group(client.id).is_new = True
        return self.record(loaded, client, events)

    def new_episode(self, episode: Episode, events: list[Event]) -> Loaded[Episode]:
        """An episode that is opened now."""
        loaded = Loaded(
            stream=episode_stream(episode.id),
            client_id=episode.client_id,
            state=episode,
            stored=0,
        )
        self._episodes[episode.id] = loaded
        return self.record(loaded, episode, events)

    def record(
        self, loaded: Loaded[S], state: S, events: list[Event], *, with_: str | None = None
    ) -> Loaded[S]:
        """`events` are to be written and lead to `state`.

        They are written with what else is written for their person, or for the client `with_`.
        """
        if events:
            group = self._group(with_ or loaded.client_id)
            loaded.state = state
            loaded.events = [*loaded.events, *events]
            group.streams[loaded.stream] = loaded
        return loaded

    def claim(self, client_id: str, claim: str, ref: str) -> None:
        """The claim is to be held for `ref` from now on."""
        self._refs[claim] = ref
        group = self._group(client_id)
        if claim in group.releases:
            # Given up and taken back in one go: it is held for the same thing as ever.
            group.releases.remove(claim)
        else:
            group.claims[claim] = Held(ref, client_id)

    def release(self, client_id: str, claim: str) -> None:
        """The claim is to be given up."""
        self._refs.pop(claim, None)
        group = self._group(client_id)
        # What was taken only now is not held yet.
        if group.claims.pop(claim, None) is None:
            group.releases.append(claim)

    def write(self, client_id: str) -> Write | None:
        """All that is to be written for the person of a client; None where nothing is."""
        group = self.groups.get(client_id)
        if group is None or not group.streams:
            return None
        return Write(
            tenant=self.tenant,
            appends=[self._append(loaded) for loaded in group.streams.values()],
            claims=[
                Claim(tenant=self.tenant, stream=claim, ref=held.ref, subject=held.client_id)
                for claim, held in group.claims.items()
            ],
            release=group.releases,
            secret_of=client_id,
        )

    def _append(self, loaded: Loaded[Client] | Loaded[Episode]) -> Append:
        return Append(
            tenant=self.tenant,
            stream=loaded.stream,
            expected=loaded.stored,
            events=[NewEvent(id=self.new_id(), data=event) for event in loaded.events],
            subject=loaded.client_id,
            secret_of=loaded.client_id,
        )

    def _group(self, client_id: str) -> Group:
        return self.groups.setdefault(self.one_id(client_id), Group())

    def _id(self, kind: str, ref: Ref) -> str | None:
        if ref.external_id is None:
            return ref.id
        return self.holder(
            self.names.external("client" if kind == "client" else "episode", ref.external_id)
        )
