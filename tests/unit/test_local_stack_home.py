"""The folder of an installation: its secrets, its ports, and who holds it."""

import json
import stat
from pathlib import Path

import pytest

from deploy.local.errors import AlreadyRunning, PortTaken
from deploy.local.home import Home
from deploy.local.ports import free_ports, listen_at


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_secrets_are_made_once_and_for_their_owner_only(home: Home) -> None:
    first = home.secrets()

    assert home.secrets() == first
    assert len(set(first.role_passwords.values())) == len(first.role_passwords)
    for file in (home.path / "secrets").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [key] = json.loads(home.signing_keys.read_text())["keys"]
    assert (key["kty"], key["crv"]) == ("EC", "P-256")


def test_one_supervisor_at_a_time_holds_a_home(home: Home) -> None:
    assert home.holder() is None
    with home.held():
        assert home.holder() is not None
        with pytest.raises(AlreadyRunning), home.held():
            pass
    assert home.holder() is None


def test_the_web_comes_back_at_the_port_of_the_last_run(home: Home) -> None:
    [port] = free_ports(1)
    with home.listener(port):
        pass

    with home.listener(None) as listener:
        assert listener.getsockname()[1] == port


def test_a_taken_port_is_left_for_another_unless_it_was_asked_for(home: Home) -> None:
    taken = listen_at(0)
    assert taken is not None
    port = taken.getsockname()[1]
    with taken:
        with pytest.raises(PortTaken, match=str(port)):
            home.listener(port)
        with home.listener(None) as listener:
            assert listener.getsockname()[1] != port
