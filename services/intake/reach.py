"""Whether whoever asks reaches those of whom they speak.

What an episode itself says of its team decides where it lies on the desk, so that nobody waits for
what they did a moment ago; else the tables of access do, which follow within a second. Out of
reach is what is not there, in the same words.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from services.intake.claims import session_id_claim
from services.intake.desk import Desk
from services.intake.intents import (
    Intent,
    Look,
    MergeClients,
    PutClient,
    Ref,
    RelatePerson,
    ReplaceSession,
)
from services.intake.references import refs_of
from shared.access import Access, Reached
from shared.access.arriving import once_here
from shared.database import Database
from shared.errors import Conflict, NotFound
from shared.security import Principal
from shared.security.policy import POLICY, Permission

SERVICE = "intake"

Kind = Literal["client", "episode", "session"]


class About(msgspec.Struct, frozen=True):
    """A client of whom an intent speaks, by what it names."""

    kind: Kind
    id: str
    client_id: str


def spoken_of(intent: Intent, desk: Desk) -> Iterator[About]:
    """Those of whom `intent` speaks; `NotFound` where what it names is not there."""
    client, episode = refs_of(intent)
    if isinstance(intent, Look) and intent.identifier is not None:
        by = intent.identifier
        client = Ref(id=desk.holder(desk.names.identifier(by.system, by.value)))
    if client is not None:
        client_id = desk.record_of(client).client_id
        yield About("client", client_id, client_id)
    if isinstance(intent, MergeClients):
        client_id = desk.record_of(intent.into).client_id
        yield About("client", client_id, client_id)
    if isinstance(intent, ReplaceSession):
        episode_id = desk.holder(session_id_claim(intent.session_id))
        if episode_id is None:
            raise NotFound("There is no such session.")
        own = desk.episode(Ref(id=episode_id))
        yield About("session", episode_id, own.client_id)
    if episode is not None:
        loaded = desk.episode(episode)
        yield About("episode", loaded.state.id, loaded.client_id)
    if isinstance(intent, PutClient) and intent.details.external_id is not None:
        holder = desk.holder(desk.names.external("client", intent.details.external_id))
        if holder is not None:
            yield About("client", holder, holder)


class Reach:
    """Asks whether a caller reaches a client within a permission."""

    def __init__(self, access: Access, database: Database) -> None:
        self._access = access
        self._database = database

    async def check(
        self, desk: Desk, intent: Intent, principal: Principal, permission: Permission
    ) -> Reached:
        """Why they reach everybody of whom `intent` speaks; of many, the first one's reason.

        Raises NotFound where they do not, Conflict where they would register somebody who is
        known to others; Gone, and NotYetHere.
        """
        if isinstance(intent, PutClient):
            # Registering needs nobody; saying again what is known of somebody is another matter.
            permission = POLICY["clients.write"]
        spoken = list(spoken_of(intent, desk))
        if "organisation" in principal.reach(permission):
            if principal.kind == "integration":
                return Reached("integration")
            if isinstance(intent, RelatePerson) and await self._cares_too(principal, spoken[0]):
                return Reached("care")
            return Reached("organisation")
        reasons = [
            await self._reached(desk, about, principal, permission, intent) for about in spoken
        ]
        return reasons[0] if reasons else Reached("organisation")

    async def _cares_too(self, administrator: Principal, about: About) -> bool:
        """Whether who administers is in the care team too: that lets them do more."""
        roles = administrator.roles - {"administrator"}
        alone = msgspec.structs.replace(administrator, roles=roles)
        try:
            reached = await self._access.look(alone, POLICY["related.write"], about.client_id)
        except NotFound:
            return False
        return reached.why == "care"

    async def _reached(
        self,
        desk: Desk,
        about: About,
        principal: Principal,
        permission: Permission,
        intent: Intent,
    ) -> Reached:
        if self._cares(desk, about, principal, permission):
            return Reached("care")

        async def look() -> Reached:
            return await self._access.look(principal, permission, about.client_id)

        try:
            return await once_here(self._database, SERVICE, about.id, look)
        except NotFound:
            if isinstance(intent, PutClient):
                raise Conflict("Another client holds one of the identifiers.") from None
            raise NotFound(f"There is no such {about.kind}.") from None

    def _cares(
        self, desk: Desk, about: About, principal: Principal, permission: Permission
    ) -> bool:
        if principal.kind != "person" or about.kind == "client":
            return False
        if not principal.reach(permission) & {"caseload", "team"}:
            return False
        return desk.episode(Ref(id=about.id)).state.cared_by(principal.id, desk.now)
