"""The slot engine, held to the suite of engines on two architectures, and what is its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from iterant import weights
from iterant.models import ModelError, load_model
from iterant.sampling import prefixes
from iterant.sampling.engine import Engine, spans_of
from sampling.conformance import (
    ASK,
    EngineConformance,
    Make,
    ask,
    finish,
    seed_of_long_answers,
    tokens,
    versions_of,
    whole,
)
from sampling.oracle import changed, logprobs_of, whole_logits
from tiny_models import make_model


class SlotEngine(EngineConformance):
    kind = ""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return make_model(tmp_path_factory.mktemp(cls.kind), cls.kind)

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, folder: Path) -> Make:
        def make(slots: int = 8, **config: Any) -> Engine:
            return Engine({"model": str(folder), "slots": slots, **config})

        return make


class TestSlotEngineOnLlama(SlotEngine):
    kind = "llama"


class TestSlotEngineOnQwen2(SlotEngine):
    kind = "qwen2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


def made(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch, **sizes: Any) -> Path:
    """A model of a kind whose configuration wants more than the usual sizes."""
    monkeypatch.setattr(tiny_models, "SIZES", {**tiny_models.SIZES, **sizes})
    return make_model(folder, kind)


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [("gpt2", {}), ("granite", {}), ("gemma2", {"head_dim": 8, "query_pre_attn_scalar": 8}), ("gpt_neox", {})],
)
def test_absolute_positions_scaled_and_capped_logits_are_computed_as_the_model_does(
    kind: str, sizes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(made(tmp_path, kind, monkeypatch, **sizes))
    reply = ask(Engine({"model": str(tmp_path), "slots": 3}), n=5, seed=1, sampling={"max_tokens": 30})
    start = len(reply["prompt_ids"])
    for at, completion in enumerate(reply["completions"]):
        expected = logprobs_of(whole_logits(model, whole(reply, at), start), completion["ids"])
        np.testing.assert_allclose(completion["logprobs"], expected, atol=2e-5)


def test_a_model_that_keeps_no_keys_and_values_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "mamba", monkeypatch)
    with pytest.raises(ModelError, match=r"\(MambaForCausalLM\) does not run over a cache of slots: .* another engine"):
        Engine({"model": str(tmp_path)})


def test_a_model_whose_cached_logprobs_are_off_is_refused_at_the_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = load_model(folder)
    rotate = type(plain.model.rotary_emb).forward

    def forget(self: Any, x: torch.Tensor, position_ids: torch.Tensor) -> Any:
        return rotate(self, x, position_ids if position_ids.shape[1] > 1 else position_ids * 0)

    monkeypatch.setattr(type(plain.model.rotary_emb), "forward", forget)
    with pytest.raises(ModelError, match=r"computes log-probabilities over a cache of slots that are off by"):
        Engine({"model": str(folder)})


def test_a_sliding_window_is_served_up_to_its_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(made(tmp_path, "mistral", monkeypatch, sliding_window=48))
    with pytest.raises(ModelError, match=r"a window of 48 positions only.*Set engine\.maxLength to 48 or less"):
        Engine({"model": str(tmp_path)})
    reply = ask(Engine({"model": str(tmp_path), "max_length": 48}), seed=1)
    ids = reply["completions"][0]["ids"]
    expected = logprobs_of(whole_logits(model, whole(reply), len(reply["prompt_ids"])), ids)
    np.testing.assert_allclose(reply["completions"][0]["logprobs"], expected, atol=1e-5)


def test_with_cache_recompute_tokens_after_a_swap_are_sampled_as_if_the_new_weights_had_read_everything(
    folder: Path, tmp_path: Path
) -> None:
    engine = Engine({"model": str(folder), "slots": 4, "cache": "recompute"})
    new = changed(folder, 1)
    asked = [{"messages": [{"role": "user", "content": text}], "seed": at} for at, text in enumerate(("ab", "cdefg"))]
    futures = [engine.generate({**each, "n": 2, "sampling": {"max_tokens": 40}}) for each in asked]
    for _ in range(6):
        engine.turn()
    engine.prepare(weights.write(tmp_path, 1, new.state_dict()))
    engine.commit(1)
    new_count = 0
    for reply in finish(engine, *futures):
        start = len(reply["prompt_ids"])
        for at, completion in enumerate(reply["completions"]):
            expected = logprobs_of(whole_logits(new, whole(reply, at), start), completion["ids"])
            is_new = versions_of(completion) == 1
            new_count += int(is_new.sum())
            assert not is_new[:6].any()
            np.testing.assert_allclose(completion["logprobs"][is_new], expected[is_new], atol=1e-5)
    assert new_count > 20


def talk(engine: Engine, turns: int = 3) -> list[dict[str, Any]]:
    """A conversation, each turn going on from the second completion of the one before."""
    replies = [ask(engine, n=2, seed=1, sampling={"max_tokens": 12})]
    for turn in range(1, turns):
        ids = whole(replies[-1], 1)
        said = [{"role": "user", "content": f"and {turn}"}]
        replies.append(ask(engine, said, ids=ids, n=2, seed=turn, sampling={"max_tokens": 12}))
    return replies


def reused(engine: Engine) -> int:
    return int(engine.status()["prompt_tokens"]["reused"])


def test_a_conversation_that_goes_on_is_not_read_again_and_nobody_can_tell(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "WORTHWHILE", 8)
    anew, remembering = (Engine({"model": str(folder), "slots": 3, "prefix_mb": size}) for size in (0, 1))
    model = load_model(folder)
    for one, other in zip(talk(anew), talk(remembering), strict=True):
        assert tokens(one) == tokens(other)
        for at, completion in enumerate(other["completions"]):
            logits = whole_logits(model, whole(other, at), len(other["prompt_ids"]))
            np.testing.assert_allclose(completion["logprobs"], logprobs_of(logits, completion["ids"]), atol=1e-5)
    assert reused(anew) == 0
    assert reused(remembering) > 60


def test_what_other_weights_have_read_is_read_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "WORTHWHILE", 8)
    engine = Engine({"model": str(folder), "slots": 3})
    first = ask(engine, seed=1, sampling={"max_tokens": 12})
    new = changed(folder, 3)
    engine.prepare(weights.write(tmp_path, 1, new.state_dict()))
    engine.commit(1)
    reply = ask(engine, [], ids=whole(first)[:-1], seed=2, sampling={"max_tokens": 12})
    assert reused(engine) == 0
    logits = whole_logits(new, whole(reply), len(reply["prompt_ids"]))
    ids = reply["completions"][0]["ids"]
    np.testing.assert_allclose(reply["completions"][0]["logprobs"], logprobs_of(logits, ids), atol=1e-5)
    assert ask(engine, [], ids=whole(reply), seed=2, sampling={"max_tokens": 2})
    assert reused(engine) > 0


def test_what_was_sampled_while_weights_changed_is_read_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "WORTHWHILE", 8)
    engine = Engine({"model": str(folder), "slots": 3})
    asked = engine.generate({"messages": ASK, "sampling": {"max_tokens": 12}, "seed": 1})
    for _ in range(4):
        engine.turn()
    engine.prepare(weights.write(tmp_path, 1, changed(folder, 3).state_dict()))
    engine.commit(1)
    reply = finish(engine, asked)[0]
    assert len(set(versions_of(reply["completions"][0]))) == 2
    ask(engine, [], ids=whole(reply), sampling={"max_tokens": 2})
    assert reused(engine) == 0


def test_weights_that_give_no_finite_logits_fail_who_asked_and_better_ones_serve_the_next(
    folder: Path, tmp_path: Path
) -> None:
    engine = Engine({"model": str(folder), "slots": 4})
    good = load_model(folder).state_dict()
    expected = ask(engine, seed=3)["completions"][0]["ids"].tolist()
    engine.prepare(weights.write(tmp_path, 1, {name: tensor * float("nan") for name, tensor in good.items()}))
    engine.commit(1)
    before = engine.status()["tokens"]
    future = engine.generate({"messages": ASK, "n": 6})
    assert [engine.turn() for _ in range(3)] == [True, False, False]
    assert engine.status()["tokens"] - before == 4  # the other two were not even begun
    with pytest.raises(ArithmeticError) as failure:
        future.result(timeout=0)
    assert str(failure.value) == (
        "weights of version 1 gave logits that are not finite. Go back to an earlier version."
    )
    engine.prepare(weights.write(tmp_path, 2, good))
    engine.commit(2)
    assert ask(engine, seed=3)["completions"][0]["ids"].tolist() == expected


def test_a_version_that_is_the_newest_is_kept_for_who_names_it_though_it_is_not_pinned(
    folder: Path, tmp_path: Path
) -> None:
    engine = Engine({"model": str(folder), "slots": 4})
    seed = seed_of_long_answers(engine, 8)
    others = engine.generate({"messages": ASK, "n": 4})
    future = engine.generate({"messages": ASK, "seed": seed, "version": 0, "sampling": {"max_tokens": 8}})
    engine.turn()  # the slots are taken: it waits
    engine.prepare(weights.write(tmp_path, 1, changed(folder, 1).state_dict()))
    engine.commit(1)
    assert engine.status()["kept"] == 1
    assert finish(engine, future, others)[0]["completions"][0]["versions"] == [[0, 8, 0]]
    assert engine.status()["kept"] == 0


def test_the_slots_of_a_version_that_is_gone_serve_the_next_that_is_pinned(folder: Path, tmp_path: Path) -> None:
    engine = Engine({"model": str(folder), "slots": 4})
    for version in (1, 2, 3):
        new = changed(folder, version)
        engine.prepare(weights.write(tmp_path, version, new.state_dict()))
        engine.commit(version)
        engine.pin(version)
        reply = ask(engine, seed=1, n=2, version=version)
        for at, completion in enumerate(reply["completions"]):
            assert set(versions_of(completion).tolist()) == {version}
            expected = logprobs_of(whole_logits(new, whole(reply, at), len(reply["prompt_ids"])), completion["ids"])
            np.testing.assert_allclose(completion["logprobs"], expected, atol=1e-5)
        engine.unpin(version)


def test_bfloat16_answers_nearly_as_float32_does(folder: Path) -> None:
    engine = Engine({"model": str(folder), "slots": 4, "dtype": "bfloat16"})
    reply = ask(engine, seed=1, n=3)
    assert reply["completions"][0]["logprobs"].dtype == np.float32
    for at, completion in enumerate(reply["completions"]):
        exact = logprobs_of(
            whole_logits(load_model(folder), whole(reply, at), len(reply["prompt_ids"])), completion["ids"]
        )
        assert float(np.abs(exact - completion["logprobs"]).mean()) < 0.1


def test_a_model_without_a_chat_template_reads_each_content_as_a_line(tmp_path: Path) -> None:
    engine = Engine({"model": str(make_model(tmp_path, template=None)), "slots": 2})
    assert engine.describe()["chat_template"] is False
    assert ask(engine, seed=1)["prompt_ids"].tolist() == ask(engine, seed=2)["prompt_ids"].tolist()


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"slot": 3}, "engine config has no field slot: known are cache, device, dtype, max_length, model"),
        ({"slots": 0}, "engine slots is 0: it must be 1 or more"),
        ({"prefix_mb": -1}, "engine prefix_mb is -1: it must be 0 or more"),
        ({"max_length": 1}, "engine max_length is 1: it must be 2 or more"),
        ({"dtype": "int8"}, "engine dtype is 'int8': it must be float32 or bfloat16"),
        ({"cache": "drop"}, "engine cache is 'drop': it must be keep or recompute"),
    ],
)
def test_a_config_that_cannot_be_is_refused_by_name(folder: Path, config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Engine({"model": str(folder), **config})


def test_spans_cover_all_tokens_in_order() -> None:
    assert spans_of(np.array([1, 1, 2, 2, 2, 5])) == [[0, 2, 1], [2, 5, 2], [5, 6, 5]]
    assert spans_of(np.array([], dtype=np.int32)) == []
