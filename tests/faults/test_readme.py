"""The table of faults names tests that are there."""

import re
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

TESTS = REPOSITORY / "tests"
README = Path(__file__).with_name("README.md")
ROWS = re.findall(r"^\| (F\d+) [^|]*\| (.*) \|$", README.read_text(), re.MULTILINE)

# `file.py`, `file.py::test`, `::test` of the file before, or a test of the kernel.
NAMED = re.compile(r"`([\w/]+\.py)?(::)?(test_\w+)?`")


@pytest.mark.parametrize(("fault", "cell"), ROWS, ids=[fault for fault, _ in ROWS])
def test_each_fault_is_held_by_tests_that_exist(fault: str, cell: str) -> None:
    file = TESTS
    for path, inside, name in NAMED.findall(cell):
        if path:
            file = TESTS / path
        elif not inside:
            file = TESTS / "faults" / "test_kernel.py"
        assert not name or f"def {name}(" in file.read_text(), f"{fault}: {file.name}::{name}"
        assert file.is_file()
