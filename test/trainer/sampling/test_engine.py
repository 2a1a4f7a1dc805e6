"""The slot engine, held to the suite of engines on three kinds of model, and what is its own."""

from pathlib import Path
from typing import Any

import pytest

from iterant.sampling.engine import Engine
from sampling.conformance import EngineConformance, Make
from sampling.tiny_models import save_model


class SlotEngine(EngineConformance):
    kind = ""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return save_model(tmp_path_factory.mktemp(cls.kind), cls.kind)

    @pytest.fixture
    def make(self, folder: Path) -> Make:
        def make(slots: int = 8, **config: Any) -> Engine:
            return Engine({"model": str(folder), "slots": slots, **config})

        return make


class TestSlotEngineOnLlama(SlotEngine):
    kind = "llama"


class TestSlotEngineOnQwen2(SlotEngine):
    kind = "qwen2"


class TestSlotEngineOnGpt2(SlotEngine):
    kind = "gpt2"
