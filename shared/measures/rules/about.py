"""What every rule is given, and what it gives back. Scores are integer tenths.

A rule is compiled once for a definition, an age group and a curve: its thresholds become whole
tenths there (8.46 points: 85 tenths reach it, 84 do not), so that a rating costs a few integer
comparisons. What it remembers of the ratings before lies in the `Series` under its own names.
"""

from collections.abc import Callable
from decimal import Decimal
from math import floor
from typing import Literal, NamedTuple

import msgspec

from shared.contracts.outcomes import Requirement, Rule, Severity, SignalKind, Verdict
from shared.measures.definition import Cutoff, Definition, ReliableChange
from shared.measures.expected import Curve
from shared.measures.scoring import points


class Series(msgspec.Struct, array_like=True):
    """What is remembered of a series, in tenths, after `ordinal` scored ratings.

    The fields after `previous` are each written by the one rule that is named.
    """

    ordinal: int = 0
    baseline: int = 0
    previous: int = 0
    drop_from: int | None = None
    """session_drop: the score before the fall that is not over yet."""
    recent: tuple[int, ...] = ()
    """The latest scores, newest last, as many as the rules look back."""
    best: int = 0
    """lost_gain: the best score so far."""
    gain: tuple[int, int] | None = None
    """lost_gain: from where to where the best sudden gain so far went."""
    is_lost: bool = False
    """lost_gain: it held and is not over."""
    is_early_open: bool = False
    """no_early_change: it held and is not over."""
    is_stalled_open: bool = False
    """stalled: it held and is not over."""
    far_off: int = 0
    """off_track: ratings in a row beyond the percentile of the high severity."""
    off: int = 0
    """off_track: ratings in a row beyond the percentile of the medium severity."""
    turns: int = 0
    """volatile: large steps that count."""
    direction: int = 0
    """volatile: the sign of the last of them."""
    at_target: int = 0
    """target_reached: ratings in a row at the target."""


class Finding(NamedTuple):
    """What a rule found in a rating: it holds, for these reasons. `severity` None: the rule's."""

    inputs: dict[str, int]
    thresholds: dict[str, str]
    text: str
    counterfactual: str
    severity: Severity | None = None


Quiet = Literal["not evaluated", "no", "over"]
"""The rule was not evaluated; it does not hold; it does not, and what it raised is over."""

NOT_EVALUATED: Quiet = "not evaluated"
NO: Quiet = "no"
OVER: Quiet = "over"


class Rated(NamedTuple):
    """The score that is looked at (tenths).

    `outcome_gain` is for rules on the alliance: how much better (tenths; worse is negative) the
    episode's primary measure is than its baseline at that moment; None where that is unknown.
    `session` counts the held sessions up to the one that the form is about; None: by the ratings.
    """

    total: int
    outcome_gain: int | None = None
    session: int | None = None


Evaluate = Callable[[Series, Rated], Finding | Quiet]
"""Looks at the next score of a series: `ordinal`, `baseline` and `recent` already count it,
`previous` is the one before. It writes only its own fields of the series."""


class About(NamedTuple):
    """What a rule is compiled for.

    `reliable_change` and `cutoff` are those of the person and rater, None where none is known;
    `curve` is a fitted one, None where none is in force.
    """

    definition: Definition
    rule: Rule
    reliable_change: ReliableChange | None
    cutoff: Cutoff | None
    curve: Curve | None

    @property
    def sign(self) -> int:
        """+1 where a higher score is better, else -1."""
        return self.definition.sign

    @property
    def reliable(self) -> ReliableChange:
        """The reliable change, which the rule requires."""
        if self.reliable_change is None:
            raise ValueError(f"{self.rule.id} was compiled without a reliable change")
        return self.reliable_change

    @property
    def clinical(self) -> Cutoff:
        """The cutoff, which the rule requires."""
        if self.cutoff is None:
            raise ValueError(f"{self.rule.id} was compiled without a cutoff")
        return self.cutoff

    @property
    def fitted(self) -> Curve:
        """The fitted curve, which the rule requires."""
        if self.curve is None:
            raise ValueError(f"{self.rule.id} was compiled without a curve")
        return self.curve

    def threshold(self, name: str) -> Decimal:
        """A threshold of the rule, the measure's own where it has one."""
        own = self.own(name)
        return self.rule.thresholds[name] if own is None else own

    def own(self, name: str) -> Decimal | None:
        """The measure's own threshold of this name."""
        return self.rule.by_measure.get(self.definition.key, {}).get(name)

    def whole(self, name: str) -> int:
        """A threshold that counts something."""
        return int(self.threshold(name))

    def spared(self, bound: float, *, reached: bool = True) -> str:
        """In words: which scores would not have fired, where `bound` (tenths) would.

        Not `reached`: `bound` itself would not have fired either.
        """
        score = last_spared(self.definition, bound, reached=reached)
        if score not in self.definition.total.grid:
            return "Every score would have fired."
        side = "above" if self.sign > 0 else "below"
        return f"At {points(score)} or {side} it would not have fired."


class Recipe(NamedTuple):
    """What the code behind a rule's id does and needs: a rule set must agree with it.

    `compile` is None for rules that look at more than the ratings of one series.
    `thresholds` are those that a rule must give, `by_measure` those that it must give for each
    measure that it is for, `optional` those that it may. `least` is the first ordinal at which it
    can say anything; None: it does not read `least_ratings`. `places`: it works at given ordinals.
    """

    kind: SignalKind
    compile: Callable[[About], Evaluate] | None = None
    needs: tuple[Requirement, ...] = ()
    thresholds: tuple[str, ...] = ()
    by_measure: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    least: int | None = None
    places: bool = False
    alliance: bool = False


def last_spared(definition: Definition, bound: float, *, reached: bool = True) -> int:
    """The worst score on the scale's grid that is better than `bound` (tenths).

    Not `reached`: `bound` itself counts as spared. The answer may lie beyond the ends of the
    scale, where nobody is spared.
    """
    grid, sign = definition.total.grid, definition.sign
    steps = sign * (bound - grid.start) / grid.step
    whole = floor(steps)
    if reached or whole != steps:
        whole += 1
    return grid.start + sign * whole * grid.step


def quiet(rule: Rule, *, cleared: bool = False) -> Verdict:
    """The rule was evaluated and does not hold; `cleared`: what it raised is over."""
    return Verdict(
        rule=rule.id,
        rule_version=rule.version,
        kind=rule.kind,
        severity=rule.severity,
        holds=False,
        cleared=cleared,
    )


def holds(rule: Rule, found: Finding, kind: SignalKind | None = None) -> Verdict:
    """The rule holds, and why; `kind` where it is told as another than its own."""
    return Verdict(
        rule=rule.id,
        rule_version=rule.version,
        kind=kind or rule.kind,
        severity=found.severity or rule.severity,
        holds=True,
        inputs=found.inputs,
        thresholds=found.thresholds,
        text=found.text,
        counterfactual=found.counterfactual,
    )
