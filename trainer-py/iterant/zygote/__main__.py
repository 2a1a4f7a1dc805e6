"""`python -m iterant.zygote --control FD --import numpy,pandas`: see `server.py` for what is spoken over FD."""

import argparse
import sys

from iterant.zygote.job import run
from iterant.zygote.server import serve


def main() -> None:
    """Returns in the zygote when its control ends; in a job's process the job's program runs instead."""
    parser = argparse.ArgumentParser(prog="python -m iterant.zygote", description=__doc__)
    parser.add_argument("--control", type=int, required=True, help="a connected stream socket")
    parser.add_argument("--terminals", default="", help="descriptors that jobs may have for a terminal: 4,5,6")
    parser.add_argument(
        "--import", dest="modules", default="", help="modules to load before the first fork: numpy,pandas"
    )
    parser.add_argument(
        "--confine", default="", help="MODULE:FUNCTION, called in each job's process before its program"
    )
    arguments = parser.parse_args()
    terminals = [int(text) for text in arguments.terminals.split(",") if text]
    modules = [name for name in arguments.modules.split(",") if name]
    job = serve(arguments.control, terminals, modules, arguments.confine)
    if job is not None:
        run(job)


if __name__ == "__main__":
    sys.argv[0] = "iterant.zygote"
    main()
