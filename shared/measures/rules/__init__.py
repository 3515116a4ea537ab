"""The rules, by their ids: pure functions of a series so far, a file for each kind of question.

What a rule is called, how loud it is and its numbers are data (`shared/measures/rule_sets/`);
`RECIPES` is the code behind the ids. Rules of time and sessions are in `episodes`.
"""

from shared.measures.rules import alliance, marks, progress, worse
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
    last_spared,
)

RECIPES: dict[str, Recipe] = worse.RECIPES | progress.RECIPES | alliance.RECIPES | marks.RECIPES
"""The rules on ratings."""

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
    "last_spared",
]
