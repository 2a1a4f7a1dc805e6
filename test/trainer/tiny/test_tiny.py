"""The tiny task: problems with their answer, a teacher whose checks are true, a tokenizer that reads everything."""

import json
import random
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iterant.models import load_model, load_tokenizer
from iterant.tiny.equations import LEVEL_SHARES, Equation, boxed, check, choose, every_equation, solve
from iterant.tiny.vocabulary import (
    ANSWER_FORMAT,
    CURRENT_RESPONSE,
    DIVERGE,
    FEEDBACK,
    FORMAT,
    IMPROVE,
    PHRASES,
    make_tokenizer,
    prompt_ids,
    response_ids,
)
from iterant.tiny.warm_start import HABITS, Recipe, demonstrate, make

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "trainer-py" / "iterant" / "tiny" / "equations"
EQUATIONS = every_equation()
equations = st.sampled_from(EQUATIONS)


def sides_at(equation: Equation, x: int) -> tuple[int, int]:
    """Both sides, computed from the text alone."""
    left, right = (re.sub(r"(\d*)x", lambda m: f"({m[1] or 1}*{x})", side) for side in equation.text.split("="))
    return eval(left), eval(right)


@given(equations)
def test_the_root_is_the_only_digit_that_solves_the_text(equation: Equation) -> None:
    solutions = [x for x in range(10) if len(set(sides_at(equation, x))) == 1]
    assert solutions == [equation.root]


@given(equations, st.integers(0, 1000))
def test_without_habits_the_teacher_is_right_and_its_check_says_so(equation: Equation, seed: int) -> None:
    answer = solve(equation, None, random.Random(seed))
    assert boxed(answer) == equation.root
    assert " ok;" in answer


@settings(max_examples=300)
@given(equations, st.integers(0, 10_000))
def test_with_habits_the_check_is_still_true(equation: Equation, seed: int) -> None:
    answer = solve(equation, HABITS, random.Random(seed))
    given_root = boxed(answer)
    assert given_root is not None
    left, right = sides_at(equation, given_root)
    assert (" ok;" in answer) == (left == right) == (given_root == equation.root)
    assert check(equation, given_root) in answer
    for sum_text, value in re.findall(r"(?<![\d=])(-?\d+(?:[+-]\d+)?)=(-?\d+)", answer.split(":", 1)[1]):
        assert eval(sum_text) == int(value)


def test_habits_spoil_about_half_of_the_answers_at_every_level() -> None:
    rng = random.Random(0)
    for level in LEVEL_SHARES:
        of_level = [equation for equation in EQUATIONS if equation.level == level]
        tries = [rng.choice(of_level) for _ in range(2000)]
        right = sum(boxed(solve(equation, HABITS, rng)) == equation.root for equation in tries) / 2000
        assert 0.2 < right < 0.8


def test_what_is_held_out_is_never_trained_on_and_is_a_fifth_of_every_level() -> None:
    train, held_out = choose()
    assert not {equation.text for equation in train} & {equation.text for equation in held_out}
    for level in LEVEL_SHARES:
        counts = [sum(equation.level == level for equation in part) for part in (train, held_out)]
        assert 0.14 < counts[1] / sum(counts) < 0.27
    again = choose()
    assert again == (train, held_out)


def test_the_shipped_problems_are_these() -> None:
    for name, part in zip(("train", "heldout"), choose(), strict=True):
        rows = [json.loads(line) for line in (SHIPPED / f"{name}.jsonl").read_text().splitlines()]
        assert [(row["problem"], row["answer"], row["level"]) for row in rows] == [
            (equation.text, str(equation.root), equation.level) for equation in part
        ]
        assert all(boxed(row["solution"]) == int(row["answer"]) for row in rows)


