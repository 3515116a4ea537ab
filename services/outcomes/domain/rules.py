"""Deciding which rules judge: publishing a rule set, going back to an earlier one. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from services.outcomes.domain.standards import RulesName
from shared.contracts.outcomes import Rule, RuleSetPublished, RuleSetRolledBack
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.measures import RuleSet, default_rules, rule_sets
from shared.measures.checks.rules import read_rule_set

LEAST_LEAD = timedelta(seconds=60)
"""So long before it counts a rule set is published: whoever assesses a rating has seen it then."""

LEAD = timedelta(seconds=70)
"""Where nobody says from when on: the least, and the time that the command may take."""

RuleEvent = RuleSetPublished | RuleSetRolledBack


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set that an organisation would like. Without a `version` it gets the next one."""

    key: str
    version: int | None = None
    rules: list[Rule]
    effective_from: datetime | None = None


class Listed(NamedTuple):
    """A rule set as it is listed: since or from when it judges, if ever, and whether it does now.

    One that was rolled back to has the time of that. `published_by` is None for what ships.
    """

    rules: RuleSet
    effective_from: datetime | None
    in_force: bool
    published_by: str | None


def publish(
    history: Sequence[RuleEvent], wanted: Wanted, organisation_id: str, by: str, now: datetime
) -> RuleSetPublished | None:
    """The event that puts `wanted` in force; None where that very version has been published.

    Raises Invalid for rules that contradict themselves and for a time that is too soon, Conflict
    where the version is there with other rules.
    """
    known = known_sets(history)
    if wanted.version is not None and (wanted.key, wanted.version) in known:
        if known[wanted.key, wanted.version].rules == wanted.rules:
            return None
        raise Conflict("This version is there with other rules; without a version it gets one.")
    following = 1 + max(version for _, version in known)
    if wanted.version not in (None, following):
        detail = f"the next version is {following}"
        raise Invalid(errors=[FieldError("/version", detail, "bad_version")])
    rules = read_rule_set(RuleSet(key=wanted.key, version=following, rules=wanted.rules))
    return RuleSetPublished(
        organisation_id=organisation_id,
        key=rules.key,
        rule_set_version=rules.version,
        effective_from=beginning(wanted.effective_from, now),
        rules=rules.rules,
        published_by=by,
    )


def roll_back(
    history: Sequence[RuleEvent],
    name: RulesName,
    effective_from: datetime | None,
    organisation_id: str,
    by: str,
    now: datetime,
) -> RuleSetRolledBack:
    """The event that puts an earlier version, or one that ships, in force again.

    Raises NotFound where there is no such rule set, Invalid for a time that is too soon.
    """
    if name not in known_sets(history):
        raise NotFound("There is no such rule set.")
    key, version = name
    return RuleSetRolledBack(
        organisation_id=organisation_id,
        key=key,
        rule_set_version=version,
        effective_from=beginning(effective_from, now),
        rolled_back_by=by,
    )


def beginning(asked: datetime | None, now: datetime) -> datetime:
    """From when on it counts; Invalid where that is too soon, let alone in the past."""
    if asked is None:
        return now + LEAD
    if asked < now + LEAST_LEAD:
        detail = "must be at least 60 seconds ahead"
        raise Invalid(errors=[FieldError("/effective_from", detail, "too_soon")])
    return asked


def known_sets(history: Sequence[RuleEvent]) -> dict[RulesName, RuleSet]:
    """Every rule set that has been published or ships, by key and version."""
    found = dict(rule_sets())
    for event in history:
        if isinstance(event, RuleSetPublished):
            name = event.key, event.rule_set_version
            found[name] = RuleSet(key=event.key, version=event.rule_set_version, rules=event.rules)
    return found


def listed(history: Sequence[RuleEvent], present: RuleSet) -> list[Listed]:
    """What there is to be judged by: the default rule set and every one that was put in force, by
    version. `present` is the one in force.
    """
    default = default_rules()
    names = {(event.key, event.rule_set_version) for event in history}
    names.add((default.key, default.version))
    ordered = sorted(names, key=lambda name: (name[1], name[0]))
    return [described(history, name, present) for name in ordered]


def described(history: Sequence[RuleEvent], name: RulesName, present: RuleSet) -> Listed:
    """One rule set that is known, as it is listed."""
    about = [event for event in history if (event.key, event.rule_set_version) == name]
    by = [one.published_by for one in about if isinstance(one, RuleSetPublished)]
    return Listed(
        known_sets(history)[name],
        about[-1].effective_from if about else None,
        name == (present.key, present.version),
        by[-1] if by else None,
    )
