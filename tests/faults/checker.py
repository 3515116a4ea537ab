"""What is true of an event store, its topic and its projection, whatever happened to the processes.

Code of its own: it reads tables and topics with asyncpg and aiokafka and folds the store itself.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

NAMESPACE = UUID("0b6c7a5e-3f39-5c52-9b3e-6a0f5d0c9e11")
COMMAND = "heroic.feedback.RatingDeclined"


@dataclass
class Findings:
    """What is wrong, by kind; all empty where nothing is. `duplicates` is no fault: it says that
    records were delivered more than once, which a crash of a relay may do."""

    lost: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    duplicates: int = 0
    events: int = 0

    @property
    def wrong(self) -> dict[str, list[str]]:
        """Whatever there is, a few of each kind."""
        kinds = ("lost", "phantom", "doubled", "disordered", "differing")
        return {kind: getattr(self, kind)[:5] for kind in kinds if getattr(self, kind)}


class Checker:
    """Checks one toy service."""

    def __init__(self, inspect_url: str, kafka: str, topic: str) -> None:
        self._url = inspect_url
        self._kafka = kafka
        self._topic = topic

    async def check(self, acknowledged: set[str]) -> Findings:
        """Everything at once; `acknowledged` are the keys of commands that were answered."""
        findings = Findings()
        connection = await asyncpg.connect(self._url)
        try:
            events = [dict(row) for row in await connection.fetch("SELECT * FROM events")]
            tallies = await connection.fetch("SELECT tenant, stream, n, versions FROM tallies")
            held = await connection.fetch("SELECT holder, reason FROM held")
        finally:
            await connection.close()
        findings.events = len(events)
        self._check_commands(events, acknowledged, findings)
        self._check_streams(events, findings)
        self._check_derived(events, findings)
        self._check_tallies(events, tallies, findings)
        self._check_topic(events, await records_in(self._kafka, self._topic), findings)
        findings.differing += [f"held back: {row['holder']}: {row['reason']}" for row in held]
        return findings

    def _check_commands(
        self, events: list[dict[str, Any]], acknowledged: set[str], findings: Findings
    ) -> None:
        stored = Counter(
            json.loads(e["data"])["session_id"] for e in events if e["type"] == COMMAND
        )
        findings.lost += [f"acknowledged {one}" for one in acknowledged - stored.keys()]
        findings.phantom += [f"event of {one}" for one in stored.keys() - acknowledged]
        findings.doubled += [f"event of {one}" for one, count in stored.items() if count > 1]

    def _check_streams(self, events: list[dict[str, Any]], findings: Findings) -> None:
        for stream, versions in fold(events).items():
            if versions != list(range(1, len(versions) + 1)):
                findings.disordered.append(f"versions of {stream}: {versions}")

    def _check_derived(self, events: list[dict[str, Any]], findings: Findings) -> None:
        wanted = {derived(str(e["id"])) for e in events if e["type"] == COMMAND}
        there = Counter(str(e["id"]) for e in events if e["type"] != COMMAND)
        findings.lost += [f"derived {one}" for one in wanted - there.keys()]
        findings.phantom += [f"derived {one}" for one in there.keys() - wanted]
        findings.doubled += [f"derived {one}" for one, count in there.items() if count > 1]

    def _check_tallies(
        self, events: list[dict[str, Any]], tallies: list[Any], findings: Findings
    ) -> None:
        shown = {(row["tenant"], row["stream"]): list(row["versions"]) for row in tallies}
        for key, versions in fold(events).items():
            if shown.get(key) != versions:
                findings.differing.append(f"{key[1]}: {shown.get(key)} is not {versions}")
        findings.differing += [f"no such stream: {key}" for key in shown.keys() - fold(events)]
        findings.doubled += [
            f"tally of {r['stream']}" for r in tallies if r["n"] != len(r["versions"])
        ]

    def _check_topic(
        self, events: list[dict[str, Any]], records: list[dict[str, Any]], findings: Findings
    ) -> None:
        stored = {str(e["id"]) for e in events}
        sent = Counter(record["id"] for record in records)
        findings.lost += [f"not in the topic: {one}" for one in stored - sent.keys()]
        findings.phantom += [f"in the topic alone: {one}" for one in sent.keys() - stored]
        findings.duplicates = sum(sent.values()) - len(sent)
        last: dict[tuple[str, str], int] = {}
        for record in records:
            key, version = (record["tenant"], record["stream"]), record["streamversion"]
            # Repetition goes back; what is new follows what was last.
            if version > last.get(key, 0) + 1:
                findings.disordered.append(f"{key[1]}: {version} after {last.get(key, 0)}")
            last[key] = max(version, last.get(key, 0))


async def records_in(kafka: str, topic: str) -> list[dict[str, Any]]:
    """Every record of a topic, those of each partition in their order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        numbers = consumer.partitions_for_topic(topic) or range(12)
        partitions = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(partitions)
        found: list[dict[str, Any]] = []
        for partition, end in (await consumer.end_offsets(partitions)).items():
            while await consumer.position(partition) < end:
                batches = await consumer.getmany(partition, timeout_ms=1000)
                found += [json.loads(one.value) for b in batches.values() for one in b]
        return found
    finally:
        await consumer.stop()


def fold(events: list[dict[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """The versions of each stream, in order."""
    versions: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        versions[event["tenant"], event["stream"]].append(event["version"])
    return {key: sorted(found) for key, found in versions.items()}


def derived(cause: str) -> str:
    """The id of the event that follows from `cause`."""
    return str(uuid5(NAMESPACE, f"derived\x1f{cause}"))
