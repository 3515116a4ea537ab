"""The caller of a request, as its token says."""

import msgspec

from shared.contracts.people import PrincipalKind, StaffRole
from shared.security.policy import SCOPES, Permission, Reach, Role, reaches

__all__ = ["SCOPES", "Principal", "PrincipalKind", "Role", "StaffRole"]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls (`id`), for which organisation (`tenant`), and what they may do.

    An integration has `scopes`, a person `roles`, a client neither. `session` is that of somebody
    who signed in; `csrf` is what their forms must repeat.
    """

    tenant: str
    id: str
    kind: PrincipalKind
    scopes: frozenset[str] = frozenset()
    roles: frozenset[StaffRole] = frozenset()
    session: str | None = None
    csrf: str | None = None

    @property
    def known_as(self) -> frozenset[Role]:
        """The roles by which the policy knows them; a machine goes by its scopes alone."""
        if self.kind == "client":
            return frozenset({"client"})
        return frozenset[Role](self.roles) if self.kind == "person" else frozenset()

    def reach(self, permission: Permission) -> frozenset[Reach]:
        """How far they reach within `permission`; empty: not at all."""
        return reaches(permission, self.known_as, self.scopes)
