"""The whole platform as `make up` starts it, for tests that go through the front door."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.paths import REPOSITORY

COMMAND_SECONDS = 180


@dataclass(frozen=True)
class Heroic:
    """One installation below `home`: two organisations, no sample data."""

    home: Path

    @property
    def up_file(self) -> Path:
        """The file that the command line reads (`--up-file`)."""
        return self.home / "up.json"

    @property
    def up(self) -> dict[str, Any]:
        """What `up.json` says."""
        loaded: dict[str, Any] = json.loads(self.up_file.read_text())
        return loaded

    @property
    def environment(self) -> dict[str, str]:
        """What commands need to find this installation and no other."""
        own = {"HEROIC_HOME": str(self.home), "HEROIC_SAMPLE": "0", "HEROIC_STACK": "local"}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("HEROIC_")}
        return inherited | own

    def make(self, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `up`, `down` or `clean` to its end, and until nobody holds its output."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", target],
            env=self.environment | environment,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def supervisor(self) -> psutil.Process:
        """The process that holds this installation."""
        return psutil.Process(int((self.home / "supervisor.lock").read_text()))

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all below it."""
        supervisor = self.supervisor()
        return [supervisor, *supervisor.children(recursive=True)]
