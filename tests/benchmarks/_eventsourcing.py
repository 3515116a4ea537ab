"""The library `eventsourcing` on PostgreSQL: what its `save()` reaches."""

import threading
import time
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

THREADS = 8
SECONDS = 3.0


class Episode(Aggregate):
    """The smallest aggregate that takes ratings."""

    @event("RatingSubmitted")
    def submit(self, measure: str, total: int, note: str) -> None:
        self.latest = total


def save_rate(url: str) -> float:
    """Events a second by as many threads as help, each saving one event at a time."""
    parts = urlsplit(url)
    application = Application[UUID](
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": parts.path.lstrip("/"),
            "POSTGRES_HOST": parts.hostname or "",
            "POSTGRES_PORT": str(parts.port),
            "POSTGRES_USER": parts.username or "",
            "POSTGRES_PASSWORD": unquote(parts.password or ""),
            "POSTGRES_POOL_SIZE": str(THREADS),
            "APPLICATION_NAME": f"bench{uuid4().hex[:8]}",
        }
    )
    end = time.perf_counter() + SECONDS
    counts = [0] * THREADS

    def save(thread: int) -> None:
        episode = Episode()
        application.save(episode)
        while time.perf_counter() < end:
            episode.submit("ors", 234, "a good week")
            application.save(episode)
            counts[thread] += 1

    threads = [threading.Thread(target=save, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    application.close()
    return sum(counts) / SECONDS
