"""BFCL's multi-turn-base tasks from the installed `bfcl-eval` package, imported and never copied.

Only the API classes are imported, and the data files are read by path: upstream's loaders create folders beside the
package when they are imported. `python -m iterant.workers.tools.bfcl` serves it.
"""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from iterant.workers.tools.suite import Suite, code_hash, file_hash, json_lines, read_tasks

SOURCES = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"
# API → (module in SOURCES, file of function docs)
APIS = {
    "GorillaFileSystem": ("gorilla_file_system", "gorilla_file_system.json"),
    "MathAPI": ("math_api", "math_api.json"),
    "MessageAPI": ("message_api", "message_api.json"),
    "TwitterAPI": ("posting_api", "posting_api.json"),
    "TicketAPI": ("ticket_api", "ticket_api.json"),
    "TradingBot": ("trading_bot", "trading_bot.json"),
    "TravelAPI": ("travel_booking", "travel_booking.json"),
    "VehicleControlAPI": ("vehicle_control", "vehicle_control.json"),
}
TASKS = "BFCL_v4_multi_turn_base.json"


def open_suite() -> Suite:
    """Reads the installed release. Raises RuntimeError with the cure if there is none, or not all of it."""
    data = _package() / "data"
    docs = {api: data / "multi_turn_func_doc" / file for api, (_, file) in APIS.items()}
    questions, answers = data / TASKS, data / "possible_answer" / TASKS
    absent = [str(path) for path in (questions, answers, *docs.values()) if not path.is_file()]
    if absent:
        raise RuntimeError(f"this release of bfcl-eval lacks {absent[0]} - run `npm run setup -- tools`")
    modules = {api: f"{SOURCES}.{module}" for api, (module, _) in APIS.items()}
    return Suite(
        name="bfcl",
        modules=modules,
        stateless=frozenset({"MathAPI"}),
        docs={api: json_lines(path) for api, path in docs.items()},
        tasks=read_tasks(questions, answers),
        versions={
            "bfcl-eval": version("bfcl-eval"),
            "mpmath": version("mpmath"),
            "questions": file_hash(questions),
            "answers": file_hash(answers),
            "docs": file_hash(*docs.values()),
            "code": code_hash(modules),
        },
    )


def _package() -> Path:
    try:
        version("bfcl-eval")
        version("mpmath")
    except PackageNotFoundError as error:
        raise RuntimeError(f"{error.name} is not installed in this Python - run `npm run setup -- tools`") from error
    spec = find_spec("bfcl_eval")
    if spec is None or spec.origin is None:
        raise RuntimeError("bfcl-eval is installed without its files - run `npm run setup -- tools`")
    return Path(spec.origin).parent


if __name__ == "__main__":
    from iterant.workers.tools.host import serve_suite

    serve_suite(open_suite)
