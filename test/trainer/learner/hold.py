"""Two ranks that live until somebody ends them: `hold.py MODEL FOLDER`.

Before that: a checkpoint on a disk that takes no more than a kilobyte, and an update all the same. Says what came of it
in one line of JSON.
"""

import json
import resource
import sys
from pathlib import Path

from drive import SHAPES

from iterant.batch import parse_batch, token_weights
from iterant.checkpoint import CheckpointError, save
from iterant.engines.deepspeed_engine import DeepSpeedEngine
from iterant.engines.seam import EngineSettings
from iterant.losses import Objective
from iterant.micro_batch import cut
from wire_batches import make_batch

if __name__ == "__main__":
    model, folder = sys.argv[1:]
    engine = DeepSpeedEngine(
        EngineSettings(model, temperature=1.0, has_reference=False, seed=0, kind="deepspeed", ranks=2, device="cpu")
    )
    batch = parse_batch(make_batch(0, SHAPES, 40))
    parts = cut(batch, token_weights(batch, "token", None), 60, version=0)
    norms = []
    for _ in range(2):
        engine.backward(parts, Objective(), None, None)
        norms.append(engine.step(1e-3))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            save(Path(folder) / "000001", 1, {}, engine.save)
            refusal = ""
        except CheckpointError as error:
            refusal = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    print(json.dumps({"norms": norms, "refusal": refusal, "pids": engine.describe()["pids"]}), flush=True)
    sys.stdin.read()
