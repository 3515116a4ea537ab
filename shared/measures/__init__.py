"""Pure measurement science: definitions as data, scoring, change, rules. No I/O but loading.

All scores are integer tenths; thresholds are exact decimals in points.

- `measure(key, version=None) -> Definition`, `newest() -> {key: Definition}`
- `check_definition(definition) -> [FieldError]`, `read_definition(document) -> Definition`
- `score(definition, items={"1": 20, ...} | total=234) -> Scored` (raises Invalid)
- `default_rules() -> RuleSet`, `rule_sets() -> {(key, version): RuleSet}`
- `assess(definition, rules, Series(), total, age_group=..., primary=..., late_baseline=...)
  curve=..., outcome_gain=...) -> (Series, Assessment)`: one rating after another, in clinical order
- `assess_all(definition, rules, totals, ...) -> Iterator[Assessment]`: a whole series
- `clinical_order(occurred_at, version)`: what to sort by
- `gain`, `reliably_better`, `reliably_worse`; `class_for`, `thresholds_for`: classes of change
"""

from shared.measures.catalogue import default_rules, definitions, measure, newest, rule_sets
from shared.measures.change import (
    gain,
    reliably_better,
    reliably_worse,
)
from shared.measures.checks import check_definition, read_definition
from shared.measures.definition import Definition
from shared.measures.judge import Person, class_for, thresholds_for
from shared.measures.rule_set import Rule, RuleSet
from shared.measures.scoring import Scored, points, score
from shared.measures.series import Series, assess, assess_all, clinical_order

__all__ = [
    "Definition",
    "Person",
    "Rule",
    "RuleSet",
    "Scored",
    "Series",
    "assess",
    "assess_all",
    "check_definition",
    "class_for",
    "clinical_order",
    "default_rules",
    "definitions",
    "gain",
    "measure",
    "newest",
    "points",
    "read_definition",
    "reliably_better",
    "reliably_worse",
    "rule_sets",
    "score",
    "thresholds_for",
]
