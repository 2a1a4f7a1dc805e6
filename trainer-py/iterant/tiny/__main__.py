"""Tiny models from nothing.

python -m iterant.tiny make TASK --out FOLDER    for one of the tiny tasks, warm-started, in minutes
python -m iterant.tiny twin MODEL --out FOLDER   a published model's architecture and tokenizer, random weights, at once
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from iterant.tiny import choices, office
from iterant.tiny.twins import TWINS, make_twin
from iterant.tiny.warm_start import Recipe, make

MAKERS = {"equations": make, "office": office.make, "choices": choices.make}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m iterant.tiny", description="Tiny models from nothing.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "make", help="make model and tokenizer, and problems where the task keeps them in files"
    )
    command.add_argument("task", choices=MAKERS)
    command.add_argument("--out", type=Path, required=True, help="the folder, made if it is not there")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--steps", type=int, default=Recipe.steps, help="of imitation")
    twin = commands.add_parser(
        "twin", help="make a tiny model of a published model's architecture, with random weights"
    )
    twin.add_argument("model", choices=TWINS)
    twin.add_argument("--out", type=Path, required=True, help="the folder, made if it is not there")
    twin.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.command == "twin":
        make_twin(given.model, given.out, given.seed)
        return
    MAKERS[given.task](given.out, replace(Recipe(), steps=given.steps), given.seed, print)


if __name__ == "__main__":
    main()
