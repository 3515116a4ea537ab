"""Only workers look for whose turn it is: nothing that answers requests ever sees all tenants."""

from pathlib import Path

from tests.support.paths import REPOSITORY

ALLOWED = {
    "shared/database.py",
    "shared/consuming/replaying.py",
    "services/alerts/holds.py",
    "services/alerts/timekeeping.py",
}


def sources() -> list[Path]:
    """All code that runs in production."""
    return [file for part in ("shared", "services") for file in (REPOSITORY / part).rglob("*.py")]


def test_only_these_modules_open_a_session_of_a_worker() -> None:
    words = ("worker_session", "WORKER_SETTING", "heroic.worker")
    found = {
        str(file.relative_to(REPOSITORY))
        for file in sources()
        if any(word in file.read_text() for word in words)
    }
    assert found == ALLOWED


def test_settings_of_the_wall_are_set_for_a_transaction_alone() -> None:
    for file in (*sources(), *(REPOSITORY / "shared").rglob("*.sql")):
        text = file.read_text()
        assert "SET SESSION" not in text, file
        assert "SET heroic." not in text, file
        for call in text.split("set_config(")[1:]:
            statement = call[: call.index(")")].replace("\n", " ")
            assert "false" not in statement, file
