"""Messages as token ids, by the model's own tokenizer and chat template, and completions as text.

What the policy has seen and said is never tokenised again: of a conversation that goes on, only what is new is
rendered, as the chat template would have gone on after an answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import TemplateError

Message = Mapping[str, Any]

# An answer that stands in for the real one while the template shows what it puts after an answer.
STAND_IN = "<answer-goes-here>"
BEFORE: tuple[Message, ...] = ({"role": "user", "content": "request"}, {"role": "assistant", "content": STAND_IN})


class Renderer:
    """Renders for one tokenizer. Without a chat template, each content is a line."""

    def __init__(self, tokenizer: Any, end_ids: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._end_ids = end_ids
        self.has_template = bool(getattr(tokenizer, "chat_template", None))

    def begin(self, messages: Sequence[Message]) -> np.ndarray:
        """int64 [P]: a conversation, up to where the policy speaks.

        Raises ValueError for messages that the chat template refuses.
        """
        if self.has_template:
            return self._ids(self._template(messages, is_open=True))
        return self._ids(_lines(messages), special=True)

    def go_on(self, ids: np.ndarray, messages: Sequence[Message]) -> np.ndarray:
        """int64 [P]: `ids`, then what the template puts after an answer, the new messages, and the next opening.

        The end of the answer is added where the policy did not come to it, and not added twice where it did. No
        messages: the policy goes on where it is.
        Raises ValueError for messages that the template refuses, and for a template that rewrites earlier messages
        once more are there.
        """
        if not messages:
            return ids
        if not self.has_template:
            return np.concatenate([ids, self._ids("\n" + _lines(messages))])
        answered = self._template(BEFORE, is_open=False)
        longer = self._template([*BEFORE, *messages], is_open=True)
        before, found, after = answered.partition(STAND_IN)
        if not found or not longer.startswith(before + STAND_IN) or STAND_IN in after:
            raise ValueError(
                "this model's chat template rewrites earlier messages when a conversation goes on, so its tokens "
                "cannot be continued exactly. Use a template that only appends."
            )
        added = self._ids(longer[len(before) + len(STAND_IN) :])
        if len(added) > 0 and int(ids[-1]) in self._end_ids and int(added[0]) in self._end_ids:
            added = added[1:]
        return np.concatenate([ids, added])

    def text(self, ids: np.ndarray) -> str:
        """A completion as an environment reads it: without its end token and without special tokens."""
        spoken = ids[:-1] if len(ids) > 0 and int(ids[-1]) in self._end_ids else ids
        return self._decode(spoken, skip_special_tokens=True)

    def raw_text(self, ids: np.ndarray) -> str:
        """Every token as it is written, special ones included."""
        return self._decode(ids, skip_special_tokens=False)

    def _decode(self, ids: np.ndarray, skip_special_tokens: bool) -> str:
        return str(
            self._tokenizer.decode(
                ids.tolist(), skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
            )
        )

    def _template(self, messages: Sequence[Message], is_open: bool) -> str:
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    [dict(message) for message in messages], tokenize=False, add_generation_prompt=is_open
                )
            )
        except TemplateError as error:
            roles = ", ".join(str(message["role"]) for message in messages)
            raise ValueError(
                f"this model's chat template refused messages of roles {roles}: {error}. "
                "Send roles in an order that it knows."
            ) from error

    def _ids(self, text: str, special: bool = False) -> np.ndarray:
        return np.asarray(self._tokenizer.encode(text, add_special_tokens=special), dtype=np.int64)


def _lines(messages: Sequence[Message]) -> str:
    return "".join(f"{message['content']}\n" for message in messages)
