"""Sample data for a local stack, until stopped: `python -m deploy.sample --up-file up.json`."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from deploy.cli.installation import Chosen, default_up_file
from deploy.sample.simulator import simulate
from shared.errors import HeroicError

MOST_CLIENTS = 40


def main(
    up_file: Annotated[Path | None, typer.Option(help="The `up.json` of the stack.")] = None,
    clients: Annotated[int, typer.Option(min=1, max=MOST_CLIENTS)] = MOST_CLIENTS,
    seed: Annotated[int, typer.Option(help="The same seed, the same clients.")] = 1,
    per_second: Annotated[float, typer.Option(min=0.01, max=100, help="Live ratings.")] = 1.0,
    clinician: Annotated[str | None, typer.Option(help="The id of who leads them.")] = None,
) -> None:
    """Register invented clients, fill in their past, then submit ratings until stopped."""
    signal.signal(signal.SIGTERM, stop)
    site = Chosen(up_file or default_up_file()).site()
    try:
        simulate(site, clients=clients, seed=seed, per_second=per_second, clinician_id=clinician)
    except HeroicError as error:
        sys.exit(f"sample: {error.detail}")
    except KeyboardInterrupt:
        stop(signal.SIGINT, None)


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """To be stopped is how it is meant to end."""
    raise SystemExit(0)


if __name__ == "__main__":
    typer.run(main)
