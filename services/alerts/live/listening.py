"""Who may hear of a client's alerts, and who listens."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.security import Principal
from shared.security.policy import Permission, Reach

FRESH_SECONDS = 1.0
"""So long what was read of an audience is taken for what is."""


class Audience(NamedTuple):
    """Who may hear of a client's alerts: whether machines may, who cares for the client now, and
    who leads those. Of one who is erased nobody hears, and of one who is restricted only who
    cares, of risk. `read_at` is of the monotonic clock."""

    machines: bool
    restricted: bool
    erased: bool
    carers: frozenset[str]
    supervisors: frozenset[str]
    read_at: float

    @property
    def is_fresh(self) -> bool:
        """Whether it was read a moment ago."""
        return time.monotonic() - self.read_at <= FRESH_SECONDS


class Listener(NamedTuple):
    """Somebody on the stream, and how far they reach."""

    principal: Principal
    reach: frozenset[Reach]

    @classmethod
    def of(cls, principal: Principal, permission: Permission) -> "Listener":
        """`principal` by what the policy says of them."""
        return cls(principal, principal.reach(permission))

    @property
    def tenant(self) -> str:
        """Whose messages there may be at all."""
        return self.principal.tenant

    def hears(self, audience: Audience, *, risk: bool) -> bool:
        """Whether they may hear of an alert; risk reaches the treating team whatever else."""
        if audience.erased:
            return False
        if "organisation" in self.reach:
            return audience.machines and not audience.restricted
        if self.reach & {"caseload", "team"} and self.principal.id in audience.carers:
            return risk or not audience.restricted
        leads = "team" in self.reach and self.principal.id in audience.supervisors
        return leads and not audience.restricted


def audience_of(row: Mapping[str, Any], read_at: float) -> Audience:
    """The audience as it was fetched."""
    return Audience(
        machines=row["machines"],
        restricted=row["restricted"],
        erased=row["erased"],
        carers=frozenset(row["carers"]),
        supervisors=frozenset(row["supervisors"]),
        read_at=read_at,
    )
