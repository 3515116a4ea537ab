"""Clinics and people."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.web import ApiModel, Name


class ClinicModel(ApiModel):
    """A place of work."""

    name: Name
    timezone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]


class PersonModel(ApiModel):
    """A member of staff."""

    name: Name
    email: (
        Annotated[str, StringConstraints(pattern=r"^[^@\s\x00]+@[^@\s\x00]+$", max_length=254)]
        | None
    ) = None
    roles: list[Literal["clinician", "supervisor", "operator", "administrator"]] = Field(
        min_length=1, max_length=4
    )
