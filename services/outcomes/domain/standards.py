"""What the ratings of an organisation are judged by: definitions, rule sets and curves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.contracts.intake import AgeGroup
from shared.measures import Definition, RuleSet, default_rules, definitions, rule_sets
from shared.measures.expected import Curve
from shared.measures.expected import in_force as curve_in_force
from shared.measures.rule_set import Effective
from shared.measures.rule_set import in_force as rules_in_force

Definitions = Mapping[tuple[str, int], Definition]
"""Definitions by key and version."""

RulesName = tuple[str, int]
"""A rule set by key and version."""


class Standards(NamedTuple):
    """What one organisation published, and what ships, which stands where it published nothing.

    `definitions` are its own and the shipped ones; `rule_sets` what it put in force, in the order
    of its stream; `curves` its fitted ones.
    """

    definitions: Definitions
    default: RuleSet
    rule_sets: Sequence[Effective] = ()
    curves: Mapping[tuple[str, AgeGroup], Sequence[Curve]] = {}

    def definition(self, key: str, version: int) -> Definition | None:
        """The definition that a rating was scored with; None where it has not arrived yet."""
        return self.definitions.get((key, version))

    def knows(self, key: str) -> bool:
        """Whether there is any version of such a measure."""
        return any(key == known for known, _ in self.definitions)

    def rules_at(self, recorded_at: datetime) -> RuleSet:
        """The rules that judge what was recorded then."""
        return rules_in_force(self.rule_sets, recorded_at, self.default)

    def rules_named(self, name: RulesName) -> RuleSet | None:
        """A rule set that has been in force; None where there is none of that name."""
        for one in self.rule_sets:
            if (one.rules.key, one.rules.version) == name:
                return one.rules
        if name == (self.default.key, self.default.version):
            return self.default
        return rule_sets().get(name)

    def curve_at(
        self, measure: str, age_group: AgeGroup | None, recorded_at: datetime
    ) -> Curve | None:
        """The fitted curve for a rating recorded then: never one that came into force later."""
        if age_group is None or not self.curves:
            return None
        return curve_in_force(self.curves.get((measure, age_group), ()), recorded_at)


def shipped(rules: RuleSet | None = None) -> Standards:
    """What ships; with `rules` in place of the default rule set."""
    return Standards(definitions(), rules or default_rules())
