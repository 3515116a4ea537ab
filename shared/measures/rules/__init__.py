"""The rules, by their ids: pure functions of a series so far, a file for each kind of question.

What a rule is called, how loud it is and its numbers are data (`shared/measures/rule_sets/`);
`RECIPES` is the code behind the ids. Rules of time and sessions are in `episodes`.
"""

from shared.measures.rules import alliance, episodes, marks, progress, worse
from shared.measures.rules.about import (
    NO,
    NOT_EVALUATED,
    OVER,
    About,
    Evaluate,
    Finding,
    Quiet,
    Rated,
    Recipe,
    Series,
    holds,
    last_spared,
    quiet,
)

RECIPES: dict[str, Recipe] = (
    worse.RECIPES | progress.RECIPES | alliance.RECIPES | marks.RECIPES | episodes.RECIPES
)
"""Every rule that a rule set may name. Risk items are in none: nobody may turn them down."""

__all__ = [
    "NO",
    "NOT_EVALUATED",
    "OVER",
    "RECIPES",
    "About",
    "Evaluate",
    "Finding",
    "Quiet",
    "Rated",
    "Recipe",
    "Series",
    "holds",
    "last_spared",
    "quiet",
]
