"""Who may say something of whom: asked before it is decided, written down before it is answered."""

from collections.abc import Collection
from typing import Literal, NamedTuple

from services.feedback.answers import SERVICE
from services.feedback.domain.episode import Episode
from services.feedback.domain.state import Given
from shared.access import Access, AuditLog, Reached
from shared.access.arriving import once_here
from shared.access.reach import Restricted
from shared.commands import Caller
from shared.contracts.feedback import RaterKind
from shared.database import Database, driver
from shared.errors import Forbidden, NotFound
from shared.eventstore import IdempotencyKey
from shared.security.looked import Looked
from shared.security.policy import Permission
from shared.security.principal import Principal

RATER_OF: dict[str, RaterKind] = {
    "guardian": "caretaker",
    "caretaker": "caretaker",
    "collateral": "collateral",
}
"""As whom somebody fills a form in, by what they are to the client."""

RELATION = """
SELECT relation FROM access_related
WHERE tenant = $1 AND related_id = $2 AND client_id IN (SELECT access_same($1, $3))
"""


class NotTheRater(Forbidden):
    """Clients, and those who are close to them, speak for themselves alone."""

    code, title = "not_the_rater", "Somebody else's word"


class Actor(NamedTuple):
    """Whoever does something to ratings: who, by which permission and call, and the name of the
    request where it has one."""

    principal: Principal
    permission: Permission
    action: str
    idempotency: IdempotencyKey | None = None

    @property
    def caller(self) -> Caller:
        """As commands are written."""
        return Caller(self.principal.tenant, self.principal.id, self.idempotency)


class Admission:
    """Decides by the tables of access, and keeps the audit of what was done."""

    def __init__(self, database: Database, access: Access, audit: AuditLog) -> None:
        self._database = database
        self._access = access
        self._audit = audit

    async def admit(
        self,
        actor: Actor,
        episode: Episode,
        *,
        given: Given | None = None,
        what: Literal["episode", "rating"] = "episode",
    ) -> str:
        """Why the actor reaches the client of the episode, and may say what is `given` of them.

        Nothing is looked up for a machine, which writes of everybody. Raises NotFound as if there
        were no such thing, NotYetHere, Restricted, Gone and NotTheRater.
        """
        if actor.principal.kind == "integration":
            check_restricted(episode)
            return "integration"

        async def look() -> Reached:
            try:
                return await self._look(actor, episode, given)
            except NotFound as error:
                raise NotFound(f"There is no such {what}.") from error

        return (await once_here(self._database, SERVICE, episode.id, look)).why

    async def shows(self, actor: Actor, client_id: str) -> bool:
        """Whether the actor may read what the client's ratings say: machines, if the client gives
        it to them."""
        principal = actor.principal
        if principal.kind != "integration":
            return True
        return bool(await self._access.agrees(principal.tenant, [client_id], "integrations"))

    def looked(self, actor: Actor, client_ids: Collection[str], why: str) -> list[Looked]:
        """The same for a write that takes it along: on the busiest call it costs no commit."""
        return self._audit.rows(
            actor.principal, actor.permission, actor.action, client_ids, why=why
        )

    async def done(self, actor: Actor, client_ids: Collection[str], why: str) -> None:
        """Write down that it was done to these clients; returns once that is durable."""
        await self._audit.record(
            actor.principal, actor.permission, actor.action, client_ids, why=why
        )

    async def _look(self, actor: Actor, episode: Episode, given: Given | None) -> Reached:
        principal = actor.principal
        if principal.kind == "client":
            relation = await self._relation(principal, episode.client_id)
            if relation is not None:
                check_restricted(episode)
                check_rater(given, RATER_OF[relation], {principal.id})
                return Reached("related")
        reached = await self._access.look(
            principal, actor.permission, episode.client_id, reading=False
        )
        if reached.why == "self":
            check_rater(given, "self", {None, principal.id})
        return reached

    async def _relation(self, principal: Principal, client_id: str) -> str | None:
        async with self._database.session(principal.tenant) as conn:
            relation: str | None = await driver(conn).fetchval(
                RELATION, principal.tenant, principal.id, client_id
            )
        return relation


def check_restricted(episode: Episode) -> None:
    """Raise Restricted where nobody works with the client's data."""
    if episode.restricted:
        raise Restricted("What is kept of this client is not worked with.")


def check_rater(given: Given | None, kind: RaterKind, ids: Collection[str | None]) -> None:
    """Raise NotTheRater unless what is given is said by them: `kind`, under one of these ids.

    Where nothing is given, a form was declined: that is for the client to say.
    """
    said_by = (given.rater_kind, given.rater_id) if given is not None else ("self", None)
    if said_by[0] != kind or said_by[1] not in ids:
        raise NotTheRater("The rater must be whoever sends the form.")
