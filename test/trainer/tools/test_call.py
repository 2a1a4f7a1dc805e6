"""Calls as text: what a model may write, what a reference is written in, and what neither may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterant.workers.tools.call import ModelCall, UnreadableCallError, read_calls, read_reference


def test_a_list_of_calls_is_read_with_its_numbers_as_they_were_written() -> None:
    text = '[{"name": "f", "args": {"a": 5.0, "b": 18446744073709551616, "a": 2}}, {"name": "g"}]'
    assert read_calls(text) == [ModelCall("f", {"a": 2, "b": 2**64}), ModelCall("g", {})]
    assert repr(read_calls('[{"name": "f", "arguments": {"a": 5.0}}]')[0].arguments) == "{'a': 5.0}"
    assert read_calls('{"name": "f", "parameters": {"a": 1}}') == [ModelCall("f", {"a": 1})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The tool call is not valid JSON: "),
        ("[", "The tool call is not valid JSON: "),
        ("[" * 100_000, "The tool call is not valid JSON: "),
        ("[]", "The list of tool calls is empty."),
        ("[1]", 'Not a tool call with a "name": 1.'),
        ('[{"name": 1}]', 'Not a tool call with a "name": '),
        ('[{"name": "f", "args": [1]}]', '"args" must be an object of arguments by name: '),
    ],
)
def test_what_is_no_call_is_refused_with_words_for_the_model(text: str, message: str) -> None:
    with pytest.raises(UnreadableCallError) as refusal:
        read_calls(text)
    assert str(refusal.value).startswith(message)


def test_a_reference_is_taken_apart_and_never_run() -> None:
    call = read_reference("mv('a', destination=['b', (1, 2.5), None])")
    assert (call.name, call.positional, call.named) == ("mv", ("a",), {"destination": ["b", (1, 2.5), None]})
    for text in ("f(g())", "a.b()", "f(**{})", "f(", "1", "f(__import__('os'))"):
        with pytest.raises(ValueError, match="a reference call cannot be read"):
            read_reference(text)


@given(st.text(max_size=200))
def test_no_text_does_anything_but_give_calls_or_a_refusal(text: str) -> None:
    try:
        calls = read_calls(text)
    except UnreadableCallError:
        return
    assert all(isinstance(call, ModelCall) for call in calls)
