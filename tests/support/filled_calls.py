"""Every call of an API about somebody, with a canary wherever a text may stand.

Made from the API's own description. Many are refused: what is refused must leave nothing either.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.ids import new_id
from shared.security.policy import POLICY
from tests.support.canaries import NUMBER, WORD

METHODS = ("get", "post", "put", "patch", "delete")
OF_STAFF = ("/v1/people",)
"""Calls that are about somebody of the staff."""


class Call(NamedTuple):
    """One request."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    content: bytes


class Filler:
    """Fills what one document describes; `ids` are of things that there are, by name."""

    def __init__(self, document: dict[str, Any], ids: Mapping[str, str]) -> None:
        self._document = document
        self._ids = ids

    def calls(self) -> Iterator[Call]:
        """Those that are about a client or somebody of the staff."""
        for path, methods in self._document["paths"].items():
            for method in METHODS:
                operation = methods.get(method)
                if operation is not None and _about_somebody(path, operation):
                    yield self._call(method, path, operation)

    def _call(self, method: str, path: str, operation: dict[str, Any]) -> Call:
        params, headers = {}, {}
        for parameter in operation.get("parameters", ()):
            value = str(self._value(parameter.get("schema", {}), parameter["name"]))
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", value.replace(" ", "%20"))
            elif parameter["in"] == "query" and parameter["name"] != "limit":
                params[parameter["name"]] = value
        content = b""
        described = operation.get("requestBody", {}).get("content", {})
        for media_type, body in described.items():
            headers["Content-Type"] = media_type
            content = json.dumps(self._value(body.get("schema", {}), "")).encode()
        return Call(method, path, params, headers, content)

    def _value(self, schema: dict[str, Any], name: str) -> Any:
        while "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                some = [one for one in schema[key] if one.get("type") != "null"]
                return self._value(some[0], name)
        match schema.get("type"):
            case "string":
                return self._text(schema, name)
            case "integer" | "number":
                return schema.get("minimum", NUMBER)
            case "boolean":
                return True
            case "array":
                return [self._value(schema.get("items", {}), name)]
            case "object":
                found = {
                    field: self._value(one, field)
                    for field, one in schema.get("properties", {}).items()
                }
                more = schema.get("additionalProperties")
                return found | ({WORD: self._value(more, name)} if isinstance(more, dict) else {})
        return WORD

    def _text(self, schema: dict[str, Any], name: str) -> str:
        match schema.get("format"):
            case "uuid":
                return self._ids.get(name) or new_id()
            case "date-time":
                return datetime.now(UTC).isoformat()
            case "date":
                return "2026-01-05"
        return WORD[: schema.get("maxLength", len(WORD))]


def _about_somebody(path: str, operation: dict[str, Any]) -> bool:
    row = POLICY.get(operation.get("x-permission", ""))
    return row is not None and (row.audited or path.startswith(OF_STAFF))
