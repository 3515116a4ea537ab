"""Options that may be repeated, each time with one of a few words."""

from collections.abc import Callable, Sequence

import typer


def one_of(words: Sequence[str]) -> Callable[[list[str] | None], list[str] | None]:
    """The callback of an option; a word that is none of `words` ends the command."""

    def check(given: list[str] | None) -> list[str] | None:
        for word in given or ():
            if word not in words:
                raise typer.BadParameter(f"{word} is none of {', '.join(words)}.")
        return given

    return check
