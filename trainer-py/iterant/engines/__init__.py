"""Learner engines: what holds the weights and steps them, behind one seam.

In reading order: `seam` says what an engine does, `policy` what each computes on its share, `training_state` what it
leaves on disk. `torch_engine` is one process; `deepspeed_engine` gives orders to a `gang`, whose further processes run
`rank` and which each hold a `deepspeed_shard`.
"""

from iterant.engines.seam import EngineSettings, LearnerEngine


def open_engine(settings: EngineSettings) -> LearnerEngine:
    """The engine of a configuration. DeepSpeed is imported only if it is asked for: that takes 14 to 40 s."""
    if settings.kind == "torch":
        from iterant.engines.torch_engine import TorchEngine

        return TorchEngine(settings)
    if settings.kind == "deepspeed":
        from iterant.engines.deepspeed_engine import DeepSpeedEngine

        return DeepSpeedEngine(settings)
    raise ValueError(f"learner.engine is {settings.kind!r}: it must be torch or deepspeed.")
