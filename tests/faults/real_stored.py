"""What a ledger says of the events of the stores and of the records of their topics."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tests.faults.checker import Findings
from tests.faults.real_fold import Course
from tests.faults.real_load import Ledger

ENDS = {"AlertResolved": "resolved", "AlertWithdrawn": "withdrawn", "AlertRaised": "open"}


class Stored(NamedTuple):
    """An event of a store; `data` are its clear fields."""

    xid: int
    position: int
    tenant: str
    stream: str
    version: int
    id: str
    type: str
    key: str
    cause: str | None
    data: dict[str, Any]


def name(event: Stored) -> str:
    """The event's name without its service."""
    return event.type.rpartition(".")[2]


def check_commands(events: Sequence[Stored], ledger: Ledger, findings: Findings) -> None:
    """Each command that was acknowledged is exactly one event, and there is no other."""
    said = Counter(
        (one.tenant, f"feedback-{one.episode_id}", one.version, one.kind, one.rating_id)
        for one in ledger.entries
    )
    there = Counter((e.tenant, e.stream, e.version, name(e), e.data["rating_id"]) for e in events)
    findings.lost += [f"acknowledged {one}" for one in said.keys() - there.keys()]
    findings.phantom += [f"event {one}" for one in there.keys() - said.keys()]
    findings.doubled += [f"{one}" for one, n in (said + there).items() if n > 2]


def check_care(events: Sequence[Stored], ledger: Ledger, findings: Findings) -> None:
    """The same for clients and episodes."""
    clients = Counter(e.key for e in events if name(e) == "ClientRegistered")
    episodes = Counter(e.data["episode_id"] for e in events if name(e) == "EpisodeOpened")
    for there, said in (
        (clients, {client_id for _, client_id in ledger.clients}),
        (episodes, {episode_id for *_, episode_id in ledger.episodes}),
    ):
        findings.lost += [f"registered {one}" for one in said - there.keys()]
        findings.phantom += [f"registered {one}" for one in there.keys() - said]
        findings.doubled += [f"registered {one}" for one, n in there.items() if n > 1]


def check_streams(events: Sequence[Stored], findings: Findings) -> None:
    """Versions 1 to n, in the order of the store."""
    versions: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        versions[event.tenant, event.stream].append(event.version)
    for (_, stream), found in versions.items():
        if found != list(range(1, len(found) + 1)):
            findings.disordered.append(f"versions of {stream}: {found}")


def check_topic(
    events: Sequence[Stored], records: Sequence[dict[str, Any]], findings: Findings
) -> None:
    """Every event is there, nothing else is, and each key's events come in the store's order."""
    stored = {event.id for event in events}
    sent = Counter(record["id"] for record in records)
    findings.lost += [f"not in the topic: {one}" for one in stored - sent.keys()]
    findings.phantom += [f"in the topic alone: {one}" for one in sent.keys() - stored]
    findings.duplicates += sum(sent.values()) - len(sent)
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for event in events:
        wanted[event.key].append(event.id)
    # Repetition goes back; what is new follows what was last.
    first: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for record in records:
        first[record["subject"]][record["id"]] = None
    findings.disordered += [
        f"topic of {key}" for key, ids in first.items() if list(ids) != wanted[key][: len(ids)]
    ]


def check_assessments(
    events: Sequence[Stored], ledger: Ledger, expected: Mapping[str, Course], findings: Findings
) -> None:
    """Each rating is assessed once, and taken back once if it does not count any more."""
    found: defaultdict[str, list[Stored]] = defaultdict(list)
    for event in events:
        found[event.data["rating_id"]].append(event)
    submitted = {one.rating_id for one in ledger.entries}
    present = {
        rated.rating_id: rated
        for course in expected.values()
        for series in course.series.values()
        for rated in series
    }
    findings.phantom += [f"assessed: {one}" for one in found.keys() - submitted]
    for rating_id in submitted:
        names = Counter(map(name, found[rating_id]))
        assessed, withdrawn = names["RatingAssessed"], names["AssessmentWithdrawn"]
        rated = present.get(rating_id)
        if rated is None:
            # It may have been void before anybody looked at it.
            if assessed != withdrawn or assessed > 1:
                findings.differing.append(f"void, assessed {assessed} and back {withdrawn}")
        elif (assessed, withdrawn) != (1, 0):
            kind = findings.lost if assessed == 0 else findings.doubled
            kind.append(f"assessed {assessed}, back {withdrawn}: {rating_id}")
        elif not found[rating_id][-1].data["occurred_at"].startswith(instant(rated.occurred_at)):
            findings.differing.append(f"the last assessment of {rating_id} is of another time")
        said = Counter((e.cause, name(e)) for e in found[rating_id])
        findings.doubled += [f"{one} of {rating_id}" for one, n in said.items() if n > 1]


def instant(moment: datetime) -> str:
    """A whole second as JSON has it, without its zone."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def check_alert_events(
    events: Sequence[Stored], expected: Mapping[str, Course], findings: Findings
) -> None:
    """One risk alert an episode with a risk, told of everything once; of each other key one is
    open at a time."""
    told: Counter[str] = Counter()
    raised_: defaultdict[str, set[str]] = defaultdict(set)
    rule_of: dict[str, tuple[str, str]] = {}
    open_: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in events:
        alert_id, what = event.data["alert_id"], name(event)
        if what == "AlertRaised":
            rule_of[alert_id] = event.data["episode_id"], event.data["rule"]
            if event.data["rule"] == "risk_item":
                raised_[event.data["episode_id"]].add(event.id)
        episode_id, rule = rule_of[alert_id]
        if rule == "risk_item" and what in ("AlertRaised", "AlertRepeated"):
            told[episode_id] += 1
        if ENDS.get(what) == "open":
            open_[episode_id, rule].add(alert_id)
        elif what in ENDS:
            open_[episode_id, rule].discard(alert_id)
    for episode_id, course in expected.items():
        if told[episode_id] < course.risks:
            findings.lost.append(f"risk: {told[episode_id]} of {course.risks} of {episode_id}")
        if told[episode_id] > course.risks or len(raised_[episode_id]) > 1:
            findings.doubled.append(f"risk of {episode_id}")
    findings.phantom += [f"risk of {one}" for one in raised_.keys() - expected.keys()]
    findings.doubled += [f"{len(o)} open: {key}" for key, o in open_.items() if len(o) > 1]
