"""What an organisation leaves to consent, out of its own stream and a second old at most."""

import time
from collections.abc import Mapping

import msgspec

from services.intake.domain.client_state import DEFAULT_CONSENTS
from shared.contracts.intake import Purpose
from shared.contracts.people import ConsentPolicySet
from shared.eventstore import EventStore

FRESH_SECONDS = 1.0
MOST = 10_000
"""Organisations whose defaults are kept; beyond it all are read anew."""


class Defaults(msgspec.Struct, frozen=True):
    """What holds where a client has not decided, as read from the stream through a version."""

    version: int
    read_at: float
    consents: Mapping[Purpose, bool]


class ConsentDefaults:
    """The defaults of each organisation."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._known: dict[str, Defaults] = {}

    async def of(self, tenant: str) -> Mapping[Purpose, bool]:
        """What holds for clients of the organisation who have not decided."""
        known = self._known.get(tenant)
        if known is None or time.monotonic() - known.read_at > FRESH_SECONDS:
            known = await self._read(tenant, known or Defaults(0, 0.0, DEFAULT_CONSENTS))
        return known.consents

    async def _read(self, tenant: str, known: Defaults) -> Defaults:
        started = time.monotonic()
        events = await self._store.read(tenant, f"organisation-{tenant}", after=known.version)
        consents = known.consents
        for event in events:
            if isinstance(event.data, ConsentPolicySet):
                consents = {**DEFAULT_CONSENTS, **event.data.defaults}
        if len(self._known) >= MOST:
            self._known.clear()
        now = Defaults(known.version + len(events), started, consents)
        self._known[tenant] = now
        return now
