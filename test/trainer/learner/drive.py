"""Drives a learner engine in a process of its own and writes down what it computed: `drive.py JOB.json`.

A job names the model, engines to open one after the other, and where results go. DeepSpeed keeps state in the whole
process, so it must not share one with other tests.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from iterant.batch import cut, parse_batch, token_weights
from iterant.engines import open_engine
from iterant.engines.seam import EngineSettings
from iterant.losses import Objective
from wire_batches import make_batch

SHAPES = [(5, 7), (3, 12), (9, 4), (4, 4), (6, 20), (2, 9), (8, 3)]


def run(engine: dict[str, Any], model: str, folder: Path) -> dict[str, Any]:
    """One gradient in three layouts, three updates, the reference moved, saved, loaded, once more updated."""
    settings = EngineSettings(
        model=model, temperature=1.0, has_reference=True, seed=0, device="cpu", clip_norm=0.5, **engine
    )
    learner = open_engine(settings)
    objective = Objective(kl="k3", beta=0.05)
    results: dict[str, Any] = {"gradients": [], "losses": [], "norms": []}
    batches = [parse_batch(make_batch(seed, SHAPES, 40, masked=[3])) for seed in range(5)]

    def backward(at: int, positions: int) -> float:
        weights = token_weights(batches[at], objective.denominator, None)
        micro_batches = cut(batches[at], weights, positions)
        reference = learner.reference_logprobs(micro_batches)
        return learner.backward(micro_batches, objective, None, reference)["loss"]

    for positions in (1, 60, 10_000):  # one rollout at a time; some; all at once
        results["losses"].append(backward(0, positions))
        results["gradients"].append(dict(learner.gradient()))
        learner.step(0.0)
    for at in (1, 2, 3):
        backward(at, 60)
        results["norms"].append(learner.step(1e-3))
    learner.move_reference(0.5)
    saved = folder / f"saved-{engine['kind']}-{engine.get('zero_stage', 0)}-{engine.get('ranks', 1)}"
    saved.mkdir()
    learner.save(saved)
    results["before"] = {name: tensor.clone() for name, tensor in learner.state().items()}
    backward(4, 60)
    results["norms"].append(learner.step(1e-3))
    results["after"] = {name: tensor.clone() for name, tensor in learner.state().items()}
    learner.load(saved)
    backward(4, 60)
    learner.step(1e-3)
    results["again"] = {name: tensor.clone() for name, tensor in learner.state().items()}
    if engine is JOB["engines"][-1]:
        learner.close()
    return results


if __name__ == "__main__":
    JOB = json.loads(Path(sys.argv[1]).read_text())
    out = Path(JOB["out"])
    torch.save([run(engine, JOB["model"], out.parent) for engine in JOB["engines"]], out)
