"""Drives a learner engine in a process of its own and writes down what it computed: `drive.py JOB.json`.

A job names the model, engines to open one after the other, and where results go. DeepSpeed keeps state in the whole
process, so it must not share one with other tests.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from iterant.batch import parse_batch, token_weights
from iterant.engines.deepspeed_engine import DeepSpeedEngine
from iterant.engines.gang import Gang
from iterant.engines.seam import EngineSettings
from iterant.engines.torch_engine import TorchEngine
from iterant.losses import Objective
from iterant.micro_batch import cut
from wire_batches import make_batch

SHAPES = [(5, 7), (5, 12), (9, 4), (5, 4), (6, 20), (2, 9), (9, 3), (5, 1)]


def run(engine: dict[str, Any], model: str, folder: Path, gang: Gang | None) -> dict[str, Any]:
    """One gradient in five layouts; three updates, the reference moved, saved; the fourth update, three times:
    going on, from what was saved, and from what the engine torch saved."""
    settings = EngineSettings(
        model=model, temperature=1.0, has_reference=True, seed=0, device="cpu", clip_norm=0.5, **engine
    )
    learner = TorchEngine(settings) if gang is None else DeepSpeedEngine(settings, gang)
    objective = Objective(kl="k3", beta=0.05)
    results: dict[str, Any] = {"gradients": [], "losses": [], "norms": []}
    batches = [parse_batch(make_batch(seed, SHAPES, 40, masked=[3])) for seed in range(5)]

    def backward(at: int, positions: int, width: int = 0) -> float:
        weights = token_weights(batches[at], objective.denominator, None)
        micro_batches = cut(batches[at], weights, positions, version=0, width=width)
        reference = learner.reference_logprobs(micro_batches)
        return learner.backward(micro_batches, objective, None, reference)["loss"]

    # One rollout at a time; some; all at once; prompts read once for all that begin with them, in one row and in two.
    for positions, width in ((1, 0), (60, 0), (10_000, 0), (10_000, learner.sharing_width), (20, 1000)):
        results["losses"].append(backward(0, positions, width))
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
    for name, source in (("again", saved), ("from torch", folder / "saved-torch-0-1")):
        learner.load(source)
        backward(4, 60)
        learner.step(1e-3)
        results[name] = {name: tensor.clone() for name, tensor in learner.state().items()}
    return results


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    out = Path(job["out"])
    ranks = Gang(job["ranks"], "cpu", 1) if job["ranks"] > 0 else None
    torch.save([run(engine, job["model"], out.parent, ranks) for engine in job["engines"]], out)
    if ranks is not None:
        ranks.close()
