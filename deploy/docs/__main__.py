"""`python -m deploy.docs` writes what follows from the code; `--check` says what would change.

Neither lets an event change in a way that its stored events could not be read: that takes a new
schema version and an upcaster (`shared/contracts/upcasters.py`).
"""

import argparse
import sys

from deploy.docs.pages import ROOT, stale
from shared.contracts import CATALOGUE
from shared.contracts.compatibility import unreadable_changes
from shared.contracts.schema import committed


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit status is 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m deploy.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check

    problems = unreadable_changes(CATALOGUE, committed())
    for problem in problems:
        _say(f"incompatible: {problem}")
    if problems:
        _say("Give the event a new schema version and an upcaster.")
        return 1

    changed = stale()
    for page in changed:
        _say(f"{'stale' if check else 'wrote'}: {page.path.relative_to(ROOT)}")
        if not check:
            page.path.parent.mkdir(parents=True, exist_ok=True)
            page.path.write_text(page.text, "utf-8")
    if changed and check:
        _say("Run `make docs`.")
    return 1 if changed and check else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
