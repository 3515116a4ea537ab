"""Who may do what: one table, read by every endpoint, page and stream. What is not in it is denied.

A row says which scope a machine needs and how far each role reaches:

| reach | whose data |
|---|---|
| `organisation` | everybody's in the organisation |
| `team` | of clients whose carers are in a team that the person leads, and of their own |
| `caseload` | of clients in whose care team the person is now |
| `own` | the client's own, or that of the client to whom they are related |

A clinical row shows or changes what clients said or what follows from it: each use is audited,
and a machine needs the client's consent to `integrations` to read it.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from shared.contracts.people import StaffRole

Role = StaffRole | Literal["client", "integration"]
Reach = Literal["own", "caseload", "team", "organisation"]

SCOPES = (
    "intake.read",
    "intake.write",
    "feedback.read",
    "feedback.write",
    "outcomes.read",
    "outcomes.write",
    "alerts.read",
    "alerts.write",
)
"""Everything that an integration may be allowed."""


class Permission(NamedTuple):
    """One row. Without a `scope` no machine may, whatever it holds; with `guardian`, of those close
    to a client nobody else may."""

    name: str
    scope: str | None
    reach: Mapping[Role, Reach]
    clinical: bool = False
    personal: bool = False
    guardian: bool = False

    @property
    def audited(self) -> bool:
        """Whether each use is written down."""
        return self.clinical or self.personal


def _row(
    name: str,
    scope: str | None,
    *,
    clinical: bool = False,
    personal: bool = False,
    guardian: bool = False,
    **reach: Reach,
) -> Permission:
    roles = MappingProxyType(dict(reach))
    return Permission(name, scope, roles, clinical, personal, guardian)  # type: ignore[arg-type]


_ROWS = (
    # Who is in care.
    _row("clients.read", "intake.read", client="own", clinician="caseload", supervisor="team",
         administrator="organisation", personal=True),
    _row("clients.register", "intake.write", clinician="organisation",
         administrator="organisation", personal=True),
    _row("clients.write", "intake.write", clinician="caseload", administrator="organisation",
         personal=True),
    _row("clients.merge", "intake.write", administrator="organisation", personal=True),
    _row("consents.write", "intake.write", client="own", clinician="caseload",
         administrator="organisation", personal=True),
    _row("related.write", "intake.write", client="own", clinician="caseload",
         administrator="organisation", personal=True),
    _row("episodes.read", "intake.read", client="own", clinician="caseload", supervisor="team",
         administrator="organisation", personal=True),
    _row("episodes.write", "intake.write", clinician="caseload", administrator="organisation",
         personal=True),
    _row("sessions.write", "intake.write", clinician="caseload", personal=True),
    _row("intake.import", "intake.write", personal=True),
    # A code is a way in as the client: no machine may make itself one.
    _row("clients.sign_in", None, clinician="caseload", administrator="organisation",
         personal=True),
    # To be erased is not asked for by an aunt.
    _row("erasures.request", "intake.write", client="own", clinician="caseload",
         administrator="organisation", personal=True, guardian=True),
    _row("erasures.read", "intake.read", administrator="organisation", personal=True),
    _row("erasures.decide", "intake.write", administrator="organisation", personal=True),
    # Who may use the platform.
    _row("people.read", "intake.read", clinician="organisation", supervisor="organisation",
         operator="organisation", administrator="organisation"),
    _row("people.write", "intake.write", administrator="organisation"),
    _row("people.sign_in", None, administrator="organisation"),
    _row("people.caseload", "intake.read", administrator="organisation", personal=True),
    _row("people.hand_over", "intake.write", administrator="organisation", personal=True),
    _row("organisation.write", "intake.write", administrator="organisation"),
    # Who says where people sign in can sign in as anybody: no machine may.
    _row("organisation.provider", None, administrator="organisation"),
    _row("integrations.write", None, administrator="organisation"),
    _row("session.own", None, client="own", clinician="own", supervisor="own", operator="own",
         administrator="own"),
    # What clients say.
    _row("measures.read", "feedback.read", client="organisation", clinician="organisation",
         supervisor="organisation", operator="organisation", administrator="organisation"),
    _row("measures.write", "feedback.write", administrator="organisation"),
    _row("ratings.write", "feedback.write", client="own", clinician="caseload", clinical=True),
    _row("ratings.correct", "feedback.write", clinician="caseload", clinical=True),
    _row("ratings.import", "feedback.write", clinical=True),
    # What it adds up to.
    _row("views.read", "outcomes.read", client="own", clinician="caseload", supervisor="team",
         clinical=True),
    _row("caseload.read", "outcomes.read", clinician="caseload", supervisor="team", clinical=True),
    _row("rules.read", "outcomes.read", clinician="organisation", supervisor="organisation",
         operator="organisation", administrator="organisation"),
    _row("rules.write", "outcomes.write", administrator="organisation"),
    # It changes nothing, and counts what whoever may ask it of a few could tell of one.
    _row("rules.backtest", "outcomes.read", administrator="organisation"),
    # Who must know now.
    _row("alerts.read", "alerts.read", clinician="caseload", supervisor="team", clinical=True),
    _row("alerts.act", "alerts.write", clinician="caseload", supervisor="team", clinical=True),
    _row("alerts.count", None, administrator="organisation"),
    # What every service can say of itself and give away.
    _row("audit.read", None, administrator="organisation", personal=True),
    # Who looked tells whom a child speaks to.
    _row("audit.own", None, client="own", personal=True, guardian=True),
    _row("intake.export", "intake.read", client="own", administrator="organisation",
         clinical=True),
    _row("intake.export_all", "intake.read", administrator="organisation", clinical=True),
    _row("feedback.export", "feedback.read", client="own", administrator="organisation",
         clinical=True),
    _row("feedback.export_all", "feedback.read", administrator="organisation", clinical=True),
    _row("outcomes.export", "outcomes.read", client="own", administrator="organisation",
         clinical=True),
    _row("outcomes.export_all", "outcomes.read", administrator="organisation", clinical=True),
    _row("alerts.export", "alerts.read", client="own", administrator="organisation",
         clinical=True),
    _row("alerts.export_all", "alerts.read", administrator="organisation", clinical=True),
)  # fmt: skip

POLICY: Mapping[str, Permission] = MappingProxyType({row.name: row for row in _ROWS})
"""The table, by the permission's name."""


def reaches(
    permission: Permission, roles: Collection[Role], scopes: Collection[str]
) -> frozenset[Reach]:
    """How far somebody with these roles (a machine: these scopes) reaches; empty: not at all."""
    found = {permission.reach[role] for role in roles if role in permission.reach}
    if permission.scope is not None and permission.scope in scopes:
        found.add("organisation")
    return frozenset(found)
