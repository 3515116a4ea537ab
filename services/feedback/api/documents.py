"""A measure definition as it comes in: bounded, strict JSON, then checked by the measures."""

from typing import Any

import msgspec
from fastapi import Request

from services.feedback.api.models import MAX_ITEMS
from shared.errors import FieldError, Invalid, TooLarge
from shared.measures import Definition, read_definition
from shared.web import ApiModel, body, strict_loads
from shared.web.strictjson import JsonValue

MAX_BYTES = 64 * 1024
MAX_ENTRIES = MAX_ITEMS
"""The longest list in a definition: as many items as a rating may have; some checks compare every
entry with those before it."""


class ReadDefinition:
    """A dependency that gives the body as a sound definition."""

    def __init__(self) -> None:
        self._body = body(ApiModel)

    async def __call__(self, request: Request) -> Definition:
        """415, 413, 400, or 422 with every contradiction by its pointer."""
        raw = await self._body.read(request)
        if len(raw) > MAX_BYTES:
            raise TooLarge(f"A definition may have at most {MAX_BYTES} bytes.")
        problems = list(too_long("", strict_loads(raw)))
        if problems:
            raise Invalid(errors=problems)
        return read_definition(raw)

    def document(self, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        """Describe the body in OpenAPI."""
        [schema], parts = msgspec.json.schema_components(
            [Definition], ref_template="#/components/schemas/{name}"
        )
        schemas.update(parts)
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }


def too_long(pointer: str, value: JsonValue) -> list[FieldError]:
    """Every list of more than MAX_ENTRIES."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in too_long(f"{pointer}/{key}", inner)]
    if not isinstance(value, list):
        return []
    if len(value) > MAX_ENTRIES:
        return [FieldError(pointer, f"at most {MAX_ENTRIES} entries", "too_long")]
    return [one for at, inner in enumerate(value) for one in too_long(f"{pointer}/{at}", inner)]
