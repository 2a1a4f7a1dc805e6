"""What this Python has, as one JSON object. Runs on any Python 3; imports nothing but the standard library and zmq.

With `--deep` also imports what a run imports, multiplies matrices and touches fresh memory: how fast, in figures.
"""

import json
import sys
import time

PACKAGES = (
    *("torch", "transformers", "tokenizers", "safetensors", "numpy", "pyzmq", "ormsgpack", "math-verify"),
    *("deepspeed", "vllm"),
)
MODULES = {"pyzmq": "zmq", "math-verify": "math_verify"}
MATRIX_SIZE = 512
FRESH_BYTES = 128 * 1024 * 1024


def version_of(package):
    """The installed version, or None; no package is imported."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def probe_zmq():
    """libzmq's version and whether it was built with CURVE; light enough to be asked always."""
    try:
        import zmq
    except Exception as error:
        return {"error": reason_of(error)}
    return {"libzmq": zmq.zmq_version(), "curve": bool(zmq.has("curve"))}


def probe_imports(packages):
    """Seconds that each import takes, or why it fails."""
    from importlib import import_module

    told = {}
    for package in packages:
        began = time.perf_counter()
        try:
            import_module(MODULES.get(package, package))
        except Exception as error:
            told[package] = {"error": reason_of(error)}
        else:
            told[package] = {"seconds": round(time.perf_counter() - began, 2)}
    return told


def probe_torch():
    """Threads, devices, and the speed of a matrix product; torch has been imported."""
    import torch

    one = torch.rand(MATRIX_SIZE, MATRIX_SIZE)
    seconds = best_of(5, lambda: one @ one)
    devices = [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
    return {
        "threads": torch.get_num_threads(),
        "devices": devices,
        "gigaflops": round(2 * MATRIX_SIZE**3 / seconds / 1e9, 1),
    }


def probe_memory():
    """GB a second for pages touched for the first time, and for the same pages again."""
    import mmap

    with mmap.mmap(-1, FRESH_BYTES) as pages:
        view = memoryview(pages)
        block = bytes(1024 * 1024)

        def touch():
            for at in range(0, FRESH_BYTES, len(block)):
                view[at : at + len(block)] = block

        fresh, again = best_of(1, touch), best_of(2, touch)
        view.release()
    return {"fresh": round(FRESH_BYTES / fresh / 1e9, 2), "again": round(FRESH_BYTES / again / 1e9, 2)}


def best_of(count, work):
    """The least of so many times, in seconds."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def reason_of(error):
    """The last line that is worth a line."""
    lines = str(error).strip().splitlines()
    return "{}: {}".format(type(error).__name__, lines[-1] if lines else "it did not say why")


def main(is_deep):
    """Prints the object on one line, behind whatever packages print."""
    packages = {package: version_of(package) for package in PACKAGES}
    said = {
        "version": sys.version.split()[0],
        "executable": sys.executable,
        "isVenv": sys.prefix != sys.base_prefix,
        "packages": packages,
        "zmq": probe_zmq() if packages["pyzmq"] else None,
        "memory": None,
        "imports": {},
        "torch": None,
    }
    if is_deep:
        said["memory"] = probe_memory()
        said["imports"] = probe_imports([package for package in PACKAGES if packages[package]])
        if "seconds" in said["imports"].get("torch", {}):
            said["torch"] = probe_torch()
    print("\n" + json.dumps(said))


if __name__ == "__main__":
    main("--deep" in sys.argv[1:])
