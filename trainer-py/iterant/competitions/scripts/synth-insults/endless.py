"""Looks at the data for ever."""

import os
from pathlib import Path

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    while True:
        Path(f"{DATA}/train.csv").read_bytes()


if __name__ == "__main__":
    main()
