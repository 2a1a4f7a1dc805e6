"""Asks for a column that is not there."""

import os

import pandas as pd

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    train = pd.read_json(f"{DATA}/train.json")
    print(len(train), "rows")
    print(train["pizza"].mean())


if __name__ == "__main__":
    main()
