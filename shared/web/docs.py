"""`/docs`: the OpenAPI document as a plain page. No scripts, nothing from elsewhere."""

from html import escape
from typing import Any

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace}section{border-top:1px solid;padding:.5rem 0}"
)
DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def docs_page(document: dict[str, Any]) -> str:
    """Every operation: its path, what it does, its parameters, what it asks for and answers."""
    title = escape(document["info"]["title"])
    server = document["servers"][0]["url"]
    sections = "".join(
        _section(method.upper(), server + path, operation)
        for path, methods in sorted(document["paths"].items())
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>"
        f'<p>The same as data: <a href="{escape(server)}/openapi.json">openapi.json</a></p>'
        f"{sections}</main></body></html>"
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    lines = [f"<h2><code>{method} {escape(path)}</code></h2>"]
    if text := operation.get("description") or operation.get("summary"):
        lines.append(f"<p>{escape(text)}</p>")
    if parameters := operation.get("parameters"):
        names = ", ".join(f"{one['name']} ({one['in']})" for one in parameters)
        lines.append(f"<p>Parameters: {escape(names)}</p>")
    if asked := operation.get("requestBody"):
        lines.append(f"<p>Body: {escape(_content(asked))}</p>")
    answers = ", ".join(
        f"{status} {_content(answer)}".strip()
        for status, answer in operation["responses"].items()
        if status < "400"
    )
    lines.append(f"<p>Answers: {escape(answers)}</p>")
    return f"<section>{''.join(lines)}</section>"


def _content(holder: dict[str, Any]) -> str:
    kinds = []
    for media_type, content in holder.get("content", {}).items():
        schema = content.get("schema", {})
        reference = schema.get("$ref", "").rpartition("/")[2]
        kinds.append(f"{media_type} {reference or schema.get('description', '')}".strip())
    return ", ".join(kinds)
