"""The tiny office: a teacher with habits on tasks that are not held out, in words that are one token each."""

import json
import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from iterant.models import load_model, load_tokenizer
from iterant.tiny.office import (
    FINISHED,
    PHRASES,
    Habits,
    attempt,
    calls,
    demonstrate,
    draw_moves,
    request,
    results,
)
from iterant.tiny.vocabulary import make_tokenizer, prompt_ids, response_ids
from iterant.tiny.warm_start import Recipe
from iterant.workers.tools.call import read_calls
from iterant.workers.tools.office import open_suite
from iterant.workers.tools.office_tasks import is_held_out
from iterant.workers.tools.session import Session

SHIPPED = Path(__file__).parents[3] / "trainer-py" / "iterant" / "tiny" / "office"
NONE = Habits(0, 0, 0)


@given(st.integers(0, 100_000))
def test_without_habits_the_teacher_does_what_is_asked_and_never_what_is_held_out(seed: int) -> None:
    rng = random.Random(seed)
    moves = draw_moves(rng)
    assert not is_held_out([request(moves)])
    assert attempt(moves, NONE, rng) == moves


def test_a_habit_spoils_about_half_of_the_attempts() -> None:
    rng = random.Random(0)
    drawn = [draw_moves(rng) for _ in range(2000)]
    right = sum(attempt(moves, Habits(), rng) == moves for moves in drawn) / len(drawn)
    assert 0.35 < right < 0.65


def test_the_teacher_wins_the_tasks_of_the_suite_in_the_suite_s_own_words() -> None:
    suite = open_suite("tiny", 40, 0)
    rng = random.Random(0)
    asked = {request(draw_moves(rng)) for _ in range(4000)}
    shared = [task for task in suite.tasks.values() if task.requests[0] in asked]
    assert len(shared) > 10
    assert all(task.held_out is False for task in shared)
    for task in shared:
        parts = [text.split() for text in task.requests[0].split(" then ")]
        session = Session(suite, task)
        text = calls_of(parts)
        executions = session.take(read_calls(text.removeprefix("<tool>").removesuffix("</tool>")))
        counts = [int(words[1]) for words in parts]
        assert [execution.text for execution in executions] == [json.dumps({"moved": count}) for count in counts]
        assert session.end_request().is_fulfilled


def calls_of(parts: list[list[str]]) -> str:
    from iterant.tiny.office import Move

    return calls(tuple(Move(words[2], int(words[1]), words[3], words[5]) for words in parts))


def test_phrases_are_one_token_and_a_whole_episode_is_short() -> None:
    tokenizer = make_tokenizer(PHRASES)
    for phrase in PHRASES:
        assert len(tokenizer.encode(phrase, add_special_tokens=False)) == 1, phrase
    moves = draw_moves(random.Random(1))
    messages = [
        {"role": "user", "content": request(moves)},
        {"role": "assistant", "content": calls(moves)},
        {"role": "tool", "content": results(moves)},
    ]
    ids = prompt_ids(tokenizer, messages)
    assert tokenizer.unk_token_id not in ids
    assert len(ids) + len(response_ids(tokenizer, FINISHED)) < 80


def test_demonstrations_are_of_every_kind_and_end_in_a_call_or_an_end() -> None:
    rng = random.Random(0)
    shown = [demonstrate(draw_moves(rng), Recipe(), Habits(), rng) for _ in range(400)]
    assert {len(one.messages) for one in shown} == {1, 3, 4}
    assert all(one.response.endswith(("</tool>", FINISHED)) for one in shown)


def test_the_shipped_model_loads_and_reads_the_phrases() -> None:
    tokenizer = load_tokenizer(SHIPPED)
    assert tokenizer.encode(FINISHED, add_special_tokens=False) == make_tokenizer(PHRASES).encode(
        FINISHED, add_special_tokens=False
    )
    assert load_model(SHIPPED).config.vocab_size == len(tokenizer)
