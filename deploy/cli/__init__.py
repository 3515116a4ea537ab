"""`heroic`: the operators' command line. It acts through the same calls as everybody."""

import sys

from deploy.cli.commands import commands
from shared.errors import HeroicError


def app() -> None:
    """Run a command; an error of ours ends it with its words and exit code 1."""
    try:
        commands()
    except HeroicError as error:
        sys.stderr.write(f"heroic: {error.detail}\n")
        for one in error.errors:
            sys.stderr.write(f"  {one.pointer}: {one.detail}\n")
        raise SystemExit(1) from error
