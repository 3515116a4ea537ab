"""One series, judged rating after rating: each by what was in force when it was recorded.

The ratings before are remembered as the rating's own rule set and definition remember them. Of a
fitted curve that is not so: each rating meets the one that was in force for itself, so that no
curve is ever applied to what was recorded before it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from services.outcomes.domain import alliance
from services.outcomes.domain.assessor_state import Context
from services.outcomes.domain.standards import RulesName, Standards
from services.outcomes.domain.state import Care, Rating, Said, Series, Session
from shared.contracts.outcomes import Assessment
from shared.measures import Definition, RuleSet, assess
from shared.measures import Series as Tail
from shared.measures.expected import Curve

Name = tuple[int, RulesName]
"""A version of the definition and a rule set: what a tail belongs to."""


class Basis(NamedTuple):
    """What a score (tenths) is judged by."""

    total: int
    definition: Definition
    rules: RuleSet

    @property
    def name(self) -> Name:
        """By which it is known again."""
        return self.definition.version, (self.rules.key, self.rules.version)


class Judged(NamedTuple):
    """A rating's assessment, what it was judged by, and the tail of the series after it."""

    rating: Rating
    assessment: Assessment
    basis: Basis
    curve: Curve | None
    tail: Tail


class About(NamedTuple):
    """What the judging of one series needs to know beside its ratings.

    `rules_for` gives the rule set of a rating, `outcome` is the series on the primary measure
    where this one is about the alliance.
    """

    standards: Standards
    context: Context
    rules_for: Callable[[Rating], RuleSet]
    sex: str | None = None
    is_alliance: bool = False
    held: list[Session] = []  # noqa: RUF012 - nobody writes to it
    outcome: Series | None = None


class Start(NamedTuple):
    """Where to go on: after so many ratings, with this tail, which belongs to that name."""

    ratings: int = 0
    tail: Tail = Tail()
    name: Name | None = None


def about(
    standards: Standards,
    context: Context,
    rules_for: Callable[[Rating], RuleSet],
    of: Series,
    said: Said,
    care: Care,
    sex: str | None,
    *,
    is_alliance: bool,
) -> About:
    """All that judging `of` needs."""
    if not is_alliance:
        return About(standards, context, rules_for, sex)
    outcome = alliance.outcome_series(said.series, context[1], of)
    held = alliance.held_sessions(care)
    return About(standards, context, rules_for, sex, is_alliance, held, outcome)


def judged(series: Series, what: About, start: Start) -> Iterator[Judged]:
    """The assessments of the ratings from `start` on, of those with a score and a definition."""
    tail, name = start.tail, start.name
    for place in range(start.ratings, len(series.ratings)):
        rating = series.ratings[place]
        basis = basis_of(series, rating, what)
        if basis is None:
            continue
        if name != basis.name:
            tail, name = tail_before(series, place, basis, what), basis.name
        tail, assessment, curve = assess_one(series, rating, tail, basis, what)
        yield Judged(rating, assessment, basis, curve, tail)


def basis_of(series: Series, rating: Rating, what: About) -> Basis | None:
    """What the rating is judged by; None for one without a score, or whose definition has not
    arrived yet: then it is as if the rating had not."""
    definition = what.standards.definition(series.measure, rating.definition_version)
    if definition is None or rating.total is None:
        return None
    return Basis(rating.total, definition, what.rules_for(rating))


def tail_before(series: Series, place: int, basis: Basis, what: About) -> Tail:
    """The ratings before `place` as `basis` remembers them."""
    tail = Tail()
    for rating in series.ratings[:place]:
        own = basis_of(series, rating, what)
        if own is not None:
            tail, _, _ = assess_one(series, rating, tail, basis._replace(total=own.total), what)
    return tail


def assess_one(
    series: Series, rating: Rating, tail: Tail, basis: Basis, what: About
) -> tuple[Tail, Assessment, Curve | None]:
    """The tail with the rating in it, what is said of it, and the curve that was in force."""
    age_group, primary, late = what.context
    standards = what.standards
    # A curve is of clients' own ratings.
    curve = (
        standards.curve_at(series.measure, age_group, rating.recorded_at)
        if series.rater_kind == "self" and not late
        else None
    )
    session, gain = (
        alliance.standing_at(rating, what.held, what.outcome, standards.definitions)
        if what.is_alliance
        else alliance.UNKNOWN
    )
    tail, assessment = assess(
        basis.definition,
        basis.rules,
        tail,
        basis.total,
        age_group=age_group,
        primary=series.measure == primary,
        late_baseline=late,
        curve=curve,
        outcome_gain=gain,
        session=session,
        sex=what.sex,
        rater=series.rater_kind,
    )
    return tail, assessment, curve
