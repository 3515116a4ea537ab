"""What feedback forgets of an erased client; what they said rests in its store under a dead key."""

from shared.contracts.feedback import ClientPurged
from shared.purging import Purge

PURGE = Purge(
    "feedback",
    # With the row goes the hash by which the episode was found.
    ("DELETE FROM episodes WHERE tenant = $1 AND client_id = $2",),
    ClientPurged,
)
