"""People of an organisation: listed, given and denied roles, deactivated, and who takes over."""

from collections.abc import Callable, Sequence

import msgspec

from services.intake.appending import append
from services.intake.claims import episode_stream
from services.intake.desk import Options
from services.intake.directory import Directory
from services.intake.domain import person as people
from services.intake.domain import staff as domain
from services.intake.domain.episode import Transfer
from services.intake.domain.episode import fold as fold_episode
from services.intake.domain.person import Person
from services.intake.handlers import Handlers, Result
from services.intake.intents import ChangeEpisode, Ref
from services.intake.races import Queues, again_where_lost
from shared.access import access_group
from shared.clock import Clock
from shared.consuming.arrival import arrived
from shared.contracts import Event
from shared.contracts.people import StaffRole
from shared.database import Database
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.eventstore import EventStore

SERVICE = "intake"
BATCH = 200
"""So many streams are read, or episodes transferred, at a time."""

TURN = "claim-administrators-{}"
"""The claim of whoever ends the n-th time of an administrator: of two at once, one wins."""


class Led(msgspec.Struct, frozen=True):
    """An open episode and its client, led by somebody."""

    episode_id: str
    client_id: str


class Staff:
    """Fulfils what concerns people who work in an organisation."""

    def __init__(
        self, store: EventStore, database: Database, handlers: Handlers, clock: Clock
    ) -> None:
        self._store = store
        self._database = database
        self._directory = Directory(database)
        self._handlers = handlers
        self._clock = clock
        self._queues = Queues()

    async def page(self, tenant: str, after: str, limit: int) -> list[Person]:
        """The next people after the id `after`, in the order in which they were invited."""
        streams = await self._directory.streams(tenant, "person", after, limit)
        found = await self._store.read_many(tenant, streams)
        return [_existing([event.data for event in found[stream]]) for stream in streams]

    async def get(self, tenant: str, person_id: str) -> Person:
        """One of them; `NotFound` where there is none."""
        events = await self._store.read(tenant, stream_of(person_id))
        return _existing([event.data for event in events])

    async def grant(self, tenant: str, person_id: str, role: StaffRole) -> Person:
        """They have one role more."""
        return await self._change(tenant, person_id, lambda one: domain.grant(one, role))

    async def revoke(self, tenant: str, person_id: str, role: StaffRole) -> Person:
        """They have one role less; `LastAdministrator` where nobody else could administer."""
        return await self._change(tenant, person_id, lambda one: domain.revoke(one, role))

    async def deactivate(self, tenant: str, person_id: str) -> Person:
        """They have no access any more; `LastAdministrator` where nobody else could administer."""
        return await self._change(tenant, person_id, domain.deactivate)

    async def caseload(self, tenant: str, person_id: str) -> list[Led]:
        """The open episodes that they lead; `NotYetHere` where that cannot be told for now."""
        await self.get(tenant, person_id)
        await arrived(
            self._database,
            group=access_group(SERVICE),
            service=SERVICE,
            id=None,
            lookup=_nothing_to_see,
            clock=self._clock,
        )
        ids = await self._directory.led_by(tenant, person_id)
        led: list[Led] = []
        for start in range(0, len(ids), BATCH):
            led += await self._open_among(tenant, ids[start : start + BATCH])
        return led

    async def hand_over(
        self, tenant: str, person_id: str, to_person_id: str
    ) -> list[tuple[Led, Result]]:
        """Somebody else leads all that they lead from now on: each episode, and what came of it.

        Raises Invalid where nobody can take over by that name.
        """
        await self._check_takes_over(tenant, person_id, to_person_id)
        led = await self.caseload(tenant, person_id)
        results: list[tuple[Led, Result]] = []
        for start in range(0, len(led), BATCH):
            some = led[start : start + BATCH]
            command = Transfer(to_clinician_id=to_person_id, at=self._clock())
            intents = [
                ChangeEpisode(episode=Ref(id=one.episode_id), command=command) for one in some
            ]
            done = await self._handlers.many(tenant, intents, Options())
            results += zip(some, done, strict=True)
        return results

    async def _check_takes_over(self, tenant: str, person_id: str, to_person_id: str) -> None:
        await self.get(tenant, person_id)
        try:
            successor = await self.get(tenant, to_person_id)
        except NotFound:
            successor = None
        if successor is None or to_person_id == person_id:
            raise Invalid(errors=[FieldError("/to_person_id", "Nobody can take over.", "unknown")])
        if not successor.active or "clinician" not in successor.roles:
            raise Conflict("Who takes over must be a clinician with access.")

    async def _open_among(self, tenant: str, ids: Sequence[str]) -> list[Led]:
        streams = [episode_stream(id_) for id_ in ids]
        found = await self._store.read_many(tenant, streams)
        episodes = [fold_episode([event.data for event in found[stream]]) for stream in streams]
        return [
            Led(one.id, one.client_id)
            for one in episodes
            if one is not None and one.status == "open"
        ]

    async def _change(
        self,
        tenant: str,
        person_id: str,
        decide: Callable[[Person], list[Event]],
    ) -> Person:
        stream = stream_of(person_id)

        async def attempt() -> Person:
            history = [event.data for event in await self._store.read(tenant, stream)]
            person = _existing(history)
            events = decide(person)
            after = _existing([*history, *events])
            steps_down = domain.administers(person) and not domain.administers(after)
            claims = [await self._turn(tenant, person_id)] if steps_down else []
            await append(
                self._store,
                tenant,
                stream,
                len(history),
                events,
                secret_of=person_id,
                claims=claims,
            )
            return after

        return await again_where_lost(self._queues, tenant, attempt)

    async def _turn(self, tenant: str, person_id: str) -> str:
        """The claim under which an administrator may step down, if another one stays."""
        streams = await self._directory.all_streams(tenant, "person")
        known: dict[str, Person] = {}
        turns = 0
        for start in range(0, len(streams), BATCH):
            found = await self._store.read_many(tenant, streams[start : start + BATCH])
            for recorded in found.values():
                events = [event.data for event in recorded]
                person = _existing(events)
                known[person.id] = person
                turns += domain.turns(events)
        domain.check_administered(known, person_id)
        return TURN.format(turns)


async def _nothing_to_see() -> None:
    """What is waited for is only that everything has arrived."""


def _existing(events: Sequence[Event]) -> Person:
    person = people.fold_person(events)
    if person is None:
        raise NotFound("There is no such person.")
    return person


def stream_of(person_id: str) -> str:
    """The stream of a person."""
    return f"person-{person_id}"
