"""Clients, their consents, and how a client is named."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from services.intake.intents import DecideConsent, Ref
from shared.contracts.intake import (
    ClientDetails,
    Contact,
    Identifier,
    MeasuringState,
    Purpose,
    Relation,
    Sight,
)
from shared.web import ApiModel, Day, ExternalId, Id, Name, UtcTime, Words

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""A word of some list, never free text."""
Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", max_length=35)
]
Reason = Annotated[Words, Field(min_length=1)]
"""Why, in somebody's words."""
MAX_FEW = 20


class IdentifierModel(ApiModel):
    """A number of the outside world."""

    system: Name
    value: Name

    def plain(self) -> Identifier:
        """The same for the domain."""
        return Identifier(self.system, self.value)


class ContactModel(ApiModel):
    """A way to reach a client."""

    channel: Code
    value: Name
    allowed: bool
    quiet_hours: Name | None = None

    def plain(self) -> Contact:
        """The same for the domain."""
        return Contact(self.channel, self.value, self.allowed, self.quiet_hours)


class ClientModel(ApiModel):
    """A client; every field may be left out, and a correction replaces only what it names.

    `as_of` is when they were so: what was so earlier does not correct what was so later.
    """

    external_id: ExternalId | None = None
    identifiers: list[IdentifierModel] = Field(default=[], max_length=MAX_FEW)
    given_name: Name | None = None
    family_name: Name | None = None
    birth_date: Day | None = None
    sex_for_norms: Code | None = None
    language: Language | None = None
    contacts: list[ContactModel] = Field(default=[], max_length=MAX_FEW)
    as_of: UtcTime | None = None

    def details(self) -> ClientDetails:
        """The details as a whole."""
        return ClientDetails(
            external_id=self.external_id,
            identifiers=[one.plain() for one in self.identifiers],
            given_name=self.given_name,
            family_name=self.family_name,
            birth_date=self.birth_date,
            sex_for_norms=self.sex_for_norms,
            language=self.language,
            contacts=[one.plain() for one in self.contacts],
        )

    def changes(self) -> dict[str, object]:
        """The fields that were named."""
        details = self.details()
        fields = ClientDetails.__struct_fields__
        return {name: getattr(details, name) for name in self.model_fields_set.intersection(fields)}


class SearchModel(ApiModel):
    """Looks for a client by one of the two."""

    identifier: IdentifierModel | None = None
    external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.identifier is None) == (self.external_id is None):
            raise ValueError("Either identifier or external_id is needed.")
        return self


class ConsentModel(ApiModel):
    """A client's decision about one purpose."""

    purpose: Purpose
    given: bool
    at: UtcTime | None = None
    given_by: Name | None = None
    wording_version: Name | None = None

    def intent(self, client: Ref, if_match: int | None = None) -> DecideConsent:
        """What is asked for."""
        return DecideConsent(
            client=client,
            if_match=if_match,
            purpose=self.purpose,
            given=self.given,
            at=self.at,
            given_by=self.given_by,
            wording_version=self.wording_version,
        )


class MeasuringModel(ApiModel):
    """Whether a client is measured."""

    state: MeasuringState
    reason: Words | None = None


class RelatedModel(ApiModel):
    """Somebody close to a client, and what they may see."""

    relation: Relation
    name: Name | None = None
    may_see: list[Sight] = Field(default=[], max_length=2)

    def sight(self) -> tuple[Sight, ...]:
        """What they may see: whoever sees words sees the outcomes that they belong to."""
        if "words" in self.may_see:
            return ("outcomes", "words")
        return ("outcomes",) if self.may_see else ()


class MergeModel(ApiModel):
    """Who the client is, and why that is known."""

    into: Id
    reason: Reason


class UnmergeModel(ApiModel):
    """Why the client is somebody else after all."""

    reason: Reason


class ClientRefModel(ApiModel):
    """Names a client by our id or the caller's."""

    client_id: Id | None = None
    client_external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _one_client(self) -> Self:
        if (self.client_id is None) == (self.client_external_id is None):
            raise ValueError("Either client_id or client_external_id is needed.")
        return self

    def client(self) -> Ref:
        """The client that is meant."""
        return Ref(id=self.client_id, external_id=self.client_external_id)
