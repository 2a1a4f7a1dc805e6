"""A strict reader of CSV: bytes that an untrusted program wrote, to columns of texts, or a reason why not.

Knows no competition. Bounded in every direction before anything is converted; no guessing of types, no index column,
no ragged rows, nothing evaluated.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iterant.competitions.metrics import Floats

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_COLUMNS = 200
MAX_FIELDS = 5_000_000
MAX_FIELD_CHARACTERS = 100_000


class InvalidSubmissionError(Exception):
    """The submission cannot be graded, and that is its author's doing; the message says why."""


# Decimal notation and nothing else: float() alone would take 1_000, and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE | re.ASCII)
_MISSING = {"", "#N/A", "#NA", "N/A", "NA", "NULL", "NaN", "None", "nan", "null", "n/a", "-nan", "-NaN", "<NA>"}
_BOOLEANS = {"True": 1.0, "TRUE": 1.0, "true": 1.0, "False": 0.0, "FALSE": 0.0, "false": 0.0}


@dataclass(frozen=True)
class Table:
    """Columns of texts, all of the same length, in the file's order."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self, column: str) -> list[str]:
        """One column as it stands. Raises InvalidSubmissionError if there is none of that name."""
        at = self._index(column)
        return [row[at] for row in self.rows]

    def numbers(self, column: str) -> Floats:
        """One column as [N] float64; missing values are NaN, booleans 0 and 1.

        Raises InvalidSubmissionError if a field is none of these, or if booleans and numbers are mixed.
        """
        fields = [text.strip() for text in self.texts(column)]
        if fields and all(field in _BOOLEANS for field in fields):
            return np.array([_BOOLEANS[field] for field in fields])
        return np.array([_number(field, column, at) for at, field in enumerate(fields)], dtype=np.float64)

    def _index(self, column: str) -> int:
        if column not in self.columns:
            raise InvalidSubmissionError(f"no column '{column}': the columns are {', '.join(self.columns)[:200]}")
        return self.columns.index(column)


def read_table(data: bytes) -> Table:
    """The table in a CSV file of UTF-8: a header, then rows of as many fields; empty lines are left out.

    Raises InvalidSubmissionError, with the line where there is one.
    """
    if len(data) > MAX_BYTES:
        raise InvalidSubmissionError(f"{len(data)} bytes are more than {MAX_BYTES}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSubmissionError(f"not UTF-8 at byte {error.start}") from None
    if "\0" in text:
        raise InvalidSubmissionError("a zero byte is in it")
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = next((tuple(row) for row in reader if row), ())
        _check_header(columns)
        rows: list[tuple[str, ...]] = []
        for row in reader:
            if not row:
                continue
            if len(row) != len(columns):
                raise InvalidSubmissionError(f"line {reader.line_num} has {len(row)} fields, the header {len(columns)}")
            if len(rows) == MAX_ROWS:
                raise InvalidSubmissionError(f"more than {MAX_ROWS} rows")
            if (len(rows) + 1) * len(columns) > MAX_FIELDS:
                raise InvalidSubmissionError(f"more than {MAX_FIELDS} fields")
            rows.append(tuple(row))
    except csv.Error as error:
        raise InvalidSubmissionError(f"line {reader.line_num}: {error}") from None
    return Table(columns, rows)


def _check_header(columns: tuple[str, ...]) -> None:
    if not columns:
        raise InvalidSubmissionError("the file is empty")
    if len(columns) > MAX_COLUMNS:
        raise InvalidSubmissionError(f"{len(columns)} columns are more than {MAX_COLUMNS}")
    twice = next((name for at, name in enumerate(columns) if name in columns[:at]), None)
    if twice is not None:
        raise InvalidSubmissionError(f"two columns are called '{twice}'")


def _number(field: str, column: str, at: int) -> float:
    if _NUMBER.fullmatch(field):
        return float(field)
    if field in _MISSING:
        return float("nan")
    raise InvalidSubmissionError(f"'{field[:40]}' in row {at + 1} of column '{column}' is no number")
