"""Settings of alerts."""

from shared.settings import ServiceSettings, service_config


class Settings(ServiceSettings):
    """From the environment: `HEROIC_ALERTS_DATABASE_URL` and the common ones."""

    model_config = service_config("alerts")
