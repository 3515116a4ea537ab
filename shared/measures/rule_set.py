"""A rule set as data: which rules judge, in which version, with which numbers, from when on."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.contracts.outcomes import AppliesTo, Rule, RuleSetPublished, RuleSetRolledBack

__all__ = ["AppliesTo", "Effective", "Rule", "RuleSet", "in_force", "published"]


class RuleSet(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The rules of one version, in the order in which their verdicts are given."""

    key: str
    version: int
    rules: list[Rule]


class Effective(msgspec.Struct, frozen=True):
    """A rule set and the moment from which what is recorded is judged by it."""

    effective_from: datetime
    rules: RuleSet


def published(
    events: Iterable[RuleSetPublished | RuleSetRolledBack], *shipped: RuleSet
) -> list[Effective]:
    """What an organisation put in force, in the order of its stream.

    `shipped` sets can be rolled back to as well; KeyError for what was never published.
    """
    known = {(one.key, one.version): one for one in shipped}
    found = []
    for event in events:
        name = event.key, event.rule_set_version
        if isinstance(event, RuleSetPublished):
            known[name] = RuleSet(key=event.key, version=event.rule_set_version, rules=event.rules)
        found.append(Effective(event.effective_from, known[name]))
    return found


def in_force(history: Iterable[Effective], recorded_at: datetime, default: RuleSet) -> RuleSet:
    """The rule set that judges a rating recorded then: the last that had begun, in the order of
    their beginnings; the `default` before the first."""
    begun = [one for one in history if one.effective_from <= recorded_at]
    # The later of two with the same beginning is the one that counts.
    return max(reversed(begun), key=lambda one: one.effective_from).rules if begun else default
