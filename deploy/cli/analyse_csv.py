"""Any CSV file with a header, as other software writes it: its delimiter, missing cells, numbers.

A cell that is empty or NA is missing. What cannot be read is named by line, never by its content.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import msgspec
import typer

from shared.errors import FieldError, Invalid

DELIMITERS = (",", ";", "\t", "|")
MISSING = frozenset({"", "NA"})
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
LONGEST_NUMBER = 40

NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d{1,2})?", re.ASCII)
ESCAPED = re.compile("[\udc80-\udcff]")
PERHAPS_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def exact(text: str) -> Decimal:
    """The number in an option, as it is written."""
    if not NUMBER.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no number")
    return Decimal(text.replace(",", "."))


def is_text(cell: str) -> bool:
    """Whether a cell holds no byte that had to be escaped."""
    return cell.isascii() or not ESCAPED.search(cell)


class Unreadable(msgspec.Struct, frozen=True):
    """Something that begins on `line` of the file and could not be used; it was left out."""

    line: int
    detail: str


class Table:
    """Some `columns` of a CSV file; `unreadable` grows while its rows are read.

    Raises Invalid where a column is not there, or there twice.
    """

    def __init__(self, file: Path, columns: Sequence[str]) -> None:
        self.file = file
        self.columns = columns
        self.unreadable: list[Unreadable] = []
        self.delimiter, self.header = self._layout()
        self._numbers: dict[str, Decimal | None] = {}

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row that is not empty: the line that it begins on, and the cells asked for."""
        places = [self.header.index(name) for name in self.columns]
        width = len(self.header)
        records = self._records(self.delimiter)
        next(records)
        for line, cells in records:
            if len(cells) > width:
                self.note(line, f"{len(cells)} cells under {width} columns")
            elif cells:
                asked = [cells[one].strip() if one < len(cells) else "" for one in places]
                if all(map(is_text, asked)):
                    yield line, asked
                else:
                    self.note(line, "a cell is not in UTF-8")

    def number(self, line: int, text: str, what: str) -> Decimal | None:
        """The number in a cell; None where it is missing, or noted where it cannot be read."""
        value = self.as_number(text)
        if value is None and text not in MISSING:
            self.note(line, f"the {what} is no number")
        return value

    def as_number(self, text: str) -> Decimal | None:
        """The number that a text is, or None."""
        # Texts repeat, and looking one up is quicker than reading it again.
        if text not in self._numbers:
            self._numbers[text] = self._read_number(text)
        return self._numbers[text]

    def note(self, line: int, detail: str) -> None:
        """Keep in mind what could not be read."""
        self.unreadable.append(Unreadable(line, detail))

    def _read_number(self, text: str) -> Decimal | None:
        """A decimal number with a point or a comma, or None."""
        if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
            return None
        if self.delimiter == "," and PERHAPS_THOUSANDS.fullmatch(text):
            return None
        return Decimal(text.replace(",", "."))

    def _layout(self) -> tuple[str, list[str]]:
        """The delimiter under which the columns are found, and the header."""
        layouts = {}
        for delimiter in DELIMITERS:
            # Not strictly: under a wrong delimiter quotes stand where they must not.
            _, cells = next(self._records(delimiter, strict=False), (1, []))
            layouts[delimiter] = [cell.strip() for cell in cells]
        delimiter = max(layouts, key=lambda one: self._found(layouts[one]))
        header = layouts[delimiter]
        missing = [
            FieldError(name, "there is no such column")
            for name in self.columns
            if name not in header
        ]
        double = [
            FieldError(name, "there are several such columns")
            for name in self.columns
            if header.count(name) > 1
        ]
        if missing or double:
            raise Invalid("The file has other columns.", errors=missing + double)
        return delimiter, header

    def _found(self, header: list[str]) -> int:
        return len(set(self.columns) & set(header))

    def _records(self, delimiter: str, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
        """The rows with all their cells, the header first; Invalid where it is no CSV.

        Strictly, a quote that is never closed is an error: else it would swallow all the rest.
        """
        # Bytes that are no text are escaped, so that each harms its own row and no other.
        with self.file.open(
            newline="", encoding=self._encoding, errors="surrogateescape"
        ) as stream:
            reader = csv.reader(stream, delimiter=delimiter, strict=strict)
            line = 1
            try:
                for cells in reader:
                    yield line, cells
                    line = reader.line_num + 1
            except (csv.Error, UnicodeError) as error:
                raise Invalid(f"line {line} is no CSV") from error

    @cached_property
    def _encoding(self) -> str:
        with self.file.open("rb") as stream:
            return "utf-16" if stream.read(2) in UTF_16_MARKS else "utf-8-sig"
