"""What the product says of series of ratings, in the words of the second implementation.

`tests.reference` takes and gives tables; here the product's assessments and alerts become tables
of the same columns, so that the two can be held against each other cell by cell.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from deploy.cli.analyse_alerts import alerts_of
from shared.contracts.outcomes import Assessment, Verdict
from shared.measures import Definition, assess_all, default_rules
from shared.measures.expected import Curve
from tests.reference.exact import TENTH

RULES = default_rules()
ALERTS = ["client", "rule", "severity", "opened_k", "ended_k", "repetitions"]


def assessments(
    ratings: pd.DataFrame, definition: Definition, curve: Curve | None = None, **person: Any
) -> dict[object, list[Assessment]]:
    """What is said of each client's ratings (`client`, `time`, `value`), in clinical order."""
    scored = ratings.dropna(subset=["value"])
    return {
        client: list(
            assess_all(
                definition,
                RULES,
                tenths(series.sort_values("time", kind="stable")["value"]),
                curve=curve,
                **person,
            )
        )
        for client, series in scored.groupby("client", sort=False)
    }


def tenths(values: Iterable[float]) -> list[int]:
    """Points as whole tenths."""
    return [round(10 * float(value)) for value in values]


def in_table(said: dict[object, list[Assessment]], rules: Sequence[str]) -> pd.DataFrame:
    """A row a rating: ordinal, scores in millionths, class, and what each of `rules` said of it.

    A rule's cell is missing where it said nothing, and that of its severity (`severity_of_…`)
    where it does not hold.
    """
    rows = [
        {
            "client": client,
            "k": one.ordinal,
            "x": one.total * TENTH,
            "first": one.baseline * TENTH,
            "raw_change": one.change * TENTH,
            "index": np.nan if one.index is None else one.index,
            "class": one.classification,
            **dict(_told(one.verdicts, rules)),
        }
        for client, series in said.items()
        for one in series
    ]
    table = pd.DataFrame(rows)
    texts = ["class", *(f"severity_of_{rule}" for rule in rules)]
    return table.astype(dict.fromkeys(rules, "boolean") | dict.fromkeys(texts, "string"))


def _told(verdicts: Sequence[Verdict], rules: Sequence[str]) -> Iterator[tuple[str, Any]]:
    by_rule = {one.rule: one for one in verdicts}
    for rule in rules:
        verdict = by_rule.get(rule)
        yield rule, None if verdict is None else verdict.holds
        held = verdict is not None and verdict.holds
        yield f"severity_of_{rule}", verdict.severity if verdict and held else None


def alerts_in_table(said: dict[object, list[Assessment]]) -> pd.DataFrame:
    """A row an alert that the assessments call for, by client, rule and time."""
    rows = [
        (
            client,
            span.rule,
            span.severity,
            span.opened + 1,
            None if span.ended is None else span.ended + 1,
            span.ratings - 1,
        )
        for client, series in said.items()
        for span in alerts_of(str(client), series)
    ]
    return in_order(pd.DataFrame(rows, columns=ALERTS).astype({"ended_k": "Int64"}))


def in_order(alerts: pd.DataFrame) -> pd.DataFrame:
    """Alerts in an order in which two tables of them can be compared."""
    return alerts[ALERTS].sort_values(["client", "rule", "opened_k"]).reset_index(drop=True)


def disagreements(one: pd.Series, other: pd.Series) -> list[tuple[int, object, object]]:
    """Where two columns differ: the place, and what each says; a missing cell is a value too."""
    mine, theirs = (
        [None if pd.isna(cell) else cell for cell in column.astype("object")]
        for column in (one, other)
    )
    pairs = enumerate(zip(mine, theirs, strict=True))
    return [(place, left, right) for place, (left, right) in pairs if left != right]
