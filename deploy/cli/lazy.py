"""Groups of commands that are imported when one of them is asked for.

Much of `heroic` stands on the services' code, which takes a second to import; what needs no
server should not wait for it.
"""

from importlib import import_module
from typing import ClassVar

import typer
from typer.core import TyperGroup


class LazyGroup(TyperGroup):
    """A group that knows where its subgroups are: `GROUPS` names the module and the Typer in it."""

    GROUPS: ClassVar[dict[str, tuple[str, str]]] = {
        "import": ("imports", "commands"),
        "analyse": ("analyse", "commands"),
        "assess": ("assess", "commands"),
        "care-team": ("care", "care_team"),
        "client": ("care", "client"),
        "erasures": ("erasures", "commands"),
        "expected": ("expected", "commands"),
        "export": ("export", "commands"),
        "organisation": ("operators", "organisation"),
        "clinic": ("staff", "clinic"),
        "integration": ("machines", "integration"),
        "keys": ("keys", "commands"),
        "person": ("staff", "person"),
        "parked": ("parked", "commands"),
        "projections": ("projections", "commands"),
        "team": ("staff", "team"),
    }

    def list_commands(self, ctx: object) -> list[str]:
        """The names of all groups."""
        return list(self.GROUPS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperGroup | None:
        """The group of this name, imported now; None where there is none."""
        if cmd_name not in self.GROUPS:
            return None
        module, name = self.GROUPS[cmd_name]
        group = typer.main.get_group(getattr(import_module(f"deploy.cli.{module}"), name))
        group.name = cmd_name
        return group
