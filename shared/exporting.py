"""What is given away in an export: the events of one organisation or client, a page at a time.

Nothing of it is held in memory but a page, or the stream that is being folded.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from shared.contracts import CATALOGUE, Event, Recorded
from shared.contracts.people import (
    IdentityProviderSet,
    IntegrationRegistered,
    IntegrationSecretAdded,
)
from shared.database import Database, driver
from shared.eventstore.reading import open_rows
from shared.privacy import Keyring

PAGE = 250
"""Opening more events at a time would keep the process from others for too long."""

SECRETS = (IdentityProviderSet, IntegrationRegistered, IntegrationSecretAdded)
WITHHELD = [kind.type for kind in SECRETS]
"""What lets somebody in is not given away."""

PAGE_OF_EVENTS = """
SELECT * FROM events
WHERE tenant = $1 AND (stream, version) > ($2, $3) AND recorded_at <= $4
    AND starts_with(stream, $5) AND ($6::text[] IS NULL OR stream = ANY($6))
    AND type <> ALL ($7::text[])
ORDER BY stream, version LIMIT $8
"""

Allowed = Callable[[set[str]], Awaitable[set[str]]]
"""Those of some clients whose data may be given to whoever asks; they are told of it."""

_encode = msgspec.json.Encoder().encode


@dataclass
class Cut:
    """What is exported: events until a moment, of some streams (None: of all).

    `clients` are those whom a client's export is about. Of each client it is asked once whether
    their data may be given away.
    """

    database: Database
    keyring: Keyring
    tenant: str
    until: datetime
    allowed: Allowed
    clients: Sequence[str] | None = None
    streams: Sequence[str] | None = None
    given: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> None:
        """One row more in a file."""
        self.rows[name] = self.rows.get(name, 0) + 1

    async def may_give(self, clients: Collection[str]) -> set[str]:
        """Those of `clients` whose data may be given away; what belongs to the organisation may."""
        asked = set(clients) - {self.tenant}
        if new := asked - self.given - self.left_out:
            allowed = await self.allowed(new)
            self.given |= allowed
            self.left_out |= new - allowed
        return (asked & self.given) | {self.tenant}

    async def pages(self, prefix: str = "") -> AsyncIterator[list[tuple[Recorded[Event], bool]]]:
        """Events of streams that begin with `prefix`, stream by stream, each with whether
        something of it is erased."""
        place = ("", 0)
        while True:
            async with self.database.session(self.tenant) as conn:
                rows = await driver(conn).fetch(
                    PAGE_OF_EVENTS,
                    self.tenant,
                    *place,
                    self.until,
                    prefix,
                    self.streams,
                    WITHHELD,
                    PAGE,
                )
            if not rows:
                return
            place = (rows[-1]["stream"], rows[-1]["version"])
            given = await self.may_give({row["subject"] for row in rows})
            kept = [row for row in rows if row["subject"] in given]
            opened = await open_rows(kept, self.keyring, 0)
            yield [(one, _is_erased(row, one)) for row, one in zip(kept, opened, strict=True)]

    async def histories(self, prefix: str) -> AsyncIterator[list[Recorded[Event]]]:
        """The events of each stream that begins with `prefix`, a stream at a time."""
        history: list[Recorded[Event]] = []
        async for page in self.pages(prefix):
            for one, _ in page:
                if history and history[-1].stream != one.stream:
                    yield history
                    history = []
                history.append(one)
        if history:
            yield history

    async def events(self, name: str) -> AsyncIterator[bytes]:
        """All events, a line of JSON each; scores in them are tenths."""
        async for page in self.pages():
            for one, erased in page:
                self.count(name)
                yield _line(one, erased=erased)


def _line(one: Recorded[Event], *, erased: bool) -> bytes:
    said = {
        "id": one.id,
        "type": one.data.type,
        "stream": one.stream,
        "version": one.version,
        "recorded_at": one.recorded_at,
        "subject": one.subject,
        "data": one.data,
    }
    return _encode(said | ({"erased": True} if erased else {})) + b"\n"


def _is_erased(row: Any, one: Recorded[Event]) -> bool:
    """Whether the event once said more than anybody can read any more."""
    if getattr(one.data, "private", None) is not None:
        return False
    wire = CATALOGUE.decode_data(row["type"], row["schema_version"], row["data"])
    return wire.private is not None
