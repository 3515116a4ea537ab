"""A measure as an organisation has it: the versions that ship, continued by its own."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import msgspec

from shared.contracts import Event
from shared.contracts.feedback import (
    LicensedWording,
    MeasureContent,
    MeasurePublished,
    MeasureRetired,
    RetirementReason,
    WordingLicensed,
)
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.measures import Definition, definitions, read_definition
from shared.measures.checks.words import LANGUAGE, check_wording
from shared.measures.wording import Wording


class Measure(msgspec.Struct):
    """What is known of one key. `version` is that of its stream (0: the organisation never spoke).

    `definitions` are the versions that ship and the organisation's own, `published` is its newest
    own one (0: none). `wordings` are the words that it holds a licence for, by version and
    language.
    """

    key: str
    definitions: dict[int, Definition]
    version: int = 0
    published: int = 0
    retired: bool = False
    wordings: dict[tuple[int, str], LicensedWording] = {}

    @property
    def newest(self) -> int:
        """The version that new ratings are scored with: the organisation's own goes first."""
        return self.published or max(self.definitions, default=0)

    def at(self, version: int | None = None) -> Definition:
        """A version of the definition, the newest unless given; NotFound if there is none."""
        found = self.definitions.get(self.newest if version is None else version)
        if found is None:
            raise NotFound("There is no such measure.")
        return found

    def offered(self) -> Definition:
        """What new ratings are scored with; Invalid where none are taken."""
        if not self.definitions:
            raise Invalid(
                errors=[FieldError("/measure", "there is no such measure", "unknown_measure")]
            )
        if self.retired:
            raise Invalid(
                errors=[FieldError("/measure", "no new ratings are taken on it", "retired_measure")]
            )
        return self.at()

    def with_words(self, version: int | None = None) -> Definition:
        """As `at`, with the words that the organisation holds a licence for."""
        definition = self.at(version)
        words = {
            language: msgspec.json.decode(one.document, type=Wording)
            for (of, language), one in self.wordings.items()
            if of == definition.version
        }
        return msgspec.structs.replace(definition, wording=definition.wording | words)


@cache
def shipped() -> Mapping[str, Mapping[int, Definition]]:
    """The versions that ship, by key."""
    found: dict[str, dict[int, Definition]] = {}
    for (key, version), definition in definitions().items():
        found.setdefault(key, {})[version] = definition
    return found


@cache
def untouched() -> Mapping[str, Measure]:
    """The measures that ship, as every organisation has them that has said nothing of them."""
    return {key: fold(key, ()) for key in shipped()}


def fold(key: str, events: Iterable[tuple[int, Event]]) -> Measure:
    """The measure after what the organisation said of it, each event with its version."""
    measure = Measure(key, dict(shipped().get(key, {})))
    for version, event in events:
        evolve(measure, event)
        measure.version = version
    return measure


def evolve(measure: Measure, event: Event) -> None:
    """Take in one event; what is erased says nothing."""
    match event:
        case MeasurePublished(private=MeasureContent(document=document)):
            measure.definitions[event.definition_version] = read_definition(document.encode())
            measure.published = max(measure.published, event.definition_version)
            measure.retired = False
        case MeasureRetired():
            measure.retired = True
        case WordingLicensed(private=LicensedWording() as licensed):
            measure.wordings[event.definition_version, event.language] = licensed


def after(measure: Measure, event: Event) -> Measure:
    """The measure after one event more; `measure` stays as it is."""
    following = msgspec.structs.replace(
        measure,
        definitions=dict(measure.definitions),
        wordings=dict(measure.wordings),
        version=measure.version + 1,
    )
    evolve(following, event)
    return following


def publish(measure: Measure, definition: Definition, by: str) -> MeasurePublished | None:
    """Let new ratings be scored by `definition`; None where they are already.

    Raises Conflict where its version has other content, Invalid where it is not the next version
    or could not stand in one series with the ones before.
    """
    version, former = definition.version, measure.definitions.get(definition.version)
    if former == definition and not measure.retired:
        return None
    following = max(measure.definitions, default=0) + 1
    if former is not None and former != definition:
        raise Conflict(f"Version {version} says something else; the next one is {following}.")
    if former is None and version != following:
        raise Invalid(
            errors=[FieldError("/version", f"must be {following}, the next one", "not_next")]
        )
    if measure.definitions:
        problems = list(breaks(measure, measure.at(), definition))
        if problems:
            raise Invalid("It is another measure: give it a key of its own.", errors=problems)
    content = MeasureContent(document=msgspec.json.encode(definition).decode())
    return MeasurePublished(
        key=definition.key, definition_version=version, published_by=by, private=content
    )


def breaks(measure: Measure, former: Definition, definition: Definition) -> Iterator[FieldError]:
    """Why ratings scored by `former` and by `definition` could not be compared.

    Also where a form that ships asks about risk and the new version would be silent about it.
    """
    for name in ("kind", "better"):
        wanted = getattr(former, name)
        if getattr(definition, name) != wanted:
            yield FieldError(f"/{name}", f"must stay {wanted}", "other_measure")
    for name in ("low", "high"):
        wanted = getattr(former.total, name)
        if getattr(definition.total, name) != wanted:
            yield FieldError(f"/total/{name}", f"must stay {wanted}", "other_measure")
    asked = {one.item for one in definition.risk}
    for one in former.risk if measure.key in shipped() else ():
        if one.item not in asked:
            yield FieldError("/risk", f"item {one.item} must stay a risk item", "risk_dropped")


def retire(measure: Measure, reason: str, by: str) -> MeasureRetired | None:
    """Take no new ratings; None where none are taken already. Raises NotFound."""
    measure.at()
    if measure.retired:
        return None
    return MeasureRetired(key=measure.key, retired_by=by, private=RetirementReason(reason=reason))


def license_wording(
    measure: Measure, version: int | None, language: str, words: LicensedWording, by: str
) -> WordingLicensed | None:
    """Take the words of a form in a language; None where the same are there.

    Raises NotFound without such a version, Invalid where they do not fit its items.
    """
    definition = measure.at(version)
    if not LANGUAGE.fullmatch(language):
        raise Invalid(errors=[FieldError("/language", "is no language tag", "bad_language")])
    wording = msgspec.json.decode(words.document, type=Wording)
    problems = list(check_wording("/wording", definition, wording))
    if not wording.attribution.strip():
        problems.append(FieldError("/wording/attribution", "must not be empty", "no_attribution"))
    if problems:
        raise Invalid("The words do not fit the items.", errors=problems)
    if measure.wordings.get((definition.version, language)) == words:
        return None
    return WordingLicensed(
        key=measure.key,
        definition_version=definition.version,
        language=language,
        uploaded_by=by,
        private=words,
    )
