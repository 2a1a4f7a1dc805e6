"""The CSV reader on what programs write, by accident and on purpose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterant.competitions import table
from iterant.competitions.spec import csv_bytes
from iterant.competitions.table import InvalidSubmissionError, read_table

fields = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(fields, fields), max_size=5))
def test_what_was_written_is_read(rows: list[tuple[str, str]]) -> None:
    read = read_table(csv_bytes(["a", "b"], rows))
    assert read.columns == ("a", "b")
    assert list(read.rows) == rows


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_an_invalid_submission(data: bytes) -> None:
    try:
        read = read_table(data)
    except InvalidSubmissionError:
        return
    assert all(len(row) == len(read.columns) for row in read.rows)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n1,2\n1\n", "line 3 has 1 fields, the header 2"),
        (b"a,b\n1,2,3\n", "line 2 has 3 fields, the header 2"),
        (b"a,a\n1,2\n", "two columns are called 'a'"),
        (b"a\n\xff\n", "not UTF-8 at byte 2"),
        (b"a\n\0\n", "a zero byte is in it"),
        (b'a\n"x', "line 2: unexpected end of data"),
        (b'a\n"x"y\n', "line 2: ',' expected after '\"'"),
        (b"a\n" + b"x" * 100_001, "line 2: field larger than field limit (100000)"),
        (b",".join(b"c%d" % at for at in range(201)), "201 columns are more than 200"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidSubmissionError) as raised:
        read_table(data)
    assert str(raised.value) == reason


def test_bytes_rows_and_fields_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 2)
    assert len(read_table(b"a\n1\n2\n")) == 2
    with pytest.raises(InvalidSubmissionError, match="more than 2 rows"):
        read_table(b"a\n1\n2\n3\n")
    monkeypatch.setattr(table, "MAX_FIELDS", 3)
    assert len(read_table(b"a,b,c\n1,2,3\n")) == 1
    with pytest.raises(InvalidSubmissionError, match="more than 3 fields"):
        read_table(b"a,b\n1,2\n3,4\n")
    monkeypatch.setattr(table, "MAX_BYTES", 3)
    with pytest.raises(InvalidSubmissionError, match="4 bytes are more than 3"):
        read_table(b"a\n1\n")


def test_a_byte_order_mark_carriage_returns_and_empty_lines_do_no_harm() -> None:
    assert read_table(b"\xef\xbb\xbfa,b\r\n\r\n1,2\r\n").rows == [("1", "2")]


@pytest.mark.parametrize("text", ["0", "1.", ".5", "+0.5", "-3", "1e-3", "1E5", " 0.25 ", "inf"])
def test_a_number_is_what_is_written_as_one(text: str) -> None:
    assert read_table(f"a\n{text}\n".encode()).numbers("a").tolist() == [float(text)]


@pytest.mark.parametrize("text", ["abc", "0x1", "1_000", "1 2", "٣", "0.5.1", "e5", "__import__('os')"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(InvalidSubmissionError, match="in row 1 of column 'a' is no number"):
        read_table(csv_bytes(["a"], [(text,)])).numbers("a")


def test_missing_values_are_not_a_number_and_booleans_are_one_and_nought() -> None:
    assert np.isnan(read_table(b"a,b\n,1\nNaN,1\nNA,1\n").numbers("a")).all()
    assert read_table(b"a\nTrue\nfalse\n").numbers("a").tolist() == [1, 0]
    with pytest.raises(InvalidSubmissionError):
        read_table(b"a\nTrue\n0.5\n").numbers("a")


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidSubmissionError, match="no column 'b': the columns are a"):
        read_table(b"a\n1\n").texts("b")
