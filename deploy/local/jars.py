"""The broker's jars: named and pinned in `kafka.lock`, fetched once, verified each time.

python -m deploy.local.jars lock    # resolves the coordinates again and rewrites the lock
"""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.errors import PinMismatch

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK = Path(__file__).with_name("kafka.lock")
BROKER = "org.apache.kafka:kafka_2.13:4.1.1"
# Lets the broker say why it died: without it its log goes nowhere. Taken alone, at the version of
# the broker's own log4j: its parents would change the broker's other versions.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
TIMEOUT_SECONDS = 60


def cache_directory() -> Path:
    """Where fetched jars stay: shared by every checkout of this user."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "heroic" / "maven"


def read_lock(lock: Path = LOCK) -> dict[str, str]:
    """Coordinate (`group:artifact:version`) to SHA-256 in hex."""
    lines = (line.split() for line in lock.read_text().splitlines() if not line.startswith("#"))
    return {line[0]: line[1] for line in lines}


def fetch(
    lock: Path = LOCK,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """The pinned jars on this machine, fetched where they are missing.

    Calls `progress(done, total)` after each fetched one. Raises `PinMismatch` where a file is not
    the pinned one; that file is removed, so that a damaged download heals at the next try.
    """
    pins = read_lock(lock)
    cache = cache or cache_directory()
    paths = {coordinate: cached_path(cache, coordinate) for coordinate in pins}
    missing = [coordinate for coordinate, path in paths.items() if not path.exists()]
    for done, coordinate in enumerate(missing, 1):
        resolve(maven_context(cache), coordinate)
        progress(done, len(missing))
    for coordinate, path in paths.items():
        if sha256(path) != pins[coordinate]:
            path.unlink()
            raise PinMismatch(f"{coordinate} is not the pinned file")
    return list(paths.values())


def cached_path(cache: Path, coordinate: str) -> Path:
    """Where a Maven cache keeps the jar of `coordinate`."""
    group, name, version = coordinate.split(":")
    return cache.joinpath(*group.split("."), name, version, f"{name}-{version}.jar")


def maven_context(cache: Path) -> "MavenContext":
    """The resolver, which trusts the certificates that this machine trusts."""
    # Imported here: a warm start fetches nothing, and these two take long to import.
    import truststore
    from jgo.maven import MavenContext

    truststore.inject_into_ssl()
    return MavenContext(repo_cache=cache, timeout=TIMEOUT_SECONDS)


def resolve(context: "MavenContext", coordinate: str) -> Path:
    """The local file of one coordinate."""
    group, name, version = coordinate.split(":")
    return Path(context.project(group, name).at_version(version).artifact().resolve())


def sha256(path: Path) -> str:
    """The file's digest in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_lock(lock: Path = LOCK) -> None:
    """Resolve everything that the broker needs and pin it."""
    from jgo.maven import Dependency

    context = maven_context(cache_directory())
    group, name, version = BROKER.split(":")
    broker = Dependency(context.project(group, name).at_version(version).artifact())
    inputs, transitive = context.resolver.resolve([broker])
    coordinates = {f"{dep.groupId}:{dep.artifactId}:{dep.version}" for dep in inputs + transitive}
    pins = [f"{pin} {sha256(resolve(context, pin))}" for pin in sorted({*coordinates, LOGGING})]
    header = "# Made by `python -m deploy.local.jars lock`: coordinate, SHA-256 of the jar."
    lock.write_text("\n".join([header, *pins]) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit(__doc__)
    write_lock()
