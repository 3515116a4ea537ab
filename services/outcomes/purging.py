"""What outcomes forgets of an erased client: the journal, and all that was folded from it.

Curves that were fitted before stay what they were: a curve says nothing of anybody. The next fit
is made of the views that are left.
"""

from shared.contracts.outcomes import ClientPurged
from shared.purging import Purge

PURGE = Purge(
    "outcomes",
    (
        "DELETE FROM journal WHERE tenant = $1 AND client_id = $2",
        # Of every version of the projection, those that are being built too.
        "DELETE FROM views WHERE tenant = $1 AND client_id = $2",
        "DELETE FROM summaries WHERE tenant = $1 AND client_id = $2",
        "DELETE FROM assessor_states WHERE tenant = $1 AND client_id = $2",
        "DELETE FROM waiting WHERE tenant = $1 AND client_id = $2",
        # Open pages look again; an hour later the id is gone from here too.
        "INSERT INTO view_changes (tenant, client_ids) VALUES ($1, ARRAY[$2::text])",
    ),
    ClientPurged,
)
