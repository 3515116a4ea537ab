"""Every call of the platform as it can be made: what it speaks of, and a body that it takes.

`{name}` in a path and `<name>` in a body are things of a `World`: one's own, another
organisation's, or unknown ones.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import FastAPI

from shared.ids import new_id
from shared.web.openapi import PUBLIC
from tests.integration.access.examples import EXAMPLES, Example

About = Literal["client", "organisation", "nothing"]

NDJSON = "application/x-ndjson"
THING = re.compile(r"<([\w ]+)>|\{(\w+)\}")
OF_CLIENTS = {
    "client",
    "other_client",
    "episode",
    "session",
    "rating",
    "alert",
    "related",
    "request",
}
"""Things that are within reach where their client is."""


@dataclass(frozen=True)
class Call:
    """One operation, and how it is called."""

    service: str
    method: str
    path: str
    permission: str
    example: Example

    @property
    def name(self) -> str:
        """As the table in the docs names it."""
        return f"{self.method} /{self.service}{self.path}"

    @property
    def things(self) -> set[str]:
        """What it speaks of, but for what it makes."""
        found = THING.findall(self.path + json.dumps([self.example.body, self.example.lines]))
        return {thing_of(a or b) for a, b in found} - {"new", "new_key", "role"}

    @property
    def is_public(self) -> bool:
        """Whether anybody may call it."""
        return self.permission == PUBLIC

    @property
    def about(self) -> About:
        """Whose what it speaks of is: a client's, the organisation's, or it speaks of nothing."""
        if self.example.about is not None:
            return self.example.about
        if not self.things:
            return "nothing"
        return "client" if self.things & OF_CLIENTS else "organisation"

    def filled(
        self, things: Mapping[str, str], *, machine: bool = True
    ) -> tuple[str, dict[str, Any]]:
        """The address, and what goes with it for httpx; a machine also says for whom it acts."""
        example = self.example
        things = {**things, **{name: things[other] for name, other in example.names.items()}}
        address = f"/{self.service}{fill(self.path, things)}{fill(example.query, things)}"
        options: dict[str, Any] = {}
        if example.lines:
            content = "\n".join(fill(json.dumps(line), things) for line in example.lines)
            options = {"content": content, "headers": {"Content-Type": NDJSON}}
        elif example.form is not None:
            options = {"data": {key: fill(text, things) for key, text in example.form.items()}}
        elif example.body is not None:
            body = example.body | example.machine if machine and example.machine else example.body
            options = {"json": json.loads(fill(json.dumps(body), things))}
        return address, options


def thing_of(name: str) -> str:
    """The thing that a name in a path stands for."""
    return {"key": "measure"}.get(name, name.removesuffix("_id"))


def fill(text: str, things: Mapping[str, str]) -> str:
    """`text` with things for their names, and `<new>` never the same twice."""

    def found(match: re.Match[str]) -> str:
        name = thing_of(match[1] or match[2])
        if name == "new":
            return new_id()
        return f"m-{new_id()[-12:]}" if name == "new_key" else things[name]

    # A document in JSON has braces of its own: there names are in <>.
    is_document = text.startswith(("{", "["))
    return re.sub(r"<([\w ]+)>()" if is_document else THING, found, text)


def calls(apps: Mapping[str, FastAPI]) -> Iterator[Call]:
    """Every operation of every document, with its example."""
    for service, app in apps.items():
        for path, operations in app.openapi()["paths"].items():
            for method, operation in operations.items():
                name = f"{method.upper()} /{service}{path}"
                needs_one = "requestBody" in operation
                example = EXAMPLES[name] if needs_one else EXAMPLES.get(name, Example())
                yield Call(service, method.upper(), path, operation["x-permission"], example)


def call_named(apps: Mapping[str, FastAPI], name: str) -> Call:
    """The operation of that name."""
    return next(call for call in calls(apps) if call.name == name)


def streams(call: Call) -> bool:
    """Whether the answer goes on until one of the two ends it."""
    return call.path.endswith("/stream")
