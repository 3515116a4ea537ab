"""Group `<service>.access`: intake's word on who may what, into the service's own tables.

Each row is written by one stream alone, or by the last word of one person, so that the order of
arrival across streams does not matter.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.consuming import Incoming, Plan
from shared.contracts import Event, Recorded
from shared.contracts import intake as i
from shared.contracts import people as p
from shared.database import driver
from shared.privacy import leave_sealed
from shared.security.tokens import session_of_secret


def access_group(service: str) -> str:
    """The consumer group that keeps the tables of a service."""
    return f"{service}.access"


class AccessPlan(Plan):
    """The statements that a batch leads to, in its order."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    def add(self, statement: str, *arguments: Any) -> None:
        """One statement more."""
        self.statements.append((statement, arguments))

    async def apply(self, conn: AsyncConnection) -> None:
        """Run them; neighbours of one kind together."""
        raw = driver(conn)
        for statement, rows in _runs(self.statements):
            await raw.executemany(statement, rows)


class AccessHandler:
    """Keeps the tables of access."""

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> AccessPlan:
        """The statements that `events` of intake lead to."""
        plan = AccessPlan()
        for incoming in events:
            take(plan, leave_sealed(incoming.envelope))
        return plan


def take(plan: AccessPlan, one: Recorded[Event]) -> None:
    """Take in one event; those that say nothing of access change nothing."""
    tenant, data = one.tenant, one.data
    match data:
        case i.EpisodeOpened():
            # In place of an episode stands the client, until there is one.
            plan.add(NOBODY_CARES, tenant, data.client_id)
            if data.clinician_id is not None:
                lead = i.CareMember(data.clinician_id, "lead", data.opened_at)
                plan.add(CARES, *_care(tenant, data.episode_id, data.client_id, 0, lead, ever=True))
        case i.EpisodeTransferred():
            plan.add(LEADS_NO_MORE, tenant, data.episode_id, data.at)
            lead = i.CareMember(data.to_clinician_id, "lead", data.at)
            plan.add(CARES, *_care(tenant, data.episode_id, data.client_id, one.version, lead))
        case i.CareTeamChanged():
            plan.add(NOBODY_CARES, tenant, data.episode_id)
            for seq, member in enumerate(data.members):
                plan.add(CARES, *_care(tenant, data.episode_id, data.client_id, seq, member))
        case _:
            if not _take_client(plan, one):
                _take_person(plan, one)


def _take_client(plan: AccessPlan, one: Recorded[Event]) -> bool:
    tenant, data = one.tenant, one.data
    match data:
        case i.ClientRegistered():
            plan.add(CLIENT, tenant, data.client_id)
            if data.registered_by is not None:
                first = i.CareMember(data.registered_by, "lead", one.recorded_at)
                plan.add(CARES, *_care(tenant, data.client_id, data.client_id, 0, first, ever=True))
        case i.MeasuringChanged():
            plan.add(MEASURING, tenant, data.client_id, data.state, one.recorded_at)
        case i.ConsentGiven() | i.ConsentWithdrawn():
            given = isinstance(data, i.ConsentGiven)
            plan.add(CONSENT, tenant, data.client_id, data.purpose, given, data.at)
        case i.RelatedPersonAdded():
            row = (data.related_id, data.client_id, data.relation, data.may_see)
            plan.add(RELATED, tenant, *row)
        case i.RelatedPersonRemoved():
            plan.add(NOT_RELATED, tenant, data.related_id)
            plan.add(ENDS, tenant, data.related_id, False, one.recorded_at)
        case i.ClientsMerged():
            plan.add(ALIAS, tenant, data.client_id, data.into)
        case i.ClientsUnmerged():
            plan.add(ALIAS, tenant, data.client_id, None)
        case i.ErasureRefused():
            plan.add(RESTRICTED, tenant, data.client_id, data.restricted)
        case i.RestrictionLifted():
            plan.add(RESTRICTED, tenant, data.client_id, False)
        case i.ClientErased():
            bury(plan, tenant, data.client_id, data.erased_at)
        case _:
            return False
    return True


def bury(plan: AccessPlan, tenant: str, client_id: str, erased_at: datetime) -> None:
    """Put up the tombstone of a client, and let nothing else be known of them."""
    plan.add(ERASED, tenant, client_id, erased_at)
    for statement in FORGET:
        plan.add(statement, tenant, client_id)
    plan.add(ENDS, tenant, client_id, False, erased_at)


def _take_person(plan: AccessPlan, one: Recorded[Event]) -> None:
    tenant, data = one.tenant, one.data
    match data:
        case p.TeamFormed():
            plan.add(NO_TEAM, tenant, data.team_id)
            for person_id in dict.fromkeys((*data.lead_ids, *data.member_ids)):
                plan.add(TEAM, tenant, data.team_id, person_id, person_id in data.lead_ids)
        case p.ConsentPolicySet():
            plan.add(NO_DEFAULTS, tenant)
            for purpose, given in data.defaults.items():
                plan.add(DEFAULT, tenant, purpose, given)
        case p.PersonDeactivated():
            plan.add(ENDS, tenant, data.person_id, False, one.recorded_at)
        case p.RoleRevoked():
            plan.add(ENDS, tenant, data.person_id, True, one.recorded_at)
        case p.IntegrationRevoked():
            plan.add(ENDS, tenant, data.integration_id, False, one.recorded_at)
        case p.IntegrationSecretRemoved():
            session_id = session_of_secret(data.secret_id)
            plan.add(SESSION_ENDS, tenant, session_id, one.recorded_at)
        case p.SignedOut() if data.session_id is not None:
            plan.add(SESSION_ENDS, tenant, data.session_id, data.before)
        case p.SignedOut():
            plan.add(ENDS, tenant, data.principal_id, True, data.before)


