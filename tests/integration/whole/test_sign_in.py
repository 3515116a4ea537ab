"""Signing in to the running platform: links of the sample people, one session for all services,
and an end that all of them know of."""

import re
import subprocess
import sys
import time

import httpx
import pytest

from tests.support.heroic import Heroic
from tests.support.waiting import eventually

KNOWN = {
    "intake": "/intake/v1/sign-ins",
    "feedback": "/feedback/v1/measures",
    "outcomes": "/outcomes/v1/rules",
}
ENDS_WITHIN_SECONDS = 5


def browser(heroic: Heroic) -> httpx.Client:
    """A browser without a session."""
    return httpx.Client(base_url=heroic.up["base_url"], follow_redirects=True, trust_env=False)


@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_a_link_of_the_local_stack_signs_in_once(heroic: Heroic, role: str) -> None:
    link = heroic.up["sign_in"][role]
    with browser(heroic) as first, browser(heroic) as second:
        me = first.get(link)
        assert (me.status_code, me.url.path) == (200, "/intake/me")
        assert f"Sample {role.capitalize()}" in me.text
        assert second.get(link).status_code == 410
        assert all(first.get(path).status_code == 200 for path in KNOWN.values())


def test_signing_out_everywhere_ends_tokens_in_every_service(heroic: Heroic) -> None:
    with browser(heroic) as here:
        me = here.get(heroic.up["sign_in"]["clinician"])
        csrf = re.findall(r'name="csrf" value="([^"]+)"', me.text)[0]
        stolen = {"Cookie": f"heroic-token={here.cookies['heroic-token']}"}

        def statuses() -> set[int]:
            base = heroic.up["base_url"]
            return {
                httpx.get(f"{base}{path}", headers=stolen, trust_env=False).status_code
                for path in KNOWN.values()
            }

        assert statuses() == {200}
        started = time.monotonic()
        assert here.post("/intake/me/sign-out-everywhere", data={"csrf": csrf}).status_code == 200
        eventually(lambda: statuses() == {401}, ENDS_WITHIN_SECONDS)
        assert time.monotonic() - started < ENDS_WITHIN_SECONDS


def test_the_first_administrator_is_made_by_the_command_line(heroic: Heroic) -> None:
    said = ["--email", "ann@example.org", "--role", "administrator"]
    made = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "person", "invite", "Ann First", *said],
        env=heroic.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    with browser(heroic) as using:
        page = using.get(made.stdout.strip())
        assert "Welcome, Ann First" in page.text
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        password = "river lantern orbit quilt"
        filled = {"csrf": csrf, "email": "ann@example.org", "password": password, "again": password}
        me = using.post(page.url, data=filled)
        assert (me.status_code, me.url.path) == (200, "/intake/me")
        assert "administrator" in me.text
