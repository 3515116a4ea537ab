"""What clients find out by themselves of how tokens are had."""

from tests.integration.intake.home import ISSUER, Intake
from tests.integration.intake.machines import AUDIENCE


async def test_the_metadata_of_oauth_says_where_everything_is(intake: Intake) -> None:
    async with intake.plain() as http:
        answer = await http.get("/intake/.well-known/oauth-authorization-server")
        found = answer.json()
        assert (await http.get(found["jwks_uri"])).status_code == 200
        assert (await http.get(found["service_documentation"])).status_code == 200
        assert (await http.post(found["token_endpoint"], data={"a": "b"})).status_code == 400
        assert (await http.post(found["revocation_endpoint"], data={"a": "b"})).status_code == 400
    assert "max-age" in answer.headers["cache-control"]
    assert found["issuer"] == ISSUER
    assert found["token_endpoint"] == AUDIENCE
    assert found["grant_types_supported"] == ["client_credentials"]
    assert found["response_types_supported"] == []
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]


async def test_smart_backend_services_find_what_they_need(intake: Intake) -> None:
    async with intake.plain() as http:
        found = (await http.get("/intake/.well-known/smart-configuration")).json()
    assert found["token_endpoint"] == AUDIENCE
    assert {"ES384", "RS384"} == set(found["token_endpoint_auth_signing_alg_values_supported"])
    assert "client-confidential-asymmetric" in found["capabilities"]
    assert "intake.read" in found["scopes_supported"]


async def test_what_specifications_want_at_the_root_is_there(intake: Intake) -> None:
    async with intake.plain() as http:
        for name in ("oauth-authorization-server", "smart-configuration"):
            at_root = await http.get(f"/.well-known/{name}")
            below = await http.get(f"/intake/.well-known/{name}")
            assert (at_root.status_code, at_root.content) == (200, below.content)
        assert (await http.get("/.well-known/security.txt")).status_code == 404
