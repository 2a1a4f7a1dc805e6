"""Asks for a column that is not there."""

import os

import pandas as pd

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    train = pd.read_csv(f"{DATA}/train.csv")
    print(len(train), "rows")
    print(train["Insulting"].mean())


if __name__ == "__main__":
    main()