def _care(
    tenant: str,
    episode_id: str,
    client_id: str,
    seq: int,
    member: i.CareMember,
    *,
    ever: bool = False,
) -> tuple[str, str, str, str, int, str, datetime | None, datetime | None]:
    since = None if ever else member.since
    key = (tenant, episode_id, member.person_id, member.role, seq)
    return (*key, client_id, since, member.until)


def _runs(
    statements: Sequence[tuple[str, tuple[Any, ...]]],
) -> list[tuple[str, list[tuple[Any, ...]]]]:
    runs: list[tuple[str, list[tuple[Any, ...]]]] = []
    for statement, arguments in statements:
        if not runs or runs[-1][0] != statement:
            runs.append((statement, []))
        runs[-1][1].append(arguments)
    return runs


# An episode's stream may be heard of after its client's, who is erased meanwhile.
CARES = """
INSERT INTO access_care (tenant, episode_id, person_id, role, seq, client_id, since, until)
SELECT $1::text, $2::text, $3::text, $4::text, $5::int, $6::text, $7::timestamptz, $8::timestamptz
WHERE NOT EXISTS (
    SELECT FROM access_clients
    WHERE tenant = $1::text AND client_id = $6::text AND erased_at IS NOT NULL
)
ON CONFLICT (tenant, episode_id, person_id, role, seq)
DO UPDATE SET since = EXCLUDED.since, until = EXCLUDED.until
"""
LEADS_NO_MORE = """
UPDATE access_care SET until = $3
WHERE tenant = $1 AND episode_id = $2 AND role = 'lead' AND (until IS NULL OR until > $3)
"""
NOBODY_CARES = "DELETE FROM access_care WHERE tenant = $1 AND episode_id = $2"

CLIENT = "INSERT INTO access_clients (tenant, client_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
MEASURING = """
INSERT INTO access_clients (tenant, client_id, measuring, measuring_since) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, client_id) DO UPDATE SET measuring = EXCLUDED.measuring,
    measuring_since = EXCLUDED.measuring_since
"""
ALIAS = """
INSERT INTO access_clients (tenant, client_id, alias_of) VALUES ($1, $2, $3)
ON CONFLICT (tenant, client_id) DO UPDATE SET alias_of = EXCLUDED.alias_of
"""
RESTRICTED = """
INSERT INTO access_clients (tenant, client_id, restricted) VALUES ($1, $2, $3)
ON CONFLICT (tenant, client_id) DO UPDATE SET restricted = EXCLUDED.restricted
"""
ERASED = """
INSERT INTO access_clients (tenant, client_id, erased_at) VALUES ($1, $2, $3)
ON CONFLICT (tenant, client_id) DO UPDATE SET erased_at = EXCLUDED.erased_at
"""

# Of two decisions the one made later stands, whichever is heard of last.
CONSENT = """
INSERT INTO access_consents AS c (tenant, client_id, purpose, given, at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, client_id, purpose) DO UPDATE SET given = EXCLUDED.given, at = EXCLUDED.at
WHERE EXCLUDED.at >= c.at
"""

RELATED = """
INSERT INTO access_related (tenant, related_id, client_id, relation, may_see)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, related_id) DO UPDATE SET relation = EXCLUDED.relation,
    may_see = EXCLUDED.may_see
"""
NOT_RELATED = "DELETE FROM access_related WHERE tenant = $1 AND related_id = $2"

FORGET = (
    "DELETE FROM access_care WHERE tenant = $1 AND client_id = $2",
    "DELETE FROM access_consents WHERE tenant = $1 AND client_id = $2",
    "DELETE FROM access_related WHERE tenant = $1 AND client_id = $2",
)
"""What an erased client leaves; that they are erased is kept, for what still arrives."""

NO_TEAM = "DELETE FROM access_teams WHERE tenant = $1 AND team_id = $2"
TEAM = "INSERT INTO access_teams (tenant, team_id, person_id, leads) VALUES ($1, $2, $3, $4)"

NO_DEFAULTS = "DELETE FROM access_consent_defaults WHERE tenant = $1"
DEFAULT = "INSERT INTO access_consent_defaults (tenant, purpose, given) VALUES ($1, $2, $3)"

# Nobody who is gone comes back, and the last end counts.
ENDS = """
INSERT INTO access_principals AS a (tenant, principal_id, active, not_before)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, principal_id) DO UPDATE SET active = a.active AND EXCLUDED.active,
    not_before = greatest(a.not_before, EXCLUDED.not_before)
"""
SESSION_ENDS = """
INSERT INTO access_ended_sessions (tenant, session_id, ended_at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
"""
