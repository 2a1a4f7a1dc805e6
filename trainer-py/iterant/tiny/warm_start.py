"""A tiny model, warm-started by imitation of a teacher: it knows the right move and the wrong one.

Reinforcement then shifts the weight between them. What is demonstrated, the task at hand says (equations.py,
office.py). Makes a whole folder in Hugging Face layout: model, tokenizer, generation config.
"""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from iterant.tiny.equations import Equation, Habits, boxed, choose, solve
from iterant.tiny.vocabulary import (
    ANSWER_FORMAT,
    CURRENT_RESPONSE,
    DIVERGE,
    FORMAT,
    IMPROVE,
    make_tokenizer,
    prompt_ids,
    response_ids,
    save,
)

IGNORED = -100
HABITS = Habits({1: 0.25, 2: 0.45, 3: 0.5, 4: 0.35}, forget=0.4, off_by_one=0.25)


@dataclass(frozen=True)
class Recipe:
    """How the tiny model is made. Shares and rates are probabilities.

    keep_right, keep_wrong  how often the improving teacher repeats an earlier answer that was right, or wrong
    eased                   how strong its habits are, against a plain answer's, when it tries a wrong one again
    """

    steps: int = 4000
    batch_size: int = 32
    learning_rate: float = 2e-3
    improve_share: float = 0.4
    diverge_share: float = 0.1
    keep_right: float = 0.85
    keep_wrong: float = 0.15
    eased: float = 0.7
    habits: Habits = HABITS
    hidden_size: int = 96
    layers: int = 2
    heads: int = 3
    mlp_size: int = 288
    evaluation_temperature: float = 1.0


@dataclass(frozen=True)
class Demonstration:
    """A conversation, and what the teacher says next."""

    messages: tuple[dict[str, str], ...]
    response: str


def asked(content: str, response: str) -> Demonstration:
    """One user message, and its answer."""
    return Demonstration(({"role": "user", "content": content},), response)


def demonstrate(equation: Equation, recipe: Recipe, rng: random.Random) -> Demonstration:
    """One thing that the teacher does."""
    request = equation.text + ANSWER_FORMAT
    drawn = rng.random()
    if drawn >= recipe.improve_share + recipe.diverge_share:
        return asked(request, solve(equation, recipe.habits, rng))
    earlier = solve(equation, recipe.habits, rng)
    is_right = boxed(earlier) == equation.root
    again = solve(equation, recipe.habits if is_right else recipe.habits.eased(recipe.eased), rng)
    if drawn >= recipe.improve_share:
        return asked(DIVERGE + request + CURRENT_RESPONSE + earlier + FORMAT, again)
    is_kept = rng.random() < (recipe.keep_right if is_right else recipe.keep_wrong)
    return asked(IMPROVE + request + CURRENT_RESPONSE + earlier, earlier if is_kept else again)


def make_model(vocabulary_size: int, recipe: Recipe, end_id: int, pad_id: int) -> LlamaForCausalLM:
    """A Llama with random weights."""
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        intermediate_size=recipe.mlp_size,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end_id,
        pad_token_id=pad_id,
    )
    return LlamaForCausalLM(config)


def imitate(
    model: Any,
    tokenizer: Any,
    draw: Callable[[], Demonstration],
    recipe: Recipe,
    tell: Callable[[str], None] = lambda _line: None,
) -> None:
    """Trains the model on what the teacher does; the loss is on responses only."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    model.train()
    began_s = time.monotonic()
    for step in range(recipe.steps):
        done = step / recipe.steps
        warm = min(1.0, (step + 1) / 50)
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * warm * (1 - 0.9 * done)
        rows = [_row(tokenizer, draw()) for _ in range(recipe.batch_size)]
        ids, labels = _pad(rows, tokenizer.pad_token_id)
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % 100 == 0 or step + 1 == recipe.steps:
            tell(f"step {step + 1} of {recipe.steps}: loss {loss.item():.3f}, {time.monotonic() - began_s:.0f} s")
    model.eval()


def make(folder: Path, recipe: Recipe, seed: int, tell: Callable[[str], None] = lambda _line: None) -> None:
    """Makes the folder of the equations; the same seed makes the same files on the same machine."""
    train, held_out = choose()
    rng = random.Random(seed)
    make_folder(folder, make_tokenizer(), lambda: demonstrate(rng.choice(train), recipe, rng), recipe, seed, tell)
    _write_problems(folder / "train.jsonl", train)
    _write_problems(folder / "heldout.jsonl", held_out)


def make_folder(
    folder: Path,
    tokenizer: Any,
    draw: Callable[[], Demonstration],
    recipe: Recipe,
    seed: int,
    tell: Callable[[str], None],
) -> None:
    """A model that has imitated what is drawn, its tokenizer and how to sample from it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    model = make_model(len(tokenizer), recipe, end, pad)
    imitate(model, tokenizer, draw, recipe, tell)
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=recipe.evaluation_temperature,
        top_p=1.0,
        top_k=0,
        eos_token_id=end,
        pad_token_id=pad,
    )
    model.save_pretrained(folder)
    save(tokenizer, folder)


def _write_problems(file: Path, equations: list[Equation]) -> None:
    rng = random.Random(0)  # never drawn from: without habits the teacher takes no chances
    lines = [
        {
            "id": f"equation-{equation.key[:12]}",
            "problem": equation.text,
            "answer": str(equation.root),
            "solution": solve(equation, None, rng),
            "level": equation.level,
        }
        for equation in equations
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _row(tokenizer: Any, demonstration: Demonstration) -> tuple[list[int], list[int]]:
    prompt = prompt_ids(tokenizer, demonstration.messages)
    response = response_ids(tokenizer, demonstration.response)
    return prompt + response, [IGNORED] * len(prompt) + response


def _pad(rows: list[tuple[list[int], list[int]]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """[B, T] int64 ids and labels; padding on the right, which a causal model never looks at."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), IGNORED)
    for at, (row_ids, row_labels) in enumerate(rows):
        ids[at, : len(row_ids)] = torch.tensor(row_ids)
        labels[at, : len(row_labels)] = torch.tensor(row_labels)
    return ids, labels
