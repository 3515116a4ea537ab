"""Commands on an organisation's measures: load, decide, append."""

from collections.abc import Callable, Mapping

import msgspec

from services.feedback.answers import SERVICE
from services.feedback.domain import measures as domain
from services.feedback.domain.measures import Measure
from services.feedback.lookup import own_measures, stream_of_measure
from services.feedback.measures import Measures
from shared.commands import Caller, Stands, Turns, Writer, step
from shared.contracts import Event
from shared.contracts.feedback import LicensedWording
from shared.database import Database
from shared.eventstore import EventStore, StoredResponse
from shared.eventstore.position import encode_position
from shared.measures import Definition
from shared.measures.checks.identity import NAME

# Thresholds are exact decimals; JSON has those, whatever a reader makes of them.
encode = msgspec.json.Encoder(decimal_format="number").encode


class MeasureAnswer(Definition, frozen=True, kw_only=True):
    """A definition with the organisation's words; `retired`: no new ratings are taken on it.

    Reads take `position`, where something was written.
    """

    retired: bool = False
    position: str = ""


class MeasureCommands:
    """What an organisation may do to its measures. Every method gives the status and body.

    Raises the errors of `domain.measures`, Unavailable, and Conflict where others kept winning.
    """

    def __init__(self, database: Database, store: EventStore, measures: Measures) -> None:
        self._database = database
        self._store = store
        self._measures = measures
        self._writer = Writer(store)
        self._turns = Turns()

    async def keys(self, tenant: str) -> dict[str, int]:
        """The measures that the organisation may see: the versions of their streams, by key."""
        return dict.fromkeys(domain.shipped(), 0) | await own_measures(self._database, tenant)

    async def known(self, tenant: str, versions: Mapping[str, int]) -> list[Measure]:
        """The measures of these keys, each as of its version, in this order."""
        found = await self._measures.find_all(tenant, versions, versions)
        return [found[key] for key in versions]

    async def one(self, tenant: str, key: str) -> Measure:
        """The measure of a key as it stands now; it has no definition where there is none."""
        if not NAME.fullmatch(key):
            return domain.fold(key, ())
        stream = stream_of_measure(key)
        heads = await self._store.heads(tenant, [stream])
        return await self._measures.find(tenant, key, heads[stream].version if heads else 0)

    async def publish(self, caller: Caller, definition: Definition) -> StoredResponse:
        """Let new ratings be scored by `definition`: 201, or 200 where they are already."""

        def decide(measure: Measure) -> Event | None:
            return domain.publish(measure, definition, caller.by)

        return await self._change(caller, definition.key, definition.version, decide)

    async def retire(self, caller: Caller, key: str, reason: str) -> StoredResponse:
        """Take no new ratings on a measure."""

        def decide(measure: Measure) -> Event | None:
            return domain.retire(measure, reason, caller.by)

        return await self._change(caller, key, None, decide, status=200)

    async def license_wording(
        self,
        caller: Caller,
        key: str,
        version: int | None,
        language: str,
        words: LicensedWording,
    ) -> StoredResponse:
        """Take the words of a form that the organisation holds a licence for."""

        def decide(measure: Measure) -> Event | None:
            return domain.license_wording(measure, version, language, words, caller.by)

        return await self._change(caller, key, version, decide)

    async def _change(
        self,
        caller: Caller,
        key: str,
        shown: int | None,
        decide: Callable[[Measure], Event | None],
        *,
        status: int = 201,
    ) -> StoredResponse:
        """Decide, append what was decided, if anything, and answer with the version `shown`."""

        async def once() -> StoredResponse:
            if stored := await self._writer.stored(caller):
                return stored
            measure = await self.one(caller.tenant, key)
            event = decide(measure)
            if event is None:
                return StoredResponse(200, body(measure, shown))
            stands = Stands(stream_of_measure(key), measure.version, caller.tenant)
            answer = StoredResponse(status, body(domain.after(measure, event), shown))
            return await self._writer.write(caller, [step(stands, event)], answer)

        return await self._turns.take((caller.tenant, key), once)


def body(measure: Measure, version: int | None = None) -> bytes:
    """A version of the measure as JSON, the newest unless given; NotFound if there is none."""
    position = ""
    if measure.version:
        position = encode_position(SERVICE, stream_of_measure(measure.key), measure.version)
    definition = measure.with_words(version)
    return encode(
        MeasureAnswer(
            **msgspec.structs.asdict(definition), retired=measure.retired, position=position
        )
    )
