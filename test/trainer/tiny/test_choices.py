"""The tiny competitor: prompts as the world words them, in few tokens, by a teacher that begins too simply."""

import random
from pathlib import Path

from iterant.models import load_model, load_tokenizer
from iterant.tiny.choices import GRAMMARS, PHRASES, demonstrate, opening
from iterant.tiny.vocabulary import make_tokenizer, prompt_ids

SHIPPED = Path(__file__).parents[3] / "trainer-py" / "iterant" / "tiny" / "choices"


def test_every_demonstration_answers_with_a_word_for_each_slot_in_a_short_conversation() -> None:
    tokenizer = make_tokenizer(PHRASES)
    rng = random.Random(0)
    for _ in range(300):
        shown = demonstrate(rng)
        slots = GRAMMARS[shown.messages[0]["content"].split("\n", 1)[0]]
        said = shown.response.split(" ")
        assert [word in words for word, words in zip(said, slots.values(), strict=True)] == [True] * len(slots)
        ids = prompt_ids(tokenizer, shown.messages)
        assert tokenizer.unk_token_id not in ids
        assert len(ids) < 64


def test_openings_are_those_of_the_world() -> None:
    assert opening("synth-glyphs") == (
        "synth-glyphs\nfeatures: pixels aligned\nmodel: logistic forest boosting\nstrength: weak strong\n"
        "answer: one word of each line"
    )


def test_the_shipped_model_loads_and_reads_the_phrases() -> None:
    tokenizer = load_tokenizer(SHIPPED)
    ids = tokenizer.encode(opening("synth-pizza"), add_special_tokens=False)
    assert ids == make_tokenizer(PHRASES).encode(opening("synth-pizza"), add_special_tokens=False)
    assert load_model(SHIPPED).config.vocab_size == len(tokenizer)
