"""Settings from the environment, the same for every service but for its databases."""

from pathlib import Path
from typing import Literal

from pydantic import AliasGenerator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

OWN_FIELDS = ("database_url", "reader_url", "owner_url")
"""Fields whose variable carries the name of the service: `HEROIC_INTAKE_DATABASE_URL`."""


def service_config(service: str) -> SettingsConfigDict:
    """The configuration of a service's settings class: which variable feeds which field.

    `class Settings(ServiceSettings): model_config = service_config("intake")`
    """

    def variable(field: str) -> str:
        prefix = f"HEROIC_{service.upper()}_" if field in OWN_FIELDS else "HEROIC_"
        return prefix + field.upper()

    return SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=variable),
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class ServiceSettings(BaseSettings):
    """What a process of any role may need. Empty means "not given": a role asks for its own.

    A web process is given neither `reader_url` nor `owner_url`: the first sees every tenant, the
    second may change tables.
    """

    database_url: str = Field(default="", repr=False)
    """The service's own database, under row-level security."""
    reader_url: str = Field(default="", repr=False)
    """The same, reading every tenant: relay and rebuild."""
    owner_url: str = Field(default="", repr=False)
    """The same, as the owner of the tables: migrations."""

    keys_url: str = Field(default="", repr=False)
    keys_owner_url: str = Field(default="", repr=False)
    key_encryption_key_file: str = ""
    """Where the next is read from instead, such as a secret that is mounted."""
    key_encryption_key: str = Field(default="", repr=False, validate_default=True)
    """Base64 of the 32 bytes that wrap every subject's key; after it, apart by commas or blanks,
    earlier ones whose keys have not all been wrapped anew (`heroic keys rewrap`)."""

    kafka: str = ""
    redis_url: str = Field(default="", repr=False)

    public_url: str = "http://127.0.0.1:8080"
    """Where callers reach the platform; the issuer of its tokens."""
    trusted_proxies: str = ""
    """Addresses or networks of proxies, separated by commas, that say whose requests they pass
    on; everybody else's word on that is worth nothing."""
    jwks_url: str = ""
    """Where the issuer publishes its keys; below `public_url` unless given."""
    signing_keys: str = ""
    """Path of the issuer's private JWK set (intake only)."""

    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """0 switches the metrics port off."""
    otlp_endpoint: str = ""
    """Base URL of an OTLP/HTTP collector; empty switches tracing off."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("key_encryption_key")
    @classmethod
    def _from_file(cls, given: str, info: ValidationInfo) -> str:
        file = info.data.get("key_encryption_key_file")
        return given or (read_secret(file) if file else "")

    @property
    def issuer(self) -> str:
        """The `iss` of every token."""
        return self.public_url.rstrip("/")

    @property
    def effective_jwks_url(self) -> str:
        """Where this service fetches the issuer's public keys."""
        return self.jwks_url or f"{self.issuer}/intake/.well-known/jwks.json"


def read_secret(file: str) -> str:
    """What a file holds, without blanks around it; `ValueError` where it cannot be read."""
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
