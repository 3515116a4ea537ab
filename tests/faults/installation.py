"""A toy service on parts of its own, whose processes can be killed, stopped and started."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil

from deploy.local.parts import Parts
from deploy.local.process import Child
from deploy.setup import databases
from deploy.setup.databases import DatabaseUrls
from shared.database import create_database
from shared.ids import new_id
from shared.migrations import upgrade_from
from shared.privacy import Keyring, migrate_keys
from shared.privacy.table import PostgresKeyTable
from shared.topics import ensure_topics, topic
from tests.conftest import ROLE_PASSWORDS
from tests.faults.checker import Checker, Findings
from tests.support.keyring import WRAPPING_KEY
from tests.support.paths import REPOSITORY
from tests.support.waiting import eventually_async

Clients = Sequence[tuple[str, str]]

PAUSE_SECONDS = 0.1

COUNTED = "SELECT COALESCE(sum(n), 0) FROM tallies WHERE stream LIKE 'feedback-%'"

MIGRATIONS = Path(__file__).with_name("toy") / "migrations"


@dataclass
class Stand:
    """PostgreSQL and Kafka that no other test uses."""

    parts: Parts
    children: list[Child]

    def restart(self, name: str, *, kill: bool) -> None:
        """End a part, brutally or not, and start it again; returns once it answers."""
        index = self._index(name)
        child, part = self.children[index], self.parts.all()[index]
        if kill:
            for one in self._processes(name):
                one.kill()
        else:
            child.stop()
        child.process.wait(60)
        self.children[index] = part.start()
        part.wait_ready(self.children[index])

    def freeze(self, name: str) -> None:
        """Stop a part (SIGSTOP): it is there, and does not answer."""
        for one in self._processes(name):
            one.suspend()

    def thaw(self, name: str) -> None:
        """Let it go on."""
        for one in self._processes(name):
            one.resume()

    def _processes(self, name: str) -> list[psutil.Process]:
        """All processes of a part: a server of many ends only with the last of them."""
        process = psutil.Process(self.children[self._index(name)].process.pid)
        return [process, *process.children(recursive=True)]

    def _index(self, name: str) -> int:
        return next(i for i, child in enumerate(self.children) if child.name == name)


@dataclass
class Toy:
    """One toy service and the commands that were given to it."""

    stand: Stand
    urls: DatabaseUrls
    keys: DatabaseUrls
    log: Path
    service: str = field(default_factory=lambda: f"toy-{uuid4().hex[:8]}")
    acknowledged: set[str] = field(default_factory=set)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        return os.environ | {
            "TOY_SERVICE": self.service,
            "TOY_DATABASE_URL": self.urls.app,
            "TOY_READER_URL": self.urls.reader,
            "TOY_KEYS_URL": self.keys.app,
            "TOY_KAFKA": self.stand.parts.kafka.bootstrap,
        }

    async def start(
        self, role: str, *, pipe: int | None = None, **settings: str
    ) -> asyncio.subprocess.Process:
        """Start a process of `role`, with `settings` of its own."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.faults.toy",
                role,
                cwd=REPOSITORY,
                env=self.environment | settings,
                stdin=pipe,
                stdout=pipe,
                stderr=log,
            )
        self.processes.append(process)
        return process

    async def start_worker(
        self, crash: str = "", *, instance: str = ""
    ) -> asyncio.subprocess.Process:
        """Start a worker that kills itself at `crash` if that is given; after a death, the next
        one of the same `instance` has its partitions at once."""
        return await self.start("worker", TOY_CRASH=crash, TOY_INSTANCE=instance)

    async def until_acknowledged(self, more: int) -> None:
        """Wait until so many more commands have been acknowledged."""
        wanted = len(self.acknowledged) + more

        async def enough() -> bool:
            return len(self.acknowledged) >= wanted

        await eventually_async(enough, 20)

    async def until_consumed(self) -> None:
        """Wait until as many events have been counted as are acknowledged now, and one more."""
        wanted = len(self.acknowledged) + 1

        async def counted() -> bool:
            # The database may be on its way down or up.
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await asyncpg.connect(self.urls.inspect)
                try:
                    return bool(await connection.fetchval(COUNTED) >= wanted)
                finally:
                    connection.terminate()
            return False

        await eventually_async(counted, 60)

    async def settled(self, seconds: float) -> Findings:
        """The findings, as soon as nothing is wrong or the time is over."""
        checker = Checker(self.urls.inspect, self.stand.parts.kafka.bootstrap, topic(self.service))
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            findings = await checker.check(self.acknowledged)
            if not findings.wrong or asyncio.get_running_loop().time() > deadline:
                return findings
            await asyncio.sleep(0.2)

    def last_words(self) -> str:
        """The end of what its processes said."""
        return self.log.read_text(errors="replace")[-4000:]


