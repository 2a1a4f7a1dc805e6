"""`python -m iterant.tiny make --out FOLDER`: the tiny model and its problems, from nothing, in a few minutes."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from iterant.tiny.warm_start import Recipe, make


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m iterant.tiny", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make", help="make model, tokenizer and problems")
    command.add_argument("--out", type=Path, required=True, help="the folder, made if it is not there")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--steps", type=int, default=Recipe.steps, help="of imitation")
    given = parser.parse_args()
    torch.set_num_threads(1)
    make(given.out, replace(Recipe(), steps=given.steps), given.seed, print)


if __name__ == "__main__":
    main()
