"""Run the benchmarks and write `build/bench.json`.

    python -m tests.benchmarks            # all
    ONLY=append,relay python -m tests.benchmarks

A benchmark is a module of this package with `NAMES`, the names of its figures, and
`async def run(environment) -> dict[name, Result]`. Each runs by itself, one after the other.
`ROUNDS` says how often each measurement is repeated (default 3).
"""

import importlib
import os
import pkgutil
import sys
import time
from pathlib import Path
from types import ModuleType

import msgspec
import uvloop

from tests import benchmarks
from tests.benchmarks.harness import Environment, Result
from tests.stack import open_stack

OUTPUT = Path(__file__).parents[2] / "build" / "bench.json"


def modules(only: set[str]) -> list[ModuleType]:
    """The benchmarks with a figure in `only`; all where that is empty."""
    found = []
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if info.name.startswith("_") or info.name == "harness":
            continue
        module = importlib.import_module(f"{benchmarks.__name__}.{info.name}")
        if hasattr(module, "NAMES") and (not only or only & {info.name, *module.NAMES}):
            found.append(module)
    return found


async def measure(module: ModuleType, environment: Environment) -> dict[str, Result]:
    """The figures of one benchmark."""
    try:
        results: dict[str, Result] = await module.run(environment)
        return results
    finally:
        await environment.drop_databases()


def save(results: dict[str, Result], file: Path) -> None:
    """Write the figures beside those that are there from before."""
    file.parent.mkdir(exist_ok=True)
    known = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
    known |= msgspec.to_builtins(results)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(known, order="sorted"), indent=2))


def main() -> None:
    """Measure what ONLY names."""
    only = {name.strip() for name in os.environ.get("ONLY", "").split(",") if name.strip()}
    chosen = modules(only)
    if not chosen:
        sys.exit(f"no benchmark is named {', '.join(sorted(only))}")
    with open_stack() as stack:
        for module in chosen:
            name = module.__name__.rpartition(".")[2]
            sys.stderr.write(f"{name}\n")
            started = time.monotonic()
            environment = Environment(
                stack.postgres_admin_dsn,
                stack.kafka,
                stack.redis_url,
                rounds=int(os.environ.get("ROUNDS", "3")),
            )
            results = uvloop.run(measure(module, environment))
            save(results, OUTPUT)
            for key, result in results.items():
                against = f" = {result.ratio} x {result.baseline:,.1f}" if result.ratio else ""
                sys.stderr.write(f"{key}: {result.value:,.2f} {result.unit}{against}\n")
            sys.stderr.write(f"{name}: {time.monotonic() - started:.0f} s\n")


if __name__ == "__main__":
    main()
