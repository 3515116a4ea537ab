"""The real parts and the real processes, each of which can be killed, stopped and started.

Not by the supervisor, which ends everything when one process dies.
"""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import NamedTuple

import asyncpg
import httpx
import psutil

from deploy.local import up_file
from deploy.local.environment import Environment
from deploy.local.home import Home
from deploy.local.parts import Parts, parts_below, stop_all
from deploy.local.ports import LOOPBACK, free_ports, listen_at
from deploy.local.process import Child, spawn
from deploy.local.sample import sample_organisations
from deploy.local.stacks import Stack
from deploy.local.supervisor import WORKERS
from deploy.setup.databases import SERVICES, with_database
from tests.support.paths import REPOSITORY
from tests.support.waiting import eventually_async

READY_SECONDS = 60
AIM_SECONDS = 10

OPEN_TRANSACTIONS = """
SELECT count(*) FROM pg_stat_activity WHERE client_port = ANY($1) AND state = 'idle in transaction'
"""

UNPUBLISHED = """
SELECT count(*) FROM events e, relay_checkpoint c WHERE (e.xid, e.position) > (c.xid, c.position)
"""


class Struck(NamedTuple):
    """What a process had under way when it was hit: open transactions, events to publish."""

    name: str
    transactions: int
    unpublished: int


