"""Settings of feedback."""

from shared.settings import ServiceSettings, service_config


class Settings(ServiceSettings):
    """From the environment: `HEROIC_FEEDBACK_DATABASE_URL` and the common ones."""

    model_config = service_config("feedback")
