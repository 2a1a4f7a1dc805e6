"""Every learner engine computes the same: torch, and DeepSpeed at every ZeRO stage, on one rank and on two."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from drive import SHAPES

from iterant.batch import parse_batch, token_weights
from iterant.engines.seam import EngineSettings
from iterant.engines.torch_engine import TorchEngine
from iterant.losses import Objective
from iterant.micro_batch import cut
from iterant.models import load_model
from tiny_models import make_model
from wire_batches import make_batch

Results = dict[str, Any]
TORCH = {"kind": "torch"}
# A process for each number of ranks, which serves one engine after the other: importing DeepSpeed takes longest.
JOBS = {
    "torch": [TORCH],
    "one rank": [{"kind": "deepspeed", "zero_stage": stage, "ranks": 1} for stage in (0, 1, 2, 3)],
    "two ranks": [{"kind": "deepspeed", "zero_stage": stage, "ranks": 2} for stage in (0, 1, 2, 3)],
}
CASES = [(name, at) for name, engines in JOBS.items() for at in range(len(engines))]
IDS = [name if name == "torch" else f"{name}, ZeRO {at}" for name, at in CASES]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def results(folder: Path, model: Path) -> Any:
    """What each job computed, each run once, when it is first asked for."""
    known: dict[str, list[Results]] = {}

    def of(name: str) -> list[Results]:
        if name not in known:
            if name != "torch" and find_spec("deepspeed") is None:
                pytest.skip("deepspeed is not installed: npm run setup -- deepspeed")
            if name != "torch":
                of("torch")  # what it saved is loaded by the others
            out = folder / f"{name}.pt"
            job = folder / f"{name}.json"
            ranks = JOBS[name][0].get("ranks", 0)
            job.write_text(json.dumps({"model": str(model), "ranks": ranks, "engines": JOBS[name], "out": str(out)}))
            driver = Path(__file__).with_name("drive.py")
            env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
            command = [sys.executable, str(driver), str(job)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
            assert done.returncode == 0, done.stderr[-3000:]
            known[name] = torch.load(out, weights_only=False)
        return known[name]

    return of


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """|one - other| / |other| over all tensors together."""
    assert one.keys() == other.keys()
    difference = sum(float((one[name].double() - other[name].double()).square().sum()) for name in one)
    size = sum(float(other[name].double().square().sum()) for name in other)
    return float((difference / size) ** 0.5)


@pytest.mark.parametrize(("name", "at"), CASES, ids=IDS)
def test_the_gradient_of_a_batch_is_the_same_however_it_is_cut_and_whoever_computes_it(
    results: Any, name: str, at: int
) -> None:
    expected = results("torch")[0]["gradients"][0]
    for gradient, loss in zip(results(name)[at]["gradients"], results(name)[at]["losses"], strict=True):
        assert distance(gradient, expected) < 1e-5
        assert loss == pytest.approx(results("torch")[0]["losses"][0], rel=1e-5)


@pytest.mark.parametrize(("name", "at"), CASES, ids=IDS)
def test_four_updates_with_a_moving_reference_lead_to_the_same_weights(results: Any, name: str, at: int) -> None:
    own, expected = results(name)[at], results("torch")[0]
    assert own["norms"] == pytest.approx(expected["norms"], rel=1e-4)
    assert distance(own["before"], expected["before"]) < 1e-4
    assert distance(own["after"], expected["after"]) < 1e-4


@pytest.mark.parametrize(("name", "at"), CASES, ids=IDS)
def test_what_was_saved_and_loaded_goes_on_as_if_nothing_had_happened(results: Any, name: str, at: int) -> None:
    own = results(name)[at]
    assert distance(own["before"], own["after"]) > 1e-4
    assert distance(own["again"], own["after"]) < 1e-7


@pytest.mark.parametrize(("name", "at"), CASES, ids=IDS)
def test_a_run_goes_on_with_another_engine_from_what_torch_saved(results: Any, name: str, at: int) -> None:
    assert distance(results(name)[at]["from torch"], results("torch")[0]["after"]) < 1e-6


@pytest.mark.parametrize(("name", "at"), CASES[1:], ids=IDS[1:])
def test_torch_goes_on_from_what_any_engine_saved_on_any_number_of_ranks(
    results: Any, folder: Path, name: str, at: int
) -> None:
    """Its folder is a model's folder too."""
    saved = folder / f"saved-deepspeed-{JOBS[name][at]['zero_stage']}-{JOBS[name][at]['ranks']}"
    expected = results(name)[at]
    loaded = dict(load_model(saved).state_dict())
    assert all(torch.equal(loaded[key], expected["before"][key]) for key in loaded)
    settings = EngineSettings(str(saved), temperature=1.0, has_reference=True, seed=0, device="cpu", clip_norm=0.5)
    learner = TorchEngine(settings)
    learner.load(saved)
    objective = Objective(kl="k3", beta=0.05)
    batch = parse_batch(make_batch(4, SHAPES, 40, masked=[3]))
    micro_batches = cut(batch, token_weights(batch, objective.denominator, None), 60, version=0)
    learner.backward(micro_batches, objective, None, learner.reference_logprobs(micro_batches))
    learner.step(1e-3)
    assert distance(dict(learner.state()), expected["after"]) < 1e-6
