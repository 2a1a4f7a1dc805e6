"""`python -m iterant.tiny make TASK --out FOLDER`: a tiny model for one of the tiny tasks, from nothing, in minutes."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from iterant.tiny import choices, office
from iterant.tiny.warm_start import Recipe, make

MAKERS = {"equations": make, "office": office.make, "choices": choices.make}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m iterant.tiny", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "make", help="make model and tokenizer, and problems where the task keeps them in files"
    )
    command.add_argument("task", choices=MAKERS)
    command.add_argument("--out", type=Path, required=True, help="the folder, made if it is not there")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--steps", type=int, default=Recipe.steps, help="of imitation")
    given = parser.parse_args()
    torch.set_num_threads(1)
    MAKERS[given.task](given.out, replace(Recipe(), steps=given.steps), given.seed, print)


if __name__ == "__main__":
    main()
