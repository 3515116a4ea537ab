"""`python -m deploy.docs`: writes what is missing or stale, and refuses what cannot be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.docs import __main__ as command
from deploy.docs import pages
from deploy.docs.pages import Page
from shared.contracts.schema import Schema, committed


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only generated page: it must say "new"."""
    path = tmp_path / "deep" / "page.md"

    def only() -> Iterator[Page]:
        yield Page(path, "new")

    monkeypatch.setattr(pages, "pages", only)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    return path


def test_a_missing_page_fails_the_check_and_stays_missing(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--check"]) == 1
    assert "stale: deep/page.md" in capsys.readouterr().out
    assert not page.exists()


def test_a_stale_page_is_written_anew_once(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page.parent.mkdir()
    page.write_text("old")

    assert command.main(["--check"]) == 1
    assert command.main([]) == 0
    assert page.read_text() == "new"
    assert command.main(["--check"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "wrote: deep/page.md"


def test_nothing_is_written_while_old_events_could_not_be_read(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_a_removed_event() -> dict[tuple[str, int], Schema]:
        return committed() | {("heroic.test.Gone", 1): {}}

    monkeypatch.setattr(command, "committed", with_a_removed_event)

    assert command.main([]) == 1
    assert "incompatible: heroic.test.Gone v1: the event was removed" in capsys.readouterr().out
    assert not page.exists()
