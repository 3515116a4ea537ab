"""Ratings by NDJSON: 100,000 rows through one call each of `POST /feedback/v1/ratings/bulk`."""

import http.client
import time
from collections import Counter

import msgspec

from deploy.local.ports import LOOPBACK
from tests.benchmarks.harness import Environment, Result
from tests.benchmarks.submit import Site, open_site

NAMES = ("bulk",)

ROWS = 100_000
EPISODES = 5_000
ROUNDS = 2
CONTENT = "application/x-ndjson"


async def run(environment: Environment) -> dict[str, Result]:
    """As history, each row with an external id, those of a client together."""
    rates = []
    async with open_site(environment, EPISODES) as site:
        for number in range(min(environment.rounds, ROUNDS)):
            rates.append(one_call(site, lines(number)))
            environment.say(f"round {number + 1}: {rates[-1]:,.0f} rows/s")
    note = f"{ROWS} rows of {EPISODES} episodes in one call, with external ids, as history"
    value = sorted(rates)[len(rates) // 2]
    return {
        "bulk": Result(
            value=value,
            unit="rows/s",
            baseline=20_000,
            ratio=value / 20_000,
            rounds=len(rates),
            note=note,
        )
    }


def lines(number: int) -> bytes:
    """The rows of one round."""
    each = ROWS // EPISODES
    rows = (
        {
            "episode_external_id": f"e-{episode}",
            "external_id": f"{number}-{episode}-{rating}",
            "measure": "bdi",
            "occurred_at": f"2026-02-{1 + rating:02d}T10:00:00Z",
            "total": (episode + rating) % 63,
        }
        for episode in range(EPISODES)
        for rating in range(each)
    )
    return b"\n".join(map(msgspec.json.encode, rows))


def one_call(site: Site, body: bytes) -> float:
    """Rows a second, from the first byte sent to the last one of the answer."""
    connection = http.client.HTTPConnection(LOOPBACK, site.port, timeout=300)
    headers = {"Authorization": f"Bearer {site.token}", "Content-Type": CONTENT}
    started = time.perf_counter()
    connection.request("POST", "/feedback/v1/ratings/bulk?mode=history", body, headers)
    answer = connection.getresponse().read()
    seconds = time.perf_counter() - started
    connection.close()
    statuses = Counter(msgspec.json.decode(line)["status"] for line in answer.splitlines())
    if statuses != {"created": ROWS}:
        raise RuntimeError(f"not all rows were taken: {statuses}")
    return ROWS / seconds
