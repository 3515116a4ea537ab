"""Ready means: a write would be taken."""

import httpx

from services.intake.app import create_app
from shared.web import mount
from tests.integration.intake.home import ISSUER, Intake


async def ready(asgi: object) -> int:
    transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
        return (await http.get("/intake/health/ready")).status_code


async def test_who_takes_no_writes_is_not_ready_though_the_database_answers(
    intake: Intake,
) -> None:
    assert await ready(intake.asgi) == 200
    app = create_app(intake.settings)
    asgi = mount({"intake": app})
    assert await ready(asgi) == 503
    async with app.router.lifespan_context(app):
        assert await ready(asgi) == 200
    assert await ready(asgi) == 503
