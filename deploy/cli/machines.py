"""`heroic integration`: machines that act for an organisation. They are made here or by an
administrator, and no machine makes another one: so these commands go to intake's store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from deploy.cli.choices import one_of
from deploy.cli.installation import Chosen
from deploy.cli.operators import AsJson, show
from deploy.cli.settings import intake_settings
from services.intake.app import open_organisations
from services.intake.assertions import BadKeys, public_keys
from services.intake.domain.integration import Integration
from services.intake.machines import client_id_of
from services.intake.operating import Operated, open_machines
from shared.errors import Invalid
from shared.security import SCOPES

integration = typer.Typer(no_args_is_help=True, help="Machines that act for an organisation.")

T = TypeVar("T")


@integration.command("create")
def create_integration(
    context: typer.Context,
    name: str,
    scope: Annotated[
        list[str] | None,
        typer.Option(callback=one_of(SCOPES), help="May be repeated; all unless given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let one more machine act for the organisation; its secret is shown once."""
    chosen = context.ensure_object(Chosen)
    tenant = _tenant(chosen)

    async def create() -> dict[str, str]:
        async with open_organisations(intake_settings(chosen)) as organisations:
            credentials = await organisations.create_integration(tenant, name, scope or SCOPES)
        return {"organisation_id": tenant, **msgspec.structs.asdict(credentials)}

    show([asyncio.run(create())], as_json=as_json)


@integration.command("list")
def list_integrations(context: typer.Context, as_json: AsJson = False) -> None:
    """The machines of the organisation, the oldest first."""

    async def found(operated: Operated, tenant: str) -> list[Integration]:
        streams = await operated.directory.all_streams(tenant, "integration")
        return await operated.machines.many(tenant, streams)

    tenant, machines = _done(context, found)
    show([_told(tenant, one) for one in machines], as_json=as_json)


@integration.command("rotate")
def rotate(context: typer.Context, integration_id: str, as_json: AsJson = False) -> None:
    """A second secret, shown once; remove the first one when the machine uses the second."""

    async def added(operated: Operated, tenant: str) -> tuple[Integration, str, str]:
        return await operated.machines.add_secret(tenant, integration_id)

    tenant, (_, secret_id, secret) = _done(context, added)
    told = {
        "client_id": client_id_of(tenant, integration_id),
        "client_secret": secret,
        "secret_id": secret_id,
    }
    show([told], as_json=as_json)


@integration.command("remove-secret")
def remove_secret(
    context: typer.Context, integration_id: str, secret_id: str, as_json: AsJson = False
) -> None:
    """A secret opens nothing any more; the id of the first one is that of its machine."""

    async def removed(operated: Operated, tenant: str) -> Integration:
        return await operated.machines.remove_secret(tenant, integration_id, secret_id)

    tenant, machine = _done(context, removed)
    show([_told(tenant, machine)], as_json=as_json)


@integration.command("keys")
def set_keys(
    context: typer.Context,
    integration_id: str,
    file: Annotated[
        Path | None, typer.Argument(help="A JWK set of public keys; none: no keys.", exists=True)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The public keys that sign the machine's assertions from now on."""
    jwks = _read(file) if file else ""

    async def changed(operated: Operated, tenant: str) -> Integration:
        return await operated.machines.set_keys(tenant, integration_id, jwks)

    tenant, machine = _done(context, changed)
    show([_told(tenant, machine)], as_json=as_json)


@integration.command("revoke")
def revoke(context: typer.Context, integration_id: str, as_json: AsJson = False) -> None:
    """A machine may do nothing any more, everywhere within five seconds, for good."""

    async def revoked(operated: Operated, tenant: str) -> Integration:
        return await operated.machines.revoke(tenant, integration_id)

    tenant, machine = _done(context, revoked)
    show([_told(tenant, machine)], as_json=as_json)


def _done(context: typer.Context, work: Callable[[Operated, str], Awaitable[T]]) -> tuple[str, T]:
    """The organisation, and what `work` on its machines gives."""
    chosen = context.ensure_object(Chosen)
    tenant = _tenant(chosen)

    async def do() -> T:
        async with open_machines(intake_settings(chosen)) as operated:
            return await work(operated, tenant)

    return tenant, asyncio.run(do())


def _tenant(chosen: Chosen) -> str:
    return chosen.organisation or chosen.site().organisation.id


def _read(file: Path) -> str:
    try:
        return public_keys(msgspec.json.decode(file.read_bytes()))
    except (BadKeys, msgspec.DecodeError) as error:
        raise Invalid(f"{file.name}: {error}") from error


def _told(tenant: str, machine: Integration) -> dict[str, str]:
    return {
        "id": machine.id,
        "name": machine.name,
        "client_id": client_id_of(tenant, machine.id),
        "status": "revoked" if machine.revoked else "active",
        "scopes": " ".join(sorted(machine.scopes)),
        "secrets": " ".join(machine.secrets),
        "keys": " ".join(machine.key_ids),
    }
