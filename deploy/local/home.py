"""The folder of one local installation (`.heroic/`, or `HEROIC_HOME`), and who holds it."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from deploy.local.errors import AlreadyRunning, PortTaken
from deploy.local.ports import free_ports, is_free, listen_at
from deploy.setup.databases import ROLES
from deploy.setup.secrets import (
    new_key_encryption_key,
    new_password,
    new_signing_keys,
    write_private,
)

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8080
HOLD_SECONDS = 1  # longer than anybody looks whether the home is held


@dataclass(frozen=True)
class Home:
    """Paths below one home. All of it is readable by its owner only."""

    path: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """`HEROIC_HOME`, else `.heroic/` in the checkout; made where it is missing."""
        path = Path(os.environ.get("HEROIC_HOME") or REPOSITORY / ".heroic").absolute()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(path)

    @property
    def up_file(self) -> Path:
        """What the outside reads; there only while everything answers."""
        return self.path / "up.json"

    @property
    def organisations_file(self) -> Path:
        """The sample organisations with their secrets, which intake keeps only as hashes."""
        return self.path / "organisations.json"

    @property
    def people_file(self) -> Path:
        """The ids of the sample people of the first organisation."""
        return self.path / "people.json"

    @property
    def signing_keys(self) -> Path:
        """The private keys with which intake signs tokens (a JWK set)."""
        return self.path / "secrets" / "signing-keys.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor as long as it lives; holds its pid."""
        return self.path / "supervisor.lock"

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.path / "logs" / f"{name}.log"

    def secrets(self) -> "Secrets":
        """The secrets of this installation, made at the first call."""
        file = self.path / "secrets" / "secrets.json"
        if not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            write_json(self.signing_keys, new_signing_keys())
            write_json(file, new_secrets())
        values = json.loads(file.read_text())
        return Secrets(values["role_passwords"], values["key_encryption_key"])

    def port(self, name: str) -> int:
        """The port of the last run where it is still free, else another."""
        known = self._known_ports().get(name)
        port = known if known and is_free(known) else free_ports(1)[0]
        self._remember_port(name, port)
        return port

    def listener(self, given: int | None) -> socket.socket:
        """A socket that listens for the web: at `given`, else at the port of the last run, else at
        8080, else at any free one. It is ours from now on: no other stack can answer in our name.

        Raises `PortTaken` where `given` is not free.
        """
        candidates = [given] if given else [self._known_ports().get("web"), DEFAULT_PORT, 0]
        for port in candidates:
            if port is not None and (listener := listen_at(port)):
                self._remember_port("web", listener.getsockname()[1])
                return listener
        raise PortTaken(f"port {given} is in use")

    def _known_ports(self) -> dict[str, int]:
        file = self.path / "web-ports.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def _remember_port(self, name: str, port: int) -> None:
        write_json(self.path / "web-ports.json", self._known_ports() | {name: port})

    def holder(self) -> int | None:
        """The pid of the supervisor that holds this home; None where nobody does."""
        try:
            with self.lock_file.open("r+") as file:
                return None if locked(file) else int(file.read() or 0) or None
        except FileNotFoundError:
            return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold this home; raises `AlreadyRunning`. The lock ends with the process, however."""
        with self.lock_file.open("a+") as file:
            deadline = time.monotonic() + HOLD_SECONDS
            while not locked(file):
                if time.monotonic() > deadline:
                    raise AlreadyRunning(f"{self.path} is in use")
                time.sleep(0.05)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def locked(file: TextIO) -> bool:
    """Whether this process could take the lock of `file`, which it keeps until it closes it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True)
class Secrets:
    """What processes get by their environment, never by their arguments."""

    role_passwords: dict[str, str]
    key_encryption_key: str  # base64 of 32 bytes


def new_secrets() -> dict[str, object]:
    """Fresh random secrets."""
    return {
        "role_passwords": {role: new_password() for role in ROLES},
        "key_encryption_key": new_key_encryption_key(),
    }


def write_json(file: Path, value: object) -> None:
    """Write JSON that only its owner may read."""
    write_private(file, json.dumps(value, indent=2))