class Writer:
    """Gives commands to a writer process; starts it anew whenever it dies, and asks again."""

    def __init__(self, toy: Toy) -> None:
        self._toy = toy
        self._pending: dict[str, tuple[bytes, asyncio.Future[None]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self.deaths = 0

    async def submit(self, command: dict[str, str]) -> None:
        """Return once the command is acknowledged."""
        line = json.dumps(command).encode() + b"\n"
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending[command["key"]] = line, answered
        self._say(line)
        await answered
        self._toy.acknowledged.add(command["key"])

    async def run(self) -> None:
        """Keep a process alive until cancelled."""
        try:
            while True:
                self._process = await self._toy.start("writer", pipe=asyncio.subprocess.PIPE)
                for line, _ in list(self._pending.values()):
                    self._say(line)
                await self._listen(self._process)
                self.deaths += 1
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while raw := await process.stdout.readline():
            if not raw.endswith(b"\n"):
                break
            said = json.loads(raw)
            if said["key"] not in self._pending:
                # Asked twice, around a death, and answered already.
                continue
            line, answered = self._pending[said["key"]]
            if said["answer"] == "done":
                del self._pending[said["key"]]
                answered.set_result(None)
            else:
                asyncio.get_running_loop().call_later(0.1, self._say, line)
        await process.wait()

    def _say(self, line: bytes) -> None:
        process = self._process
        if process is not None and process.stdin is not None and process.returncode is None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                process.stdin.write(line)


async def write_until(enough: asyncio.Event, writer: Writer, clients: Clients) -> None:
    """Each client writes events, one after the other, until it is enough; all clients at once."""

    async def one(tenant: str, client: str) -> None:
        version = 0
        while not enough.is_set():
            version += 1
            command = {"tenant": tenant, "client": client, "key": new_id(), "version": str(version)}
            await writer.submit(command)
            await asyncio.sleep(PAUSE_SECONDS)

    await asyncio.gather(*(one(*client) for client in clients))


@asynccontextmanager
async def under_load(toy: Toy, clients: int = 20) -> AsyncIterator[Writer]:
    """Clients write for as long as the context is open; then everything is acknowledged."""
    writer, enough = Writer(toy), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(writer.run())
        load = group.create_task(write_until(enough, writer, await new_clients(toy, clients)))
        yield writer
        enough.set()
        await load
        running.cancel()


async def new_clients(toy: Toy, count: int) -> list[tuple[str, str]]:
    """Clients (tenant, id) of two tenants, with keys."""
    tenants = [new_id(), new_id()]
    clients = [(tenants[number % 2], new_id()) for number in range(count)]
    database = create_database(toy.keys.app)
    await Keyring(PostgresKeyTable(database), WRAPPING_KEY).create(clients)
    await database.dispose()
    return clients


@asynccontextmanager
async def open_toy(stand: Stand, folder: Path) -> AsyncIterator[Toy]:
    """A fresh toy; its processes are killed in the end."""
    admin = stand.parts.postgres.dsn
    names = [f"toy_{uuid4().hex[:8]}" for _ in range(2)]
    await databases.set_up(admin, ROLE_PASSWORDS, names)
    urls, keys = (databases.urls(admin, ROLE_PASSWORDS, name) for name in names)
    toy = Toy(stand, urls, keys, folder / "toy.log")
    await upgrade_from(MIGRATIONS, urls.owner)
    await migrate_keys(keys.owner)
    await ensure_topics(stand.parts.kafka.bootstrap, toy.service)
    try:
        yield toy
    finally:
        for process in toy.processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
