"""The supervisor in the background: start it, wait for it, stop it."""

import os
import signal
import subprocess
import sys
import time

from deploy.local.errors import PartFailed
from deploy.local.home import REPOSITORY, Home
from deploy.local.process import is_alive
from deploy.local.supervisor import Say

UP_SECONDS = 600  # the first time fetches the broker
DOWN_SECONDS = 90
POLL_SECONDS = 0.1


def up(home: Home, say: Say) -> None:
    """Start a supervisor where none runs; returns once `up.json` is there. Raises `PartFailed`."""
    log = home.log("supervisor")
    log.parent.mkdir(mode=0o700, exist_ok=True)
    seen = log.stat().st_size if log.exists() else 0
    supervisor = None
    if home.holder() is None:
        home.up_file.unlink(missing_ok=True)  # left by one that was killed
        supervisor = start_supervisor(home)
    deadline = time.monotonic() + UP_SECONDS
    if supervisor is None and home.up_file.exists():
        say(f"Already up: {home.up_file}")
    while not (home.up_file.exists() and home.holder()):
        seen = report(home, seen, say)
        gone = supervisor is None or supervisor.poll() is not None
        if gone and home.holder() is None:
            report(home, seen, say)
            raise PartFailed("supervisor", f"ended before everything answered; see {log}")
        if time.monotonic() > deadline:
            raise PartFailed("supervisor", f"not ready after {UP_SECONDS} s; see {log}")
        time.sleep(POLL_SECONDS)
    report(home, seen, say)


def start_supervisor(home: Home) -> subprocess.Popen[bytes]:
    """A supervisor that nothing ties to this terminal, its lines in its log."""
    with home.log("supervisor").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "run"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            env=os.environ | {"HEROIC_HOME": str(home.path)},
            start_new_session=True,
        )


def report(home: Home, seen: int, say: Say) -> int:
    """Say what the supervisor said since byte `seen`; returns the new end."""
    with home.log("supervisor").open("rb") as file:
        file.seek(seen)
        new = file.read()
    for line in new.decode(errors="replace").splitlines():
        say(line)
    return seen + len(new)


def down(home: Home, say: Say) -> None:
    """Stop the supervisor and with it everything; returns once all of it is gone."""
    pid = home.holder()
    if pid is None:
        say("Nothing runs")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while is_alive(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)  # its children end with it
        time.sleep(POLL_SECONDS)
    say("Down")
