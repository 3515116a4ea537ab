"""The local stack's commands, behind `make run`, `make up`, `make down` and `make clean`.

python -m deploy.local run     in the foreground; Ctrl-C stops everything
python -m deploy.local up      detached; returns once everything answers
python -m deploy.local down    stops what `up` started, keeps the data
python -m deploy.local clean   stops it and removes the data
"""

import shutil
import sys

from deploy.local.detached import down, up
from deploy.local.errors import NotAHome
from deploy.local.home import Home
from deploy.local.supervisor import Stopped, Supervisor
from shared.errors import HeroicError


def say(line: str) -> None:
    """A line for people, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(home: Home) -> None:
    """Everything in the foreground until a signal."""
    try:
        Supervisor(home, say).run()
    except Stopped:
        say("Stopped")


def clean(home: Home) -> None:
    """Stop, then forget everything; raises `NotAHome` rather than remove somebody's folder."""
    down(home, say)
    if not home.lock_file.exists() and any(home.path.iterdir()):
        raise NotAHome(f"{home.path} was not made by Heroic: nothing removed")
    shutil.rmtree(home.path)


def main() -> None:
    """Run the command that the arguments name."""
    commands = {
        "run": run,
        "up": lambda home: up(home, say),
        "down": lambda home: down(home, say),
        "clean": clean,
    }
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        commands[sys.argv[1]](Home.from_environment())
    except HeroicError as error:
        sys.exit(f"heroic: {error}")


if __name__ == "__main__":
    main()
