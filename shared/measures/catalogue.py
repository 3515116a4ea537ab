"""The definitions and rule sets that ship with the software, read once."""

from functools import cache
from importlib.resources import files

import msgspec

from shared.errors import NotFound
from shared.measures.definition import Definition
from shared.measures.rule_set import RuleSet


@cache
def definitions() -> dict[tuple[str, int], Definition]:
    """Every definition that ships, by key and version."""
    folder = files("shared.measures") / "definitions"
    documents = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".json")),
        key=lambda file: file.name,
    )
    found = (msgspec.json.decode(file.read_bytes(), type=Definition) for file in documents)
    return {(definition.key, definition.version): definition for definition in found}


@cache
def newest() -> dict[str, Definition]:
    """The newest version of every measure, by key."""
    ordered = sorted(definitions().values(), key=lambda definition: definition.version)
    return {definition.key: definition for definition in ordered}


def measure(key: str, version: int | None = None) -> Definition:
    """The definition of `key`, the newest unless `version` is given; NotFound if there is none."""
    found = newest().get(key) if version is None else definitions().get((key, version))
    if found is None:
        raise NotFound("There is no such measure.")
    return found


@cache
def default_rules() -> RuleSet:
    """The rule set that is in force unless an organisation publishes another."""
    file = files("shared.measures") / "rule_sets" / "default-1.json"
    return msgspec.json.decode(file.read_bytes(), type=RuleSet)
