"""The definitions, wordings and rule sets that ship with the software, read once."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from shared.errors import NotFound
from shared.measures.definition import Definition
from shared.measures.rule_set import RuleSet
from shared.measures.wording import Wording

FOLDER = files("shared.measures") / "definitions"
RULE_SETS = files("shared.measures") / "rule_sets"


@cache
def definitions() -> dict[tuple[str, int], Definition]:
    """Every definition that ships, with its wordings, by key and version."""
    words = wordings()
    found = (msgspec.json.decode(file.read_bytes(), type=Definition) for file in documents(FOLDER))
    return {
        (one.key, one.version): msgspec.structs.replace(
            one, wording=words.get(f"{one.key}-{one.version}", {})
        )
        for one in found
    }


@cache
def wordings() -> dict[str, dict[str, Wording]]:
    """The wordings that ship, by "key-version" and by language: `phq-9-1.en.json`."""
    found: dict[str, dict[str, Wording]] = {}
    for file in documents(FOLDER / "wording"):
        form, language, _ = file.name.split(".")
        document = msgspec.json.decode(file.read_bytes(), type=Wording)
        found.setdefault(form, {})[language] = document
    return found


def documents(folder: Traversable) -> Iterator[Traversable]:
    """The JSON files of a folder, by name."""
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".json"):
            yield file


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
def rule_sets() -> dict[tuple[str, int], RuleSet]:
    """Every rule set that ships, by key and version."""
    found = (msgspec.json.decode(file.read_bytes(), type=RuleSet) for file in documents(RULE_SETS))
    return {(one.key, one.version): one for one in found}


@cache
def default_rules() -> RuleSet:
    """The rule set that is in force unless an organisation publishes another: the newest."""
    return max(rule_sets().values(), key=lambda one: one.version)
