"""Sessions: opened at each sign-in, renewed while they are used, ended by whoever holds them."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from services.intake.people.clients import ClientSignIns
from services.intake.people.persons import Persons
from shared.clock import Clock
from shared.contracts.people import PrincipalKind, StaffRole
from shared.database import Database, driver
from shared.errors import NotFound, Unauthenticated
from shared.ids import is_id, new_id
from shared.security import Principal, TokenIssuer

SECRET_BYTES = 32
LONGEST = timedelta(hours=12)
IDLE: dict[str, timedelta] = {"person": timedelta(hours=1), "client": timedelta(minutes=30)}
KEPT = timedelta(days=30)
"""How long the row of an ended session is shown to whose it was."""
AGENT_CHARS = 120

OPEN = """
INSERT INTO sign_ins (tenant, session_id, secret_hash, principal_id, principal_kind, client_id,
    roles, user_agent, created_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
"""
SWEEP = "DELETE FROM sign_ins WHERE tenant = $1 AND principal_id = $2 AND last_seen_at < $3"
FIND = """
SELECT principal_id, principal_kind, client_id, created_at, last_seen_at FROM sign_ins
WHERE tenant = $1 AND session_id = $2 AND secret_hash = $3 AND ended_at IS NULL
"""
SEEN = "UPDATE sign_ins SET last_seen_at = $3 WHERE tenant = $1 AND session_id = $2"
LIST = """
SELECT session_id, principal_kind, client_id, created_at, last_seen_at, user_agent FROM sign_ins
WHERE tenant = $1 AND principal_id = $2 AND ended_at IS NULL AND created_at > $3
ORDER BY session_id DESC LIMIT 100
"""
END = """
UPDATE sign_ins SET ended_at = $4
WHERE tenant = $1 AND principal_id = $2 AND ended_at IS NULL
    AND ($3::text IS NULL OR session_id = $3)
RETURNING session_id
"""


class Opened(NamedTuple):
    """A session as its browser holds it: the secret, and a token of the next minutes."""

    cookie: str
    token: str
    principal: Principal


class SignIn(NamedTuple):
    """A session that goes on, as it is shown to whose it is. `client_id`: of whose care."""

    session_id: str
    client_id: str | None
    created_at: datetime
    last_seen_at: datetime
    user_agent: str


class Sessions:
    """The sessions of people and clients."""

    def __init__(
        self,
        database: Database,
        persons: Persons,
        clients: ClientSignIns,
        issuer: TokenIssuer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._persons = persons
        self._clients = clients
        self._issuer = issuer
        self._clock = clock

    async def open(
        self,
        tenant: str,
        principal_id: str,
        kind: PrincipalKind,
        user_agent: str,
        *,
        client_id: str | None = None,
    ) -> Opened:
        """A new session with an id of its own, whatever the browser had before.

        Raises `Unauthenticated` for who may not be signed in.
        """
        roles = await self._roles(tenant, principal_id, kind, client_id)
        session_id, secret = new_id(), secrets.token_urlsafe(SECRET_BYTES)
        now = self._clock()
        row = (session_id, _hashed(secret), principal_id, kind, client_id, sorted(roles))
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            await raw.execute(SWEEP, tenant, principal_id, now - KEPT)
            await raw.execute(OPEN, tenant, *row, user_agent[:AGENT_CHARS], now)
        return self._opened(tenant, principal_id, kind, roles, session_id, secret)

    async def renew(self, cookie: str) -> Opened:
        """A token for a session that goes on, with the roles of now; else `Unauthenticated`."""
        tenant, session_id, secret = _parts(cookie)
        now = self._clock()
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            row = await raw.fetchrow(FIND, tenant, session_id, _hashed(secret))
            if row is None or not _goes_on(row["principal_kind"], row, now):
                raise Unauthenticated("The session has ended.")
            await raw.execute(SEEN, tenant, session_id, now)
        kind = cast(PrincipalKind, row["principal_kind"])
        roles = await self._roles(tenant, row["principal_id"], kind, row["client_id"])
        return self._opened(tenant, row["principal_id"], kind, roles, session_id, secret)

    async def list_of(self, principal: Principal) -> list[SignIn]:
        """The sessions of whoever asks that go on, the newest first."""
        now = self._clock()
        async with self._database.session(principal.tenant) as conn:
            row = (principal.tenant, principal.id, now - LONGEST)
            rows = await driver(conn).fetch(LIST, *row)
        return [
            SignIn(
                session_id=one["session_id"],
                client_id=one["client_id"],
                created_at=one["created_at"],
                last_seen_at=one["last_seen_at"],
                user_agent=one["user_agent"],
            )
            for one in rows
            if _goes_on(one["principal_kind"], one, now)
        ]

    async def end(self, principal: Principal, session_id: str) -> None:
        """End one session of whoever asks; `NotFound` where there is none that goes on."""
        if not await self._end(principal.tenant, principal.id, session_id):
            raise NotFound("There is no such session.")
        await self._persons.sign_out(
            principal.tenant, principal.id, principal.kind, session_id=session_id
        )

    async def end_all(self, principal: Principal) -> None:
        """End every session of whoever asks, this one too."""
        await self.end_all_of(principal.tenant, principal.id, principal.kind)

    async def end_all_of(self, tenant: str, principal_id: str, kind: PrincipalKind) -> None:
        """End every session of a principal."""
        await self._end(tenant, principal_id, None)
        await self._persons.sign_out(tenant, principal_id, kind)

    async def _end(self, tenant: str, principal_id: str, session_id: str | None) -> bool:
        row = (tenant, principal_id, session_id, self._clock())
        async with self._database.session(tenant) as conn:
            return bool(await driver(conn).fetch(END, *row))

    async def _roles(
        self, tenant: str, principal_id: str, kind: str, client_id: str | None
    ) -> frozenset[StaffRole]:
        """The roles of somebody now; `Unauthenticated` for who has no access any more."""
        if kind == "client":
            if not await self._clients.still(tenant, principal_id, client_id or principal_id):
                raise Unauthenticated("There is no access any more.")
            return frozenset()
        person = await self._persons.find(tenant, principal_id)
        if person is None or not person.active or not person.roles:
            raise Unauthenticated("There is no access any more.")
        return cast(frozenset[StaffRole], person.roles)

    def _opened(
        self,
        tenant: str,
        principal_id: str,
        kind: PrincipalKind,
        roles: frozenset[StaffRole],
        session_id: str,
        secret: str,
    ) -> Opened:
        principal = Principal(
            tenant=tenant,
            id=principal_id,
            kind=kind,
            roles=roles,
            session=session_id,
            csrf=_csrf(secret),
        )
        token = self._issuer.issue(principal)
        return Opened(f"{tenant}.{session_id}.{secret}", token, principal)


def _goes_on(kind: str, row: "dict[str, datetime]", now: datetime) -> bool:
    return row["created_at"] > now - LONGEST and row["last_seen_at"] > now - IDLE[kind]


def _parts(cookie: str) -> tuple[str, str, str]:
    tenant, _, rest = cookie.partition(".")
    session_id, _, secret = rest.partition(".")
    if not is_id(tenant) or not is_id(session_id):
        raise Unauthenticated("There is no session.")
    return tenant, session_id, secret


def _hashed(secret: str) -> str:
    # 256 random bits: nobody guesses them back.
    return hashlib.sha256(secret.encode()).hexdigest()


def _csrf(secret: str) -> str:
    """What forms of the session repeat: the same as long as it lasts, so that a form that was
    opened before a renewal is good after it."""
    digest = hmac.digest(secret.encode(), b"csrf", "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
