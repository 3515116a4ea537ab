"""Settings of intake."""

from shared.settings import ServiceSettings, service_config


class Settings(ServiceSettings):
    """`HEROIC_INTAKE_DATABASE_URL` and its kin, and what all services share."""

    model_config = service_config("intake")

    sample_sign_in: bool = False
    """Links that sign in do so when they are opened: for the sample people of a local stack."""
