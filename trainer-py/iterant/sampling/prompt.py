"""Messages as token ids, by the model's own tokenizer and chat template.

What the policy has seen and said is never tokenised again: of a conversation that goes on, only what is new is
rendered, as the chat template would have gone on after an answer.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Message = dict[str, Any]

# An answer that stands in for the real one while the template shows what it puts after an answer.
STAND_IN = "answer"


class Renderer:
    """Renders for one tokenizer. Without a chat template, contents are joined by new lines."""

    def __init__(self, tokenizer: Any, end_ids: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._end_ids = end_ids
        self.has_template = bool(getattr(tokenizer, "chat_template", None))

    def begin(self, messages: Sequence[Message]) -> np.ndarray:
        """int64 [P]: a conversation, up to where the policy speaks."""
        if self.has_template:
            return self._ids(self._template(messages, is_open=True))
        return self._ids("\n".join(str(message["content"]) for message in messages) + "\n", special=True)

    def go_on(self, ids: np.ndarray, messages: Sequence[Message]) -> np.ndarray:
        """int64 [P]: `ids`, then what the template puts after an answer, the new messages, and the next opening.

        The end of the answer is added where the policy did not come to it, and not added twice where it did.
        Raises ValueError for a template that rewrites earlier messages once more are there.
        """
        if not messages:
            return ids
        if not self.has_template:
            text = "\n" + "\n".join(str(message["content"]) for message in messages) + "\n"
            return np.concatenate([ids, self._ids(text)])
        before: list[Message] = [{"role": "user", "content": "request"}, {"role": "assistant", "content": STAND_IN}]
        answered = self._template(before, is_open=False)
        longer = self._template([*before, *messages], is_open=True)
        start = answered.rfind(STAND_IN) + len(STAND_IN)
        if not longer.startswith(answered[:start]):
            raise ValueError(
                "this model's chat template rewrites earlier messages when a conversation goes on, so its tokens "
                "cannot be continued exactly. Use a template that only appends."
            )
        added = self._ids(longer[start:])
        if len(added) > 0 and ids[-1] in self._end_ids and added[0] == ids[-1]:
            added = added[1:]
        return np.concatenate([ids, added])

    def text(self, ids: np.ndarray) -> str:
        """A completion as text, without special tokens."""
        return str(self._tokenizer.decode(ids.tolist(), skip_special_tokens=True))

    def _template(self, messages: Sequence[Message], is_open: bool) -> str:
        return str(self._tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=is_open))

    def _ids(self, text: str, special: bool = False) -> np.ndarray:
        return np.asarray(self._tokenizer.encode(text, add_special_tokens=special), dtype=np.int64)