@dataclass
class Platform:
    """One installation. `listener` is the web's socket: it outlives the web process."""

    home: Home
    parts: Parts
    children: list[Child]
    environment: Environment
    listener: socket
    processes: dict[str, Child] = field(default_factory=dict)
    metrics: dict[str, int] = field(default_factory=dict)
    struck: list[Struck] = field(default_factory=list)

    @property
    def workers(self) -> list[str]:
        """The names of the worker processes, one of each."""
        return ["-".join(one) for one in WORKERS]

    def start(self, name: str, *, dies: str = "") -> Child:
        """Start `web`, the worker `<service>-<role>` or another one of it, `<service>-<role>-2`;
        with `dies`, a worker that kills itself at that point of an erasure."""
        if name == "web":
            descriptor = self.listener.fileno()
            module, environment = ["deploy.local.web", str(descriptor)], self.environment.web(0)
        else:
            service, role, *_ = name.split("-")
            [self.metrics[name]] = free_ports(1)
            module = [f"services.{service}", role]
            if dies:
                module = ["tests.faults.dying", dies, *module]
            environment = self.environment.worker(service, self.metrics[name])
        child = spawn(
            name,
            [sys.executable, "-m", *module],
            self.home.log(name),
            environment=environment,
            directory=REPOSITORY,
            keep=(self.listener.fileno(),) if name == "web" else (),
        )
        self.processes[name] = child
        return child

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes[name].process
        process.kill()
        assert process.wait(10) == -signal.SIGKILL

    async def strike(self, name: str, chance: random.Random, *, in_transaction: bool) -> None:
        """Stop a worker (SIGSTOP) in the middle of a batch, or with events that it has not
        published: looked for at random moments until it is so."""
        process = psutil.Process(self.processes[name].process.pid)
        deadline = asyncio.get_running_loop().time() + AIM_SECONDS
        while True:
            process.suspend()
            struck = Struck(name, await self._transactions(process), await self._unpublished(name))
            if struck.transactions if in_transaction else struck.unpublished:
                self.struck.append(struck)
                return
            assert asyncio.get_running_loop().time() < deadline, f"{struck} is not what was sought"
            process.resume()
            await asyncio.sleep(chance.uniform(0.001, 0.05))

    async def restart_part(self, name: str) -> None:
        """Kill PostgreSQL or Kafka, and start it again; returns once it answers."""
        index = next(i for i, child in enumerate(self.children) if child.name == name)
        process = psutil.Process(self.children[index].process.pid)
        for one in [process, *process.children(recursive=True)]:
            one.kill()
        self.children[index].process.wait(10)
        part = self.parts.all()[index]
        self.children[index] = child = part.start()
        await asyncio.to_thread(part.wait_ready, child)

    async def until_consuming(self, name: str) -> None:
        """Wait until every consumer of a worker has partitions."""
        url = f"http://{LOOPBACK}:{self.metrics[name]}/metrics"

        async def consuming() -> bool:
            try:
                async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
                    lines = (await http.get(url)).text.splitlines()
            except httpx.TransportError:
                return False
            ready = [line for line in lines if line.startswith("heroic_consumer_ready{")]
            return bool(ready) and all(line.endswith(" 1.0") for line in ready)

        await eventually_async(consuming, READY_SECONDS)

    async def until_ready(self) -> None:
        """Wait until every page answers and the consumers have their partitions."""

        async def answers() -> bool:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
                base = self.environment.public_url
                urls = [f"{base}/{service}/health/ready" for service in SERVICES]
                answered = await asyncio.gather(*map(http.get, urls), return_exceptions=True)
            return all(isinstance(a, httpx.Response) and a.is_success for a in answered)

        await eventually_async(answers, READY_SECONDS)
        for name in self.workers:
            # Intake's consumes nothing.
            if name != "intake-worker":
                await self.until_consuming(name)

    async def fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of a service's database, as the superuser sees them."""
        url = with_database(self.parts.postgres.dsn, f"heroic_{service}")
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            connection.terminate()

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run `heroic` for this installation; its exit code and what it said."""
        inherited = self.environment.plain()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deploy.cli",
            "--up-file",
            str(self.home.up_file),
            *arguments,
            cwd=REPOSITORY,
            env={name: value for name, value in inherited.items() if "HEROIC_" not in name},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    def last_words(self) -> str:
        """The end of what the processes said."""
        return "\n".join(f"{n}: {c.last_words()[-1500:]}" for n, c in self.processes.items())

    async def _transactions(self, process: psutil.Process) -> int:
        connections = process.net_connections(kind="tcp")
        port = self.parts.postgres.port
        ports = [one.laddr.port for one in connections if one.raddr and one.raddr.port == port]
        return int((await self.fetch("intake", OPEN_TRANSACTIONS, ports))[0][0])

    async def _unpublished(self, name: str) -> int:
        return int((await self.fetch(name.split("-")[0], UNPUBLISHED))[0][0])


@asynccontextmanager
async def open_platform(folder: Path) -> AsyncIterator[Platform]:
    """A fresh installation below `folder`; whatever it started is gone in the end."""
    home = Home(folder)
    parts = parts_below(home.path)
    parts.prepare()
    children = parts.start()
    listener = listen_at(0)
    assert listener is not None
    stack = Stack(parts.postgres.dsn, parts.kafka.bootstrap, parts.redis.url)
    environment = Environment(home, stack, home.secrets(), port=listener.getsockname()[1])
    platform = Platform(home, parts, children, environment, listener)
    try:
        await set_up(platform)
        up_file.write(environment, sample_organisations(environment), {})
        await platform.until_ready()
        yield platform
    finally:
        for name in platform.processes:
            platform.processes[name].process.kill()
        for child in platform.processes.values():
            child.process.wait(10)
        stop_all(platform.children)
        listener.close()


async def set_up(platform: Platform) -> None:
    """Databases, tables and topics; then the processes start."""
    setup = spawn(
        "setup",
        [sys.executable, "-m", "deploy.setup"],
        platform.home.log("setup"),
        environment=platform.environment.setup(),
        directory=REPOSITORY,
    )
    code = await asyncio.to_thread(setup.process.wait, READY_SECONDS)
    assert code == 0, setup.last_words()
    for name in ("web", *platform.workers):
        platform.start(name)


async def patiently(question: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait until it is so; the database may be on its way down or up."""

    async def asked() -> bool:
        try:
            return await question()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    await eventually_async(asked, seconds)
