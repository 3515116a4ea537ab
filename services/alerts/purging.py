"""What alerts forgets of an erased client: alerts, what they follow from, and what is to be done.

The stream of alerts reads its log beside their rows: of alerts without one nobody is told again.
"""

from shared.contracts.alerts import ClientPurged
from shared.purging import Purge

EPISODES = "SELECT episode_id FROM episodes WHERE tenant = $1 AND client_id = $2"

PURGE = Purge(
    "alerts",
    (
        "DELETE FROM alerts WHERE tenant = $1 AND client_id = $2",
        "DELETE FROM judgements WHERE tenant = $1 AND client_id = $2",
        # The episodes last: by them all that names no client is found.
        f"DELETE FROM sessions WHERE tenant = $1 AND episode_id IN ({EPISODES})",  # noqa: S608
        f"DELETE FROM forms WHERE tenant = $1 AND episode_id IN ({EPISODES})",  # noqa: S608
        f"DELETE FROM due WHERE tenant = $1 AND episode_id IN ({EPISODES})",  # noqa: S608
        "DELETE FROM taken WHERE tenant = $1 AND stream IN "  # noqa: S608
        f"(SELECT 'feedback-' || e.episode_id FROM ({EPISODES}) AS e)",
        "DELETE FROM episodes WHERE tenant = $1 AND client_id = $2",
        "DELETE FROM clients WHERE tenant = $1 AND client_id = $2",
    ),
    ClientPurged,
)
