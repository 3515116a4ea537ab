"""Start the three parts alone and keep them until told to stop: what tests stand on.

    python -m deploy.local.keep FOLDER      # prints nothing; FOLDER/env.sh says where they are

`. FOLDER/env.sh` then makes tests use them (`HEROIC_STACK=external`).
"""

import shlex
import signal
import sys
from pathlib import Path

from deploy.local.parts import Parts, parts_below, stop_all


def write_environment(parts: Parts, file: Path) -> None:
    """The shell lines that point tests at `parts`; the file is readable by its owner only."""
    values = {
        "HEROIC_STACK": "external",
        "HEROIC_POSTGRES_DSN": parts.postgres.dsn,
        "HEROIC_KAFKA": parts.kafka.bootstrap,
        "HEROIC_REDIS_URL": parts.redis.url,
    }
    file.touch(mode=0o600)
    file.write_text("".join(f"export {k}={shlex.quote(v)}\n" for k, v in values.items()))


def keep(home: Path) -> None:
    """Run the parts below `home` until SIGTERM or SIGINT, or until one of them ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
    parts = parts_below(home)
    parts.prepare()
    children = parts.start()
    write_environment(parts, home / "env.sh")
    try:
        while all(child.exit_code is None for child in children):
            if signal.sigwait({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}) != signal.SIGCHLD:
                break
    finally:
        stop_all(children)
        (home / "env.sh").unlink()


if __name__ == "__main__":
    keep(Path(sys.argv[1]).absolute())
