"""Rules on the alliance: prompts to talk, in the room. A low score is welcome, never a mark."""

from shared.measures.rules.about import (
    NO,
    NOT_EVALUATED,
    About,
    Evaluate,
    Finding,
    Quiet,
    Rated,
    Recipe,
    Series,
)
from shared.measures.scoring import points
from shared.measures.thresholds import nearest_reaching


def alliance_low(about: About) -> Evaluate:
    """Prompt: on the low side of the measure's cutoff."""
    least, cutoff = about.rule.least_ratings, about.clinical

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal < least:
            return NOT_EVALUATED
        if not cutoff.is_clinical(rated.total):
            return NO
        return Finding(
            {"latest": rated.total},
            {"cutoff": str(cutoff.value)},
            f"{about.definition.title}: {points(rated.total)}. Something about the session could "
            "be different; it is worth asking what.",
            about.spared(cutoff.edge),
        )

    return evaluate


def alliance_drop(about: About) -> Evaluate:
    """Prompt: fallen by so much since the last session."""
    least, sign = max(about.rule.least_ratings, 2), about.sign
    threshold = about.threshold("fall")
    fall = nearest_reaching(threshold * 10, ">=")

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal < least:
            return NOT_EVALUATED
        if sign * (series.previous - rated.total) < fall:
            return NO
        return Finding(
            {"previous": series.previous, "latest": rated.total},
            {"fall": str(threshold)},
            f"{about.definition.title}: {points(rated.total)} after {points(series.previous)} "
            "the last time. It is worth asking what was different.",
            about.spared(series.previous - sign * fall),
        )

    return evaluate


def alliance_ceiling(about: About) -> Evaluate:
    """Prompt: the best score there is, early on, while D < 0 of the primary measure."""
    sessions, sign = about.whole("sessions"), about.sign
    grid = about.definition.total.grid
    top = grid[-1] if sign > 0 else grid[0]

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if (rated.session or series.ordinal) > sessions or rated.outcome_gain is None:
            return NOT_EVALUATED
        if rated.total != top or rated.outcome_gain >= 0:
            return NO
        return Finding(
            {"latest": rated.total, "outcome_gain": rated.outcome_gain},
            {"top": points(top)},
            f"{about.definition.title}: {points(top)}, the best there is, while things got worse "
            f"by {points(-rated.outcome_gain)}. It may be hard to say what could be different.",
            "Any lower score would not have fired."
            if sign > 0
            else "Any higher score would not have fired.",
        )

    return evaluate


RECIPES = {
    "alliance_low": Recipe("prompt", alliance_low, needs=("cutoff",), least=1, alliance=True),
    "alliance_drop": Recipe("prompt", alliance_drop, thresholds=("fall",), least=2, alliance=True),
    "alliance_ceiling": Recipe(
        "prompt",
        alliance_ceiling,
        needs=("outcome_series",),
        thresholds=("sessions",),
        alliance=True,
    ),
}
