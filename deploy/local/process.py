"""Child processes that never outlive this one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from deploy.local.errors import PartFailed

LAUNCHER = Path(__file__).with_name("launch.py")
TAIL_BYTES = 4000


def package_folder(package: str) -> Path:
    """Where an installed package lies. It is not imported: that makes folders and warnings."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PartFailed(package, "is not installed")
    return Path(spec.submodule_search_locations[0])


@dataclass(frozen=True)
class Identity:
    """The user that a child runs as; `search` as in `launch.py`. No name: the present user."""

    user: str = "-"
    search: bool = False


@dataclass
class Child:
    """A running child process and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int  # bytes of earlier runs
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def exit_code(self) -> int | None:
        """None while the child runs, else its exit code (negative: the signal that ended it)."""
        return self.process.poll()

    def stop(self) -> None:
        """Ask the child to end; does not wait."""
        if self.exit_code is None:
            self.process.send_signal(self.stop_signal)

    def finish(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds, then kill; returns whether the child ended by itself."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def last_words(self) -> str:
        """The end of what the child logged, for a report of why it died."""
        own = self.log.read_bytes()[self.log_start :]
        return own[-TAIL_BYTES:].decode(errors="replace").strip()


def launch_command(
    command: Sequence[str | Path], death_signal: signal.Signals, identity: Identity
) -> list[str]:
    """`command` behind the launcher that ties it to this process."""
    mode = "search" if identity.search else "plain"
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid())]
    return [*launcher, str(int(death_signal)), identity.user, mode, *map(str, command)]


def spawn(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    identity: Identity = Identity(),
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals = signal.SIGKILL,
    directory: Path | None = None,
    keep: tuple[int, ...] = (),
) -> Child:
    """Start `command` in a session of its own, its output appended to `log`.

    `keep` are open descriptors that the child inherits under the same numbers.
    Call it from the main thread: the kernel ties the child to the calling thread's life.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        log_start = output.tell()
        process = subprocess.Popen(
            launch_command(command, death_signal, identity),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=directory,
            start_new_session=True,
            pass_fds=keep,
        )
    return Child(name, process, log, log_start, stop_signal)


def run(name: str, command: Sequence[str | Path], *, identity: Identity = Identity()) -> None:
    """Run `command` to its end; raises `PartFailed` with its output where it fails."""
    result = subprocess.run(
        launch_command(command, signal.SIGKILL, identity),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode != 0:
        raise PartFailed(name, result.stdout.decode(errors="replace").strip()[-TAIL_BYTES:])


def check(children: Sequence[Child]) -> None:
    """Raise `PartFailed` for the first child that has ended."""
    for child in children:
        if child.exit_code is not None:
            raise PartFailed(child.name, f"ended with {child.exit_code}: {child.last_words()}")


def is_alive(pid: int, name: str | None = None) -> bool:
    """Whether a process runs under `pid` (and is the program `name`), zombies left out."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and name in (None, process.name())
    except psutil.NoSuchProcess:
        return False


def wait_until(child: Child, ready: Callable[[], bool], timeout: float) -> None:
    """Poll `ready` until it holds; raises `PartFailed` where the child dies or time runs out."""
    deadline = time.monotonic() + timeout
    while not ready():
        if child.exit_code is not None:
            raise PartFailed(child.name, f"ended with {child.exit_code}: {child.last_words()}")
        if time.monotonic() > deadline:
            raise PartFailed(child.name, f"not ready after {timeout:g} s: {child.last_words()}")
        time.sleep(0.05)
