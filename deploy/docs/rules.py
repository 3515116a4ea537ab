"""The rules (in docs/measures.md): what each says, with which numbers, and how it ends."""

import inspect
from collections.abc import Iterator

from shared.contracts.outcomes import Rule
from shared.measures import RuleSet
from shared.measures.rules import RECIPES, episodes

INTRODUCTION = """\
## Rules

Which rules judge, how loudly and with which numbers is data (`shared/measures/rule_sets/`); an
organisation can publish its own set, which is refused where it contradicts itself. What a rule does
is a pure function of the series so far (`shared/measures/rules/`). Below, D is how much better the
score is than the first one, and RC the measure's reliable change. Rules that alert do so for an
episode's primary measure; of other measures they are marks on the chart. A rule is not evaluated
where something that it needs is not known, and only ratings on which it was evaluated count.

Risk items are in no rule set, since nobody may turn them down: any risk item of 1 or more alerts,
urgently; one that was skipped on a form that asks it alerts, too; only a person's review ends it.
"""

ENDS = {
    "absent_on_consecutive_ratings": "{count} evaluated ratings in a row without it",
    "score_is_back": "the score is back within the reliable change of where it was",
    "reliably_better_or_change_agreed": "reliably better than at first, or a change agreed",
    "cause_is_gone": "the cause is gone",
    "never_open": "opens nothing",
    "reviewed": "a named person's review",
}


def rules_section(rules: RuleSet) -> str:
    """The rules of a set as Markdown, in its order."""
    head = [
        INTRODUCTION,
        f"### Rule set `{rules.key}`, version {rules.version}\n",
        "| rule | what it says | needs | numbers | ends |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *map(row, rules.rules), ""])


def row(rule: Rule) -> str:
    """One rule as a line of the table."""
    scope = ", ".join(rule.applies_to.measures) or rule.applies_to.kind
    needs = ", ".join(one.replace("_", " ") for one in rule.requires)
    cells = [
        f"`{rule.id}` {rule.version}: {rule.kind}, {rule.severity}; {scope}",
        meaning(rule.id),
        needs,
        "; ".join(numbers(rule)),
        ENDS[rule.resolves_when].format(count=rule.ends_after) if rule.resolves_when else "",
    ]
    return f"| {' | '.join(cells)} |"


def meaning(rule: str) -> str:
    """What the code of a rule says of itself."""
    code = RECIPES[rule].compile or getattr(episodes, rule)
    return " ".join((inspect.getdoc(code) or "").split())


def numbers(rule: Rule) -> Iterator[str]:
    """The rule's numbers, those of single measures last."""
    if rule.at:
        yield f"at ratings {', '.join(map(str, rule.at))}"
    elif rule.least_ratings > 1:
        yield f"from rating {rule.least_ratings} on"
    for name, value in rule.thresholds.items():
        yield f"{name.replace('_', ' ')} {value}"
    for measure, own in rule.by_measure.items():
        for name, value in own.items():
            yield f"{name.replace('_', ' ')} {value} ({measure})"
