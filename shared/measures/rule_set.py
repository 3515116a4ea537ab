"""A rule set as data: which rules are evaluated, in which version, and how loud they are."""

import msgspec

from shared.contracts.outcomes import Severity, SignalKind


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. It is evaluated from the rating with ordinal `least_ratings` on.

    A state ends after `ends_after` evaluated ratings in a row on which it did not hold.
    """

    id: str
    version: int
    kind: SignalKind
    severity: Severity
    least_ratings: int = 1
    ends_after: int = 1


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one version, in the order in which their verdicts are given."""

    key: str
    version: int
    rules: list[Rule]
