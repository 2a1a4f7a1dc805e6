"""What the slot engine yields, against static batches of Hugging Face `generate` in the same process, interleaved.

`python -m iterant.sampling.bench FOLDER [--slots 96] [--prompts FILE.jsonl]`: one line a contender, tokens a second
of processor time (wall time says nothing on a shared machine). Only tokens that somebody asked for count.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch

from iterant.models import load_model, load_tokenizer
from iterant.sampling.engine import Engine
from iterant.sampling.prompt import Renderer

GROUP = 8


def main() -> None:
    parser = argparse.ArgumentParser(description="Slot engine against static batches.")
    parser.add_argument("folder", help="a model's folder")
    parser.add_argument("--prompts", help="JSONL whose rows have a problem; FOLDER/train.jsonl unless given")
    parser.add_argument("--slots", type=int, default=96)
    parser.add_argument("--groups", type=int, default=48, help="prompts a round, each with 8 completions")
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = Path(options.prompts or Path(options.folder) / "train.jsonl").read_text().splitlines()
    problems = [json.loads(row)["problem"] for row in rows[: options.groups]]
    engine = Engine({"model": options.folder, "slots": options.slots})
    generate = static_batches(options.folder, options.slots, options.max_tokens)
    contenders: dict[str, Callable[[list[str]], int]] = {
        "slots": lambda some: slots(engine, some, options.slots, options.max_tokens),
        "slots, embedding": lambda some: slots(engine, some, options.slots, options.max_tokens, embed=True),
        "slots, top-p": lambda some: slots(engine, some, options.slots, options.max_tokens, top_p=0.9),
        "generate": generate,
    }
    for run in contenders.values():
        run(problems[: options.slots // GROUP])  # the first pass allocates
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, run in contenders.items():
            began_s = time.process_time()
            count = run(problems)
            rates[name].append(count / (time.process_time() - began_s))
    for name, each in rates.items():
        print(f"{name:18} {statistics.median(each):8.0f} {max(each):8.0f} tokens/cpu-s (median, best)")


def slots(engine: Engine, problems: list[str], slots: int, max_tokens: int, embed: bool = False, **more: float) -> int:
    """As environments ask: as many groups at a time as there are slots for, the next when one is answered."""
    waiting = list(enumerate(problems))
    under_way: list[Future[dict[str, Any]]] = []
    count = 0
    while waiting or under_way:
        while waiting and len(under_way) < slots // GROUP:
            seed, problem = waiting.pop(0)
            sampling = {"max_tokens": max_tokens, **more}
            messages = [{"role": "user", "content": problem}]
            asked = {"messages": messages, "n": GROUP, "seed": seed, "sampling": sampling, "embed": embed}
            under_way.append(engine.generate(asked))
        engine.turn()
        for future in [future for future in under_way if future.done()]:
            under_way.remove(future)
            count += sum(len(completion["ids"]) for completion in future.result()["completions"])
    return count


def static_batches(folder: str, slots: int, max_tokens: int) -> Callable[[list[str]], int]:
    """The same prompts, so many completions at a time, each batch as long as its longest."""
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    renderer = Renderer(tokenizer, frozenset())
    pad = tokenizer.pad_token_id or 0
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    settings = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "pad_token_id": pad}

    def run(problems: list[str]) -> int:
        count = 0
        for first in range(0, len(problems), slots // GROUP):
            some = problems[first : first + slots // GROUP]
            prompts = [renderer.begin([{"role": "user", "content": problem}]) for problem in some for _ in range(GROUP)]
            longest = max(map(len, prompts))
            ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt.tolist() for prompt in prompts])
            seen = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
            with torch.inference_mode():
                whole = model.generate(ids, attention_mask=seen, max_new_tokens=max_tokens, **settings)
            for said in whole[:, longest:].tolist():
                end = next((at for at, token in enumerate(said) if token in ends), len(said) - 1)
                count += end + 1
        return count

    return run


if __name__ == "__main__":
    main()
