"""Starts everything in order, watches it, stops it in order. One process, one screen of log.

Whatever happens to this process, its children end with it (`launch.py`).
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from socket import socket
from types import FrameType
from typing import NoReturn

import httpx

from deploy.local import up_file
from deploy.local.environment import Environment
from deploy.local.errors import PartFailed
from deploy.local.home import REPOSITORY, Home
from deploy.local.parts import stop_all
from deploy.local.ports import LOOPBACK
from deploy.local.process import Child, check, spawn, wait_until
from deploy.local.sample import sample_organisations, sample_sign_in, simulator_command
from deploy.local.stacks import open_stack
from deploy.setup.databases import SERVICES

# The service and the role of each worker process. The rules of alerts have one of their own, so
# that nothing but risk items is before a risk item.
WORKERS = [*((service, "worker") for service in SERVICES), ("alerts", "rules")]

READY_SECONDS = 180
WATCH_SECONDS = 0.2

Say = Callable[[str], None]


class Stopped(Exception):
    """Somebody asked this process to end."""


@dataclass
class Supervisor:
    """One run of the stack below `home`; `say` gets a line for people at each step."""

    home: Home
    say: Say
    services: list[Child] = field(default_factory=list)
    simulator: Child | None = None
    metrics_ports: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        """Start, announce, watch until told to stop. Raises `PartFailed`, `AlreadyRunning`."""
        signal.signal(signal.SIGTERM, raise_stopped)
        signal.signal(signal.SIGINT, raise_stopped)
        with self.home.held(), ExitStack() as cleanup:
            try:
                self._run(cleanup)
            finally:
                ignore_signals()

    def _run(self, cleanup: ExitStack) -> NoReturn:
        """What is registered last is undone first: `up.json`, the services, the parts."""
        self.home.up_file.unlink(missing_ok=True)
        given = os.environ.get("HEROIC_PORT")
        listener = cleanup.enter_context(self.home.listener(int(given) if given else None))
        self.metrics_ports = {
            name: self.home.port(f"{name}-metrics") for name in ("web", *map("-".join, WORKERS))
        }
        self.say("Starting PostgreSQL, Redis and Kafka")
        stack = cleanup.enter_context(open_stack(self.home.path, self._jars_fetched))
        cleanup.callback(self._stop_services)
        environment = Environment(
            self.home, stack, self.home.secrets(), port=listener.getsockname()[1]
        )
        self._prepare(environment)
        self._start_services(environment, listener)
        organisations = sample_organisations(environment)
        self._wait_for_services(environment)
        cleanup.callback(self.home.up_file.unlink, missing_ok=True)
        self._announce(environment, organisations)
        self._watch([*stack.children, *self.services])

    def _jars_fetched(self, done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            self.say(f"Fetching Apache Kafka (once): {done} of {total} files")

    def _prepare(self, environment: Environment) -> None:
        """Databases, tables and topics."""
        self.say("Preparing databases")
        setup = spawn(
            "setup",
            [sys.executable, "-m", "deploy.setup"],
            self.home.log("setup"),
            environment=environment.setup(),
            directory=REPOSITORY,
        )
        if setup.process.wait() != 0:
            raise PartFailed(setup.name, setup.last_words())

    def _start_services(self, environment: Environment, listener: socket) -> None:
        """The web process and the workers; they are not ready yet."""
        self.say("Starting the services")
        with listener:  # from here on it is the web process's alone
            web = environment.web(self.metrics_ports["web"])
            descriptor = listener.fileno()
            self._serve("web", ["deploy.local.web", str(descriptor)], web, keep=(descriptor,))
        for service, role in WORKERS:
            name = f"{service}-{role}"
            worker = environment.worker(service, self.metrics_ports[name])
            if role != "worker":
                del worker[f"HEROIC_{service.upper()}_READER_URL"]  # which is for the relay
            self._serve(name, [f"services.{service}", role], worker)

    def _wait_for_services(self, environment: Environment) -> None:
        """Until every page answers and every consumer has its partitions."""
        web, *workers = self.services
        for (service, _), worker in zip(WORKERS, workers, strict=True):
            url = f"{environment.public_url}/{service}/health/ready"
            wait_until(web, partial(answers, url), READY_SECONDS)
            metrics = f"http://{LOOPBACK}:{self.metrics_ports[worker.name]}/metrics"
            wait_until(worker, partial(consumes, metrics), READY_SECONDS)
        check(self.services)

    def _serve(
        self,
        name: str,
        module: list[str],
        environment: Mapping[str, str],
        keep: tuple[int, ...] = (),
    ) -> None:
        self.services.append(
            spawn(
                name,
                [sys.executable, "-m", *module],
                self.home.log(name),
                environment=environment,
                directory=REPOSITORY,
                keep=keep,
            )
        )

    def _announce(
        self, environment: Environment, organisations: list[up_file.Organisation]
    ) -> None:
        """Say where things are, write `up.json`, start the simulator."""
        simulated = os.environ.get("HEROIC_SAMPLE") != "0"
        sign_in = sample_sign_in(environment, client=simulated)
        for line in up_file.addresses(environment, sign_in):
            self.say(line)
        up_file.write(environment, organisations, sign_in)
        if simulated:
            self.simulator = spawn(
                "simulator",
                simulator_command(self.home),
                self.home.log("simulator"),
                environment=environment.plain(),
                directory=REPOSITORY,
            )

    def _watch(self, children: list[Child]) -> NoReturn:
        """Until `Stopped` is raised by a signal, or `PartFailed` because a child ended."""
        while True:
            check(children)
            if self.simulator is not None and self.simulator.exit_code is not None:
                words = self.simulator.last_words()
                self.say(f"The simulator ended ({self.simulator.exit_code}): {words}")
                self.simulator = None
            time.sleep(WATCH_SECONDS)

    def _stop_services(self) -> None:
        simulator = [self.simulator] if self.simulator else []
        self.say("Stopping")
        stop_all([*simulator, *self.services])


def answers(url: str) -> bool:
    """Whether a GET answers 200 now."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def consumes(metrics_url: str) -> bool:
    """Whether a worker's metrics say that all of its consumers (if any) have their partitions."""
    try:
        text = httpx.get(metrics_url, timeout=2, trust_env=False).text
    except httpx.TransportError:
        return False
    ready = [line for line in text.splitlines() if line.startswith("heroic_consumer_ready{")]
    return all(float(line.split()[-1]) == 1 for line in ready)


def raise_stopped(_signal: int, _frame: FrameType | None) -> NoReturn:
    """A signal handler: unwind from wherever we are."""
    raise Stopped


def ignore_signals() -> None:
    """From here on nothing interrupts the stopping (twice Ctrl-C is common)."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
