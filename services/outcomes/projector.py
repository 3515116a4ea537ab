"""The projector: events into the journal, and into the views and summaries folded from it."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes import definitions, rows
from services.outcomes.definitions import News, Waiting, lacking, look_up
from services.outcomes.domain.fold import evolve
from services.outcomes.domain.state import ClientState, pack, unpack
from services.outcomes.domain.summary import summarise
from services.outcomes.library import Library
from services.outcomes.opening import ClientEvent, open_batch
from services.outcomes.rows import ClientKey, JournalRow, Packed, StaleState, SummaryRow
from services.outcomes.views import GROUP
from services.outcomes.wake import Bell
from shared.consuming.records import Incoming, Plan
from shared.contracts import Event
from shared.contracts.intake import ClientDetailsCorrected, ClientRegistered
from shared.contracts.outcomes import AssessmentRevised, AssessmentWithdrawn, RatingAssessed
from shared.privacy import Keyring

PRUNE_SECONDS = 600
NOT_IN_SUMMARIES: tuple[type[Event], ...] = (RatingAssessed, AssessmentRevised, AssessmentWithdrawn)


class Projector:
    """The handler of the group `outcomes.views`."""

    def __init__(self, keyring: Keyring, bell: Bell) -> None:
        self._keyring = keyring
        self._bell = bell
        self._library = Library(keyring)
        self._version: int | None = None
        self._pruned: dict[str, float] = {}

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """Fold the batch into the states of its clients."""
        opened = await open_batch(events, self._keyring)
        news = await look_up(conn, GROUP, events, self._library, self._keyring)
        if self._version is None:
            self._version = await rows.live_version(conn)
        by_client = group(opened)
        clients = sorted({*by_client, *news.clients})
        stored = await rows.load_views(conn, self._version, clients)
        folded = fold(clients, by_client, stored, news)
        waiting = lacking(opened, news.standards)
        journal = [journal_row(one) for one in opened]
        return ProjectorPlan(self, self._version, folded, journal, news, waiting)

    async def check_version(self, conn: AsyncConnection, version: int) -> None:
        """Raise StaleState where another version of the projection has become the live one.

        A switch locks `views` against writers. Asked in a statement after the first write, this
        either sees the switch or holds it up until this transaction is over.
        """
        self._version = await rows.live_version(conn)
        if self._version != version:
            raise StaleState

    async def prune(self, conn: AsyncConnection, tenants: Iterable[str]) -> None:
        """Forget old changes of these tenants, each once in a while."""
        now = time.monotonic()
        due = [one for one in tenants if now - self._pruned.get(one, 0) > PRUNE_SECONDS]
        if due:
            await rows.prune_changes(conn, due)
            self._pruned.update(dict.fromkeys(due, now))

    def changed(self) -> None:
        """Wake open pages."""
        self._bell.ring()


class Folded(NamedTuple):
    """The new states of the clients of a batch, and the summaries that may have changed."""

    views: dict[ClientKey, Packed]
    summaries: list[SummaryRow]


class ProjectorPlan(Plan):
    """What a batch leads to: journal, views, summaries, and the note of what changed."""

    def __init__(
        self,
        projector: Projector,
        version: int,
        folded: Folded,
        journal: list[JournalRow],
        news: News,
        waiting: Sequence[Waiting],
    ) -> None:
        self._projector = projector
        self._version = version
        self._folded = folded
        self._journal = sorted(journal)
        self._news = news
        self._waiting = waiting

    async def apply(self, conn: AsyncConnection) -> None:
        """Write everything, a statement a table."""
        if self._folded.views:
            await rows.add_to_journal(conn, self._journal)
            await rows.save_views(conn, self._version, self._folded.views)
            await rows.save_summaries(conn, self._version, self._folded.summaries)
            await rows.note_changes(conn, self._folded.views)
            await self._projector.prune(conn, {tenant for tenant, _ in self._folded.views})
            await self._projector.check_version(conn, self._version)
        await definitions.write(conn, GROUP, self._news.arrived, self._waiting, self._news.done)

    async def committed(self) -> None:
        """Wake open pages."""
        if self._folded.views:
            self._projector.changed()


def group(events: Iterable[ClientEvent]) -> dict[ClientKey, list[ClientEvent]]:
    """The events client by client, each client's in their order."""
    by_client: dict[ClientKey, list[ClientEvent]] = defaultdict(list)
    for one in events:
        by_client[one.key].append(one)
    return by_client


def fold(
    clients: Sequence[ClientKey],
    by_client: Mapping[ClientKey, Sequence[ClientEvent]],
    stored: Mapping[ClientKey, Packed],
    news: News,
) -> Folded:
    """Fold each client's events into what is stored of them, in order of the keys. Pure."""
    views: dict[ClientKey, Packed] = {}
    summaries: list[SummaryRow] = []
    for key in clients:
        before, events = stored.get(key), by_client.get(key, ())
        state = unpack(before.state) if before else ClientState()
        for one in events:
            evolve(state, one.event)
        views[key] = Packed(before.row_version + 1 if before else 1, pack(state))
        known = news.standards[key[0]].definitions
        is_seen_anew = key in news.clients or any(is_of_client(one) for one in events)
        touched = list(state.said) if is_seen_anew else touched_episodes(events)
        for episode_id in touched:
            summaries += [SummaryRow(*key, one) for one in summarise(state, episode_id, known)]
    summaries.sort(key=lambda row: (row.tenant, row.client_id, row.summary.series_id))
    return Folded(views, summaries)


def is_of_client(one: ClientEvent) -> bool:
    """Whether the event says who the client is: norms may be of a sex."""
    return isinstance(one.event.data, ClientRegistered | ClientDetailsCorrected)


def touched_episodes(events: Iterable[ClientEvent]) -> list[str]:
    """The episodes whose summaries `events` may have changed."""
    data = (one.event.data for one in events)
    found = (getattr(one, "episode_id", None) for one in data if type(one) not in NOT_IN_SUMMARIES)
    return list(dict.fromkeys(one for one in found if one is not None))


def journal_row(one: ClientEvent) -> JournalRow:
    """The record as the journal keeps it: as it came."""
    event = one.event
    return JournalRow(*one.key, event.stream, event.version, event.recorded_at, one.raw)
