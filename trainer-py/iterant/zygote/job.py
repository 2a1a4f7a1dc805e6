"""One job in its own process, forked from the zygote: made a stranger to it, then run as `python job.py` would be.

What a program can notice of having been forked is undone where it can be: random states, descriptors, environment,
streams, `__main__`, `sys.path`, traces. What cannot: the hash seed and the addresses of memory are the zygote's.
"""

import atexit
import builtins
import contextlib
import fcntl
import gc
import importlib
import io
import linecache
import os
import random
import resource
import signal
import sys
import termios
import threading
import traceback
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from iterant.zygote import processes

# Names in `resource`, by what a job calls them.
LIMITS = {
    "cpuSeconds": resource.RLIMIT_CPU,
    "addressBytes": resource.RLIMIT_AS,
    "fileBytes": resource.RLIMIT_FSIZE,
    "openFiles": resource.RLIMIT_NOFILE,
    "processes": resource.RLIMIT_NPROC,
    "coreBytes": resource.RLIMIT_CORE,
}

# Neither a package's name nor a frame of ours is to be seen by a program.
OUR_FOLDER = str(Path(__file__).resolve().parent.parent.parent)


@dataclass
class Job:
    """program  its text; file, what it says its name is, need not exist; arguments  sys.argv after that name."""

    program: str
    file: str
    arguments: list[str]


def stand_by() -> None:
    """What can be done before the job is known; the first touch of memory after a fork takes 5 ms (measured)."""
    own_folder = 0 if sys.flags.safe_path else 1  # `-m` has put its working folder first
    sys.path = [path for path in sys.path[own_folder:] if str(Path(path).resolve()) != OUR_FOLDER]
    for name in [name for name in sys.modules if name.partition(".")[0] == "iterant"]:
        del sys.modules[name]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _reseed(None)


def prepare(call: dict[str, Any], terminals: list[int], confine: str) -> Job:
    """Makes this process the job's: terminal, session, limits, folder, environment, seeds; then confines it.

    call     {terminal, program, file, args, cwd, env, limits, seed, input}
             terminal: one of `terminals`; seed: an integer for `random` and numpy, None for a new one
    confine  MODULE:FUNCTION of one argument, the call
    """
    terminal = call["terminal"]
    if terminal not in terminals:
        raise ValueError(f"descriptor {terminal} is no terminal of this zygote, which has {terminals}")
    os.setsid()
    _take_terminal(terminal, is_open=call.get("input") == "open")
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    processes.control_process(processes.PR_SET_DUMPABLE, 1)
    os.environ.clear()
    os.environ.update(call["env"])
    os.chdir(call["cwd"])
    sys.path.insert(0, call["cwd"])
    if call["seed"] is not None:
        _reseed(call["seed"])
    if confine:
        module, _, function = confine.partition(":")
        getattr(importlib.import_module(module), function)(call)
    for name, value in call["limits"].items():
        resource.setrlimit(LIMITS[name], (value, value))
    gc.enable()
    return Job(call["program"], call["file"], call["args"])


def run(job: Job) -> NoReturn:
    """Runs the program as `__main__` and ends the process as Python would have."""
    sys.argv = [job.file, *job.arguments]
    linecache.cache[job.file] = (len(job.program), None, job.program.splitlines(keepends=True), job.file)
    sys.excepthook = _excepthook
    main = types.ModuleType("__main__")
    main.__file__ = job.file
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    loaded = set(sys.modules)
    try:
        try:
            exec(compile(job.program, job.file, "exec", dont_inherit=True), main.__dict__)
        finally:
            _flush()
        code = 0
    except BaseException as error:
        code = _report(error)
    _end(code, loaded)


def _take_terminal(terminal: int, is_open: bool) -> None:
    """Makes the descriptor our stdin, stdout and stderr, and a terminal our controlling one."""
    is_terminal = os.isatty(terminal)
    if is_terminal:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    source = terminal if is_open else os.open(os.devnull, os.O_RDONLY)
    os.dup2(source, 0)
    os.dup2(terminal, 1)
    os.dup2(terminal, 2)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout = _writer(1, line_buffering=is_terminal)
    sys.stderr = _writer(2, line_buffering=True)
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))


def _writer(fd: int, line_buffering: bool) -> io.TextIOWrapper:
    errors = "backslashreplace" if fd == 2 else "strict"
    raw = io.FileIO(fd, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors=errors, line_buffering=line_buffering)


def _reseed(seed: int | None) -> None:
    """Every job has states of its own. A job that is given a seed has the same ones wherever it runs."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(None if seed is None else seed % 2**32)
    if uuid := sys.modules.get("uuid"):
        uuid._last_timestamp = None  # type: ignore[attr-defined]
    if tempfile := sys.modules.get("tempfile"):
        tempfile._name_sequence = None  # type: ignore[attr-defined]


def _report(error: BaseException) -> int:
    """Says what has ended the program, as Python does. Returns its exit code, or minus a signal."""
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        with contextlib.suppress(OSError, ValueError):  # a stream that is gone
            print(error.code, file=sys.stderr)
        return 1
    error = error.with_traceback(_own_part(error.__traceback__))
    sys.excepthook(type(error), error, error.__traceback__)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def _end(code: int, loaded: set[str]) -> NoReturn:
    """What Python does at its end for the program's sake: threads, exit functions, finalizers, buffers.

    It is not done for the zygote's packages: taking them apart costs 65 ms a job (measured) and nobody would notice.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    own = [module for name, module in sys.modules.items() if name not in loaded or name == "__main__"]
    for module in own:
        if isinstance(module, types.ModuleType):
            _clear(module.__dict__)
    # A file in a cycle or in a package's hands is not finalized here, or not in the order that keeps what it holds.
    for file in [thing for thing in gc.get_objects() if isinstance(thing, (io.TextIOWrapper, io.BufferedWriter))]:
        with contextlib.suppress(OSError, ValueError):  # closed, or for reading alone
            file.flush()
    gc.collect()
    if not _flush():
        code = code or 120
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _flush() -> bool:
    """False if what was written can no longer go out."""
    is_out = True
    for stream in (sys.stderr, sys.stdout):
        try:
            if not getattr(stream, "closed", False):
                stream.flush()
        except OSError:
            is_out = False
    return is_out


def _clear(names: dict[str, Any]) -> None:
    """In Python's order: names with one underscore first, then the others; `__builtins__` last of all."""
    for is_private in (True, False):
        for name in list(names):
            if name != "__builtins__" and is_private == (name.startswith("_") and not name.startswith("__")):
                names[name] = None


def _own_part(trace: types.TracebackType | None) -> types.TracebackType | None:
    """A trace from the program's own first frame."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(OUR_FOLDER):
        trace = trace.tb_next
    return trace


def _excepthook(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
    """As Python's own, which would look for the program's lines in a file that need not exist."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is gone
        traceback.print_exception(kind, error, trace)
