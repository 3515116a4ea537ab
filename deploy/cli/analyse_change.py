"""Who recovered, improved and so on from one time to another: from a table to the answer."""

from collections import Counter
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from deploy.cli.analyse_csv import MISSING, Table, Unreadable
from shared.errors import Invalid
from shared.measures.change import CRITICAL
from shared.measures.effects import EffectSizes, Sample, effect_sizes, sample
from shared.measures.methods import (
    Cutoffs,
    Judge,
    Method,
    Outcome,
    Prediction,
    cutoffs,
    prediction,
)

Direction = Literal["lower", "higher"]

SIGNS: dict[Direction, int] = {"higher": 1, "lower": -1}
CLASSES: tuple[Outcome, ...] = ("recovered", "improved", "unchanged", "deteriorated", "harmed")
AGAIN = "this client has a value of that time already; the first counts"


class Choice(NamedTuple):
    """How changes are to be judged; `functional` is mean and standard deviation (points)."""

    method: Method
    direction: Direction
    reliability: float | None = None
    reliability_post: float | None = None
    functional: tuple[float, float] | None = None
    percent: Decimal | None = None

    @property
    def sign(self) -> int:
        """+1 where higher is better, else -1."""
        return SIGNS[self.direction]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A client's change, in points as they are in the file; `index` by the method chosen."""

    client: str
    pre: Decimal
    post: Decimal
    change: Decimal
    index: float | None
    kind: Outcome = msgspec.field(name="class")


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """What the changes were compared with; means, errors, cutoffs and changes in points.

    `error` is the standard error that an index counts in; `cutoff` divides the clinical from the
    functional side, and is None where no functional population was given.
    """

    method: Method
    direction: Direction
    mean_pre: float
    sd_pre: float
    mean_post: float
    sd_post: float
    reliability: float | None = None
    reliability_post: float | None = None
    critical: float | None = None
    error: float | None = None
    reliable_change: float | None = None
    percent: Decimal | None = None
    cutoffs: Cutoffs | None = None
    cutoff: float | None = None


class ChangeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: rows and counts of the clients with both values."""

    rows: list[Row]
    counts: dict[Outcome, int]
    n_used: int
    n_left_out: int
    thresholds: Thresholds
    effect_sizes: EffectSizes
    unreadable: list[Unreadable]


class Pair(msgspec.Struct):
    """A client's values before and after, as far as they are there."""

    pre: Decimal | None = None
    post: Decimal | None = None


def long_pairs(table: Table, pre: str, post: str) -> dict[str, Pair]:
    """The pairs of a file with a row for each rating (columns: client, time, value).

    Times are the same if they are the same number, or where one of them is none the same text.
    """
    pairs: dict[str, Pair] = {}
    places = {moment(table, pre): "pre", moment(table, post): "post"}
    if len(places) < 2:
        raise Invalid("The times before and after are the same.")
    met = set()
    for line, (client, time, text) in table.rows():
        value = table.number(line, text, "value")
        if client in MISSING:
            table.note(line, "no client")
            continue
        pair = pairs.setdefault(client, Pair())
        place = places.get(moment(table, time))
        met.add(place)
        if place is not None and value is not None:
            put(table, line, pair, place, value)
    absent = [name for name, place in ((pre, "pre"), (post, "post")) if place not in met]
    if absent:
        raise Invalid(f"No row has the time {' or '.join(absent)}.")
    return pairs


def wide_pairs(table: Table) -> dict[str, Pair]:
    """The pairs of a file with a row for each client (columns: client, before, after)."""
    pairs: dict[str, Pair] = {}
    for line, (client, *texts) in table.rows():
        pre, post = (table.number(line, text, "value") for text in texts)
        if client in MISSING:
            table.note(line, "no client")
        elif client in pairs:
            table.note(line, "this client has a row already; the first counts")
        else:
            pairs[client] = Pair(pre, post)
    return pairs


def moment(table: Table, text: str) -> Decimal | str:
    """What a time is matched by."""
    number = table.as_number(text)
    return text if number is None else number


def put(table: Table, line: int, pair: Pair, place: str, value: Decimal) -> None:
    """Keep the first value of a place."""
    if getattr(pair, place) is None:
        setattr(pair, place, value)
    else:
        table.note(line, AGAIN)


def judge_all(pairs: dict[str, Pair], choice: Choice, unreadable: list[Unreadable]) -> ChangeReport:
    """The answer; Invalid where too few clients have both values, or all the same one."""
    used = [
        (client, pair.pre, pair.post)
        for client, pair in pairs.items()
        if pair.pre is not None and pair.post is not None
    ]
    least = 1 if choice.method == "percent" else 2
    if len(used) < least:
        raise Invalid(f"{len(used)} of {len(pairs)} clients have both values; {least} must.")
    group = sample([pre for _, pre, _ in used], [post for _, _, post in used])
    by = yardstick(choice, group)
    sides = sides_of(choice, group)
    judge = Judge(by, choice.sign, sides.c if sides is not None else None)
    rows = [row(judge, *one) for one in used]
    counts = Counter(one.kind for one in rows)
    return ChangeReport(
        rows=rows,
        counts={kind: counts[kind] for kind in CLASSES},
        n_used=len(used),
        n_left_out=len(pairs) - len(used),
        thresholds=thresholds(choice, group, judge, sides),
        effect_sizes=effect_sizes(group, sign=choice.sign),
        unreadable=unreadable,
    )


def row(judge: Judge, client: str, pre: Decimal, post: Decimal) -> Row:
    """One client, judged."""
    index, kind = judge.outcome(pre, post)
    return Row(client=client, pre=pre, post=post, change=post - pre, index=index, kind=kind)


def yardstick(choice: Choice, group: Sample) -> Prediction | Decimal:
    """What the method compares with: what the sample lets expect, or a percentage."""
    if choice.method == "percent":
        if choice.percent is None:
            raise Invalid("The method needs a percentage.")
        return choice.percent
    if choice.reliability is None:
        raise Invalid("The method needs a reliability.")
    return prediction(
        choice.method,
        mean_pre=group.mean_pre,
        sd_pre=group.sd_pre,
        mean_post=group.mean_post,
        reliability=choice.reliability,
        reliability_post=choice.reliability_post,
    )


def sides_of(choice: Choice, group: Sample) -> Cutoffs | None:
    """The cutoffs between the sample at pre and the functional population, as far as known."""
    if choice.functional is None and group.sd_pre == 0:
        return None
    return cutoffs(group.mean_pre, group.sd_pre, choice.functional, sign=choice.sign)


def thresholds(choice: Choice, group: Sample, judge: Judge, sides: Cutoffs | None) -> Thresholds:
    """What is said of how the changes were judged."""
    by_index = judge.by if isinstance(judge.by, Prediction) else None
    jacobson_truax = choice.method == "jt" and by_index is not None
    post = choice.reliability_post or choice.reliability
    return Thresholds(
        method=choice.method,
        direction=choice.direction,
        mean_pre=group.mean_pre,
        sd_pre=group.sd_pre,
        mean_post=group.mean_post,
        sd_post=group.sd_post,
        reliability=choice.reliability if by_index else None,
        reliability_post=post if choice.method == "nk" else None,
        critical=CRITICAL if by_index else None,
        error=by_index.error if by_index else None,
        reliable_change=CRITICAL * by_index.error if by_index and jacobson_truax else None,
        percent=None if by_index else choice.percent,
        cutoffs=sides,
        cutoff=judge.cutoff,
    )
