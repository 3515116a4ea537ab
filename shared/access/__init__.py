"""Who reaches whom, kept in each service's own tables out of intake's events; and who looked.

`AccessHandler` keeps the tables (group `<service>.access`), `Gate` knows whose tokens are worth
nothing any more, `Access` says whether a principal reaches a client, `AuditLog` writes down that
they did, `Audit` tells.
"""

from shared.access.audit import AuditLog, Looked
from shared.access.audited import Audit
from shared.access.gate import Gate
from shared.access.handler import AccessHandler, access_group
from shared.access.reach import Access, Reached

__all__ = [
    "Access",
    "AccessHandler",
    "Audit",
    "AuditLog",
    "Gate",
    "Looked",
    "Reached",
    "access_group",
]
