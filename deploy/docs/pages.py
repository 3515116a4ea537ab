"""What is generated, and where it lies."""

import base64
import json
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fastapi import FastAPI

from deploy.docs.access import access_page
from deploy.docs.events import event_catalogue
from deploy.docs.measures import measures_page
from deploy.docs.rules import rules_section
from shared.contracts import CATALOGUE
from shared.contracts.schema import FOLDER, file_name, schema_text
from shared.measures import default_rules, newest
from shared.security import SigningKeys

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "feedback", "outcomes", "alerts")

# Enough to build an application that is never started; nothing is read from this machine.
NOWHERE = {
    "database_url": "postgresql://heroic_app@localhost/heroic",
    "keys_url": "postgresql://heroic_app@localhost/heroic_keys",
    "key_encryption_key": base64.b64encode(bytes(32)).decode(),
    "kafka": "localhost:9092",
    "redis_url": "redis://localhost",
    "public_url": "http://localhost:8080",
    "otlp_endpoint": "",
}


class Page(NamedTuple):
    """One generated file: its path and its whole text."""

    path: Path
    text: str


def pages() -> Iterator[Page]:
    """Every generated file as it should be."""
    for contract in CATALOGUE.contracts.values():
        yield Page(FOLDER / file_name(contract.type, contract.version), schema_text(contract))
    yield Page(ROOT / "docs" / "events.md", event_catalogue(CATALOGUE))
    measures = measures_page(newest().values()) + "\n" + rules_section(default_rules())
    yield Page(ROOT / "docs" / "measures.md", measures)
    apps = {service: application(service) for service in SERVICES}
    yield Page(ROOT / "docs" / "access.md", access_page(apps))
    for service, app in apps.items():
        document = json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
        yield Page(ROOT / "docs" / "openapi" / f"{service}.json", document)


@cache
def application(service: str) -> FastAPI:
    """The application of a service, to be described; nothing of it is started or connected to."""
    settings = import_module(f"services.{service}.settings").Settings
    create_app = import_module(f"services.{service}.app").create_app
    with TemporaryDirectory() as folder:
        # An issuer wants a key to sign with even to be described.
        signing_keys = Path(folder) / "keys.json"
        SigningKeys.generate().write(signing_keys)
        app: FastAPI = create_app(settings(**NOWHERE, signing_keys=str(signing_keys)))
    return app


def stale() -> list[Page]:
    """The generated files that do not say what the code says."""
    return [
        page
        for page in pages()
        if not page.path.is_file() or page.path.read_text("utf-8") != page.text
    ]
