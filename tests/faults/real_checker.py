"""What is true of the platform, whatever happened to its processes: the ledger, the four stores,
their topics, the views and the alerts agree.

Code of its own: asyncpg, aiokafka and HTTP; nothing of the platform is asked how it is meant.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from tests.faults.checker import Findings, records_in
from tests.faults.real_fold import Course, Raised, courses
from tests.faults.real_load import Integration, Ledger
from tests.faults.real_stored import (
    Stored,
    check_alert_events,
    check_assessments,
    check_care,
    check_commands,
    check_streams,
    check_topic,
)

SERVICES = ("intake", "feedback", "outcomes", "alerts")
AT_ONCE = 8
RULES = {"risk_item", "reliable_deterioration", "session_drop"}


class PlatformChecker:
    """Checks one installation, as `up.json` describes it."""

    def __init__(self, up: dict[str, Any], sites: Sequence[Integration], ledger: Ledger) -> None:
        self._up = up
        self._sites = {site.organisation["id"]: site for site in sites}
        self._ledger = ledger

    async def settled(self, seconds: float) -> Findings:
        """The findings, as soon as nothing is wrong or the time is over."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            findings = await self.check()
            if not findings.wrong or asyncio.get_running_loop().time() > deadline:
                return findings
            await asyncio.sleep(0.5)

    async def check(self) -> Findings:
        """Everything at once."""
        findings = Findings()
        stores = {service: await self._events(service, findings) for service in SERVICES}
        findings.events = sum(map(len, stores.values()))
        expected = courses(self._ledger.entries)
        check_commands(stores["feedback"], self._ledger, findings)
        check_care(stores["intake"], self._ledger, findings)
        check_assessments(stores["outcomes"], self._ledger, expected, findings)
        check_alert_events(stores["alerts"], expected, findings)
        for service in SERVICES:
            check_streams(stores[service], findings)
            records = await records_in(self._up["kafka"], f"heroic.{service}.events")
            check_topic(stores[service], records, findings)
        if not findings.wrong:
            # Dearer questions, which have no answer before the rest is in order.
            await self._check_views(expected, findings)
            await self._check_alerts(expected, findings)
        return findings

    async def _events(self, service: str, findings: Findings) -> list[Stored]:
        connection = await asyncpg.connect(self._up["postgres"][service])
        try:
            rows = await connection.fetch(
                "SELECT xid, position, tenant, stream, version, id::text, type, subject,"
                " causation_id, data FROM events ORDER BY xid, position"
            )
            heads = await connection.fetch("SELECT stream, version FROM streams WHERE version > 0")
            held = [] if service == "intake" else await connection.fetch("SELECT * FROM held")
        finally:
            await connection.close()
        findings.differing += [f"held back: {row['holder']}: {row['reason']}" for row in held]
        last: Counter[str] = Counter()
        for row in rows:
            last[row["stream"]] = max(last[row["stream"]], row["version"])
        if last != Counter({row["stream"]: row["version"] for row in heads}):
            findings.differing.append(f"the heads of {service} are not its events'")
        return [Stored._make((*row[:9], json.loads(row["data"]))) for row in rows]

    async def _check_views(self, expected: Mapping[str, Course], findings: Findings) -> None:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(tenant: str, client_id: str, episode_id: str) -> None:
            async with limit:
                view = await self._sites[tenant].get(f"/outcomes/v1/clients/{client_id}")
            course = expected.get(episode_id) or Course(episode_id)
            findings.differing += differences(view, course)

        await asyncio.gather(*(one(*episode) for episode in self._ledger.episodes))

    async def _check_alerts(self, expected: Mapping[str, Course], findings: Findings) -> None:
        listed: list[Raised] = []
        for site in self._sites.values():
            cursor = ""
            while True:
                page = await site.get(f"/alerts/v1/alerts?limit=200{cursor}")
                listed += [raised(item) for item in page["items"] if counts(item)]
                if page["next"] is None:
                    break
                cursor = f"&cursor={page['next']}"
        wanted = {alert for course in expected.values() for alert in course.alerts}
        there = Counter(listed)
        findings.lost += [f"alert {one}" for one in wanted - there.keys()]
        findings.phantom += [f"alert {one}" for one in there.keys() - wanted]
        findings.doubled += [f"alert {one}" for one, count in there.items() if count > 1]


def counts(item: dict[str, Any]) -> bool:
    """Whether an alert is still called for, and of a rule that the fold knows."""
    return bool(item["status"] != "withdrawn" and item["rule"]["id"] in RULES)


def raised(item: dict[str, Any]) -> Raised:
    """An alert of the list as the fold says it."""
    return Raised(
        item["episode_id"],
        item["rule"]["id"],
        item["measure"],
        item["history"][0]["cause_id"],
        item["status"],
        item["severity"],
    )


def differences(view: dict[str, Any], course: Course) -> list[str]:
    """Where a client outcome view says something else than the ledger."""
    [episode] = view["episodes"] or [{"id": None, "series": []}]
    if episode["id"] != course.episode_id or view["held_back_since"] is not None:
        return [f"the view of {view['client_id']} is of {episode['id']}, or held back"]
    shown = {one["measure"]: one for one in episode["series"]}
    found = [f"no such series: {one} of {episode['id']}" for one in shown.keys() - course.series]
    for measure, ratings in course.series.items():
        wanted = {
            "baseline": ratings[0].total,
            "latest": ratings[-1].total,
            "change": ratings[-1].total - ratings[0].total,
            "primary": min(course.series, key=lambda one: course.series[one][0]) == measure,
            "ratings": [(one.rating_id, one.total) for one in ratings],
        }
        series = dict(shown.get(measure, {"ratings": []}))
        series["ratings"] = [(one["id"], one["total"]) for one in series["ratings"]]
        found += [
            f"{measure} of {episode['id']}: {key} is {series.get(key)} and not {value}"
            for key, value in wanted.items()
            if series.get(key) != value
        ]
    return found
