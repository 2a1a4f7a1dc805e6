"""Messages to ids and back: what the template would have said, and nothing tokenised twice."""

import numpy as np
import pytest

from iterant.sampling.prompt import Message, Renderer
from tiny_models import make_tokenizer

END = 4
FIRST: list[Message] = [{"role": "user", "content": "one"}]
NEXT: list[Message] = [{"role": "user", "content": "two"}]


def renderer(template: str | None = "") -> Renderer:
    tokenizer = make_tokenizer() if template == "" else make_tokenizer(template)
    return Renderer(tokenizer, frozenset({END}))


def said(own: Renderer, text: str, *, ended: bool = True) -> np.ndarray:
    """A first prompt and its answer, as the engine returned them."""
    answer = own._ids(text)
    return np.concatenate([own.begin(FIRST), answer, [END] if ended else []]).astype(np.int64)


def test_a_conversation_begins_as_the_chat_template_says() -> None:
    own = renderer()
    assert own.raw_text(own.begin(FIRST)) == "<user>one<end>\n<assistant>"


def test_a_conversation_goes_on_as_the_template_would_have_rendered_the_whole() -> None:
    own = renderer()
    whole = own.begin([*FIRST, {"role": "assistant", "content": "yes"}, *NEXT])
    assert own.go_on(said(own, "yes"), NEXT).tolist() == whole.tolist()


def test_an_answer_that_did_not_come_to_its_end_is_ended() -> None:
    own = renderer()
    assert own.go_on(said(own, "yes", ended=False), NEXT).tolist() == own.go_on(said(own, "yes"), NEXT).tolist()


def test_ids_that_the_tokenizer_would_write_otherwise_stay_as_they_are() -> None:
    own = renderer()
    odd = np.array([*own.begin(FIRST), 3, 2, 1, END])
    assert own.go_on(odd, NEXT)[: len(odd)].tolist() == odd.tolist()


def test_without_new_messages_the_policy_goes_on_where_it_is() -> None:
    own = renderer()
    assert own.go_on(said(own, "ye", ended=False), []).tolist() == said(own, "ye", ended=False).tolist()


def test_without_a_template_each_content_is_a_line() -> None:
    own = renderer(None)
    assert own.raw_text(own.begin([*FIRST, *NEXT])) == "one\ntwo\n"
    assert own.raw_text(own.go_on(said(own, "yes", ended=False), NEXT)) == "one\nyes\ntwo\n"


@pytest.mark.parametrize(
    "rewriting",
    [
        "{% for message in messages %}{{ message['content'] if message['role'] == 'user' or loop.last }}{% endfor %}",
        "{{ messages | length }} messages:{% for message in messages %}{{ message['content'] }}{% endfor %}",
        "{% for message in messages %}{{ message['content'] | upper }}{% endfor %}",
        "{% for message in messages %}{{ message['content'] }}{{ message['content'] }}{% endfor %}",
    ],
    ids=["drops earlier answers", "counts the messages", "changes an answer", "says an answer twice"],
)
def test_a_template_that_rewrites_what_was_said_is_refused(rewriting: str) -> None:
    own = renderer(rewriting)
    ids = said(own, "yes")
    with pytest.raises(ValueError) as refusal:
        own.go_on(ids, NEXT)
    assert str(refusal.value) == (
        "this model's chat template rewrites earlier messages when a conversation goes on, so its tokens "
        "cannot be continued exactly. Use a template that only appends."
    )


def test_messages_that_the_template_refuses_are_refused_with_its_words_and_their_roles() -> None:
    own = renderer(
        "{% for message in messages %}{% if message['role'] == 'tool' %}{{ raise_exception('no tools here') }}"
        "{% endif %}{{ message['content'] }}{% endfor %}"
    )
    with pytest.raises(ValueError) as refusal:
        own.begin([*FIRST, {"role": "tool", "content": "3"}])
    assert str(refusal.value) == (
        "this model's chat template refused messages of roles user, tool: no tools here. "
        "Send roles in an order that it knows."
    )


def test_text_is_without_end_and_special_tokens_and_raw_text_with_them() -> None:
    own = renderer()
    ids = np.array([*own._ids("ab"), 2, END])
    assert own.text(ids) == "ab"
    assert own.raw_text(ids) == "ab<user><end>"


def test_an_end_that_is_no_special_token_is_not_part_of_the_text() -> None:
    own = Renderer(make_tokenizer(), frozenset({END, 10}))
    letter = own.raw_text(np.array([10]))
    assert own.text(np.array([9, 10])) == own.raw_text(np.array([9]))
    assert letter != ""