def test_every_phrase_of_a_prompt_is_one_token_and_prompts_come_back_whole() -> None:
    tokenizer = make_tokenizer()
    for phrase in PHRASES:
        assert len(tokenizer.encode(phrase, add_special_tokens=False)) == 1
    request = "3x+6=x+18" + ANSWER_FORMAT
    answer = "2x=18-6=12;x=6:18+6=24,6+18=24 ok;\\boxed{6}"
    for content in (
        request,
        IMPROVE + request + CURRENT_RESPONSE + answer,
        IMPROVE + request + CURRENT_RESPONSE + answer + FEEDBACK + "no",
        DIVERGE + request + CURRENT_RESPONSE + answer + FORMAT,
    ):
        ids = prompt_ids(tokenizer, [{"role": "user", "content": content}])
        assert tokenizer.decode(ids) == f"<|user|>{content}<|end|><|assistant|>"
        assert tokenizer.unk_token_id not in ids
        assert len(ids) < 64
    assert tokenizer.decode(response_ids(tokenizer, answer)) == f"{answer}<|end|>"


@given(st.text(max_size=60))
def test_any_other_text_can_be_read(text: str) -> None:
    tokenizer = make_tokenizer()
    ids = tokenizer.encode(text, add_special_tokens=False)
    readable = "".join(
        character if character == "\n" or 32 <= ord(character) < 127 else "<|unk|>" for character in text
    )
    assert tokenizer.decode(ids) == readable


def test_the_phrases_are_word_for_word_those_of_the_prompts() -> None:
    prompts = (ROOT / "actors" / "exit" / "prompts.ts").read_text()
    world = (ROOT / "envs" / "math" / "environment.ts").read_text()
    source = prompts.replace("\\n", "\n")
    head = "\n\n## Request\n"
    for phrase in (IMPROVE.removesuffix(head), DIVERGE.removesuffix(head), head, CURRENT_RESPONSE, FEEDBACK, FORMAT):
        assert phrase in source
    assert ANSWER_FORMAT in world.replace("\\n", "\n").replace("\\\\", "\\")


def test_the_improving_teacher_mostly_keeps_what_is_right_and_mostly_tries_again_what_is_wrong() -> None:
    rng = random.Random(3)
    recipe = Recipe(improve_share=1.0, diverge_share=0.0)
    kept = {True: [0, 0], False: [0, 0]}
    for _ in range(3000):
        shown = demonstrate(rng.choice(EQUATIONS), recipe, rng)
        earlier = shown.messages[0]["content"].split(CURRENT_RESPONSE)[1]
        count = kept[" ok;" in earlier]
        count[0] += shown.response == earlier
        count[1] += 1
    assert kept[True][0] / kept[True][1] > recipe.keep_right
    assert kept[False][0] / kept[False][1] < 0.6


def test_the_shipped_model_loads_in_full_precision_and_is_small() -> None:
    model, tokenizer = load_model(SHIPPED), load_tokenizer(SHIPPED)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.config.vocab_size == len(tokenizer)
    assert model.generation_config.do_sample
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 2_000_000


def test_the_command_makes_the_same_folder_from_the_same_seed(tmp_path: Path) -> None:
    heard: list[str] = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make(tmp_path / name, Recipe(steps=2, hidden_size=32, mlp_size=32, heads=2), seed, heard.append)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]
    assert {"tokenizer.json", "config.json", "train.jsonl", "heldout.jsonl"} <= {
        file.name for file in (tmp_path / "a").iterdir()
    }
    assert heard[0].startswith("step 2 of 2: loss ")


def test_a_box_that_holds_no_integer_is_none() -> None:
    for text in ("", "no box", "\\boxed{", "\\boxed{x}", "\\boxed{1.5}"):
        assert boxed(text) is None
    assert boxed("\\boxed{1} and \\boxed{-2}") == -2


@pytest.mark.parametrize("level", LEVEL_SHARES)
def test_a_level_reads_as_it_should(level: int) -> None:
    shapes = {1: r"x\+\d+=\d+", 2: r"\dx\+\d+=\d+", 3: r"\dx-\d+=\d+", 4: r"\dx\+\d+=\d?x\+\d+"}
    assert all(re.fullmatch(shapes[level], equation.text) for equation in EQUATIONS if equation.level == level)
