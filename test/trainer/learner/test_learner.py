"""The learner and its actor: updates in order, a report of each, and no update lost or done twice."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from iterant import checkpoint, weights
from iterant.learner import Learner
from iterant.learner_actor import LearnerActor
from tiny_models import make_model
from wire_batches import make_batch

SHAPES = [(4, 6), (3, 9), (5, 5), (2, 7)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


def config_of(model: Path, **more: Any) -> dict[str, Any]:
    return {
        "model": str(model),
        "seed": 0,
        "temperature": 1.0,
        "engine": {"kind": "torch", "device": "cpu", "micro_batch_tokens": 40},
        "optimiser": {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0, "clip_norm": 1.0},
        "loss": {"preset": "grpo", "beta": 0.01},
        "learning_rate": 1e-3,
        **more,
    }


@pytest.fixture
def actor(model: Path, tmp_path: Path) -> Iterator[LearnerActor]:
    (tmp_path / "run").mkdir()
    made = LearnerActor({"run": str(tmp_path / "run"), "keep_checkpoints": 2, "learner": config_of(model)})
    yield made
    made.stop("the test is over")


def batch(seed: int) -> dict[str, Any]:
    return make_batch(seed, SHAPES, 40)


def weights_of(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in learner.state().items()}


def untimed(report: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in report.items() if name not in ("update_s", "tokens_per_s")}


def are_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_an_update_moves_the_weights_and_the_version_and_reports_numbers(model: Path) -> None:
    learner = Learner(config_of(model))
    before = weights_of(learner)
    report = learner.update(batch(0))
    assert not are_equal(before, weights_of(learner))
    assert report["version"] == learner.version == 1
    assert report["token_count"] == sum(response for _, response in SHAPES)
    assert all(math.isfinite(value) for value in report.values())
    assert report["kl"] == 0
    assert learner.update(batch(1))["kl"] > 0


def test_a_batch_without_a_token_to_train_on_moves_only_the_version(model: Path) -> None:
    learner = Learner(config_of(model))
    before = weights_of(learner)
    report = learner.update(make_batch(0, SHAPES, 40, masked=range(len(SHAPES))))
    assert untimed(report) == {"token_count": 0, "learning_rate": 1e-3, "version": 1}
    assert are_equal(before, weights_of(learner))


def test_a_gradient_that_is_not_finite_moves_nothing_and_names_its_batch(model: Path) -> None:
    learner = Learner(config_of(model))
    before = weights_of(learner)
    endless = batch(3)
    endless["advantages"] = endless["advantages"] * np.float32(1e38)
    with pytest.raises(FloatingPointError, match=r"norm is (inf|nan) - batch made-3, epoch 0, at version 0 - look at"):
        learner.update(endless)
    assert learner.version == 0
    assert are_equal(before, weights_of(learner))
    fresh = Learner(config_of(model))
    assert untimed(learner.update(batch(0))) == untimed(fresh.update(batch(0)))


def test_learner_and_sampler_are_compared_where_the_policy_is_the_same(model: Path) -> None:
    """Tokens of an older version differ because the policy does: they say nothing about the engines."""
    learner = Learner(config_of(model))
    assert learner.update(batch(0))["logprob_gap_max"] > 0
    assert "logprob_gap_max" not in learner.update(batch(1))


def test_of_sampled_tokens_the_ratio_is_one_at_the_temperature_they_were_sampled_with(model: Path) -> None:
    learner = Learner(config_of(model, temperature=0.7))
    fields = batch(0)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    at = 0
    for prompt, response in SHAPES:
        ids = torch.from_numpy(fields["ids"][at : at + prompt + response].astype(np.int64))
        with torch.no_grad():
            logprobs = torch.log_softmax(network(ids.unsqueeze(0)).logits[0] / 0.7, dim=-1)
        for token in range(prompt, prompt + response):
            fields["behaviour_logprobs"][at + token] = logprobs[token - 1, ids[token]]
        at += prompt + response
    report = learner.update(fields)
    assert report["ratio_mean"] == pytest.approx(1, abs=1e-6)
    assert report["ratio_max"] == pytest.approx(1, abs=1e-5)
    assert report["logprob_gap_max"] < 1e-5
    assert report["clip_share"] == 0


def test_a_proximal_policy_costs_no_pass_of_its_own_where_there_is_one_step(model: Path) -> None:
    """The decoupled objective with one epoch: its anchor is the policy itself, so each ratio is exactly 1."""
    learner = Learner(config_of(model, loss={"preset": "decoupled"}))
    report = learner.update(batch(0))
    assert (report["ratio_mean"], report["ratio_max"], report["clip_share"]) == (1, 1, 0)
    twice = Learner(config_of(model, loss={"preset": "decoupled"}, epochs=2))
    assert twice.update(batch(0))["loss"] == pytest.approx(report["loss"], rel=1e-6)


def test_ids_that_the_model_does_not_have_are_refused(model: Path) -> None:
    fields = batch(0)
    fields["ids"][3] = 10_000
    with pytest.raises(ValueError, match=r"it has ids outside the model's 0 to \d+ - batch made-0"):
        Learner(config_of(model)).update(fields)


def test_the_learning_rate_grows_evenly_and_then_stays(model: Path) -> None:
    learner = Learner(config_of(model, warmup_updates=4))
    rates = [learner.update(batch(at))["learning_rate"] for at in range(6)]
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])


def test_epochs_are_steps_over_one_batch_and_only_the_first_finds_a_ratio_of_one(model: Path) -> None:
    once, twice = Learner(config_of(model)), Learner(config_of(model, epochs=2))
    assert once.update(batch(0))["loss"] == pytest.approx(twice.update(batch(0))["loss"], rel=1e-6)
    assert not are_equal(weights_of(once), weights_of(twice))


@pytest.mark.parametrize(("alpha", "share"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_the_reference_moves_every_m_updates_by_alpha(model: Path, alpha: float, share: float) -> None:
    """ref <- alpha theta + (1 - alpha) ref: the test vector of section 15 is the middle one."""
    learner = Learner(config_of(model, reference_interval=2, reference_alpha=alpha))
    engine: Any = learner.engine
    first = [own.clone() for own in engine._reference.parameters()]
    learner.update(batch(0))
    assert all(torch.equal(a, b) for a, b in zip(first, engine._reference.parameters(), strict=True))
    learner.update(batch(1))
    for initial, own, kept in zip(first, engine._model.parameters(), engine._reference.parameters(), strict=True):
        torch.testing.assert_close(kept, initial + share * (own - initial))


def test_no_reference_is_kept_where_the_objective_has_no_kl(model: Path) -> None:
    engine: Any = Learner(config_of(model, loss={"preset": "dapo"})).engine
    assert engine._reference is None


def test_the_actor_refuses_a_batch_for_another_version_and_trains_on_nothing_twice(actor: LearnerActor) -> None:
    actor.update(batch(0), 0)
    with pytest.raises(ValueError, match="version_mismatch: the learner stands at version 1, and this batch is for 0"):
        actor.update(batch(0), 0)
    assert actor.status() == {"version": 1}


def test_published_weights_are_the_learners_and_go_with_it(actor: LearnerActor, tmp_path: Path) -> None:
    actor.update(batch(0), 0)
    manifest = actor.publish()
    assert manifest["version"] == 1
    assert are_equal(weights.read(manifest), weights_of(actor._learner))
    actor.stop("done")
    assert not Path(manifest["file"]).exists()


def test_a_run_that_was_saved_and_restored_goes_on_bit_for_bit(
    actor: LearnerActor, model: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "run" / "checkpoints" / "000002")
    for at in range(2):
        actor.update(batch(at), at)
    actor.save(folder, {"iteration": 2})
    reports = [actor.update(batch(at), at) for at in range(2, 5)]
    after = weights_of(actor._learner)
    (tmp_path / "other").mkdir()
    other = LearnerActor({"run": str(tmp_path / "other"), "keep_checkpoints": 2, "learner": config_of(model)})
    assert other.restore(folder) == {"version": 2, "extra": {"iteration": 2}}
    again = [other.update(batch(at), at) for at in range(2, 5)]
    other.stop("the test is over")
    for one, two in zip(reports, again, strict=True):
        assert untimed(one) == untimed(two)
    assert are_equal(after, weights_of(other._learner))


def test_a_checkpoint_is_a_models_folder_that_can_be_trained_from(actor: LearnerActor, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoints" / "000001"
    actor.update(batch(0), 0)
    actor.save(str(folder), {})
    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= {
        path.name for path in folder.iterdir()
    }
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert are_equal(dict(loaded.state_dict()), weights_of(actor._learner))


def test_the_newest_two_checkpoints_are_kept(actor: LearnerActor, tmp_path: Path) -> None:
    root = tmp_path / "run" / "checkpoints"
    for at in range(3):
        actor.save(str(root / f"{at:06}"), {})
    assert sorted(path.name for path in root.iterdir()) == ["000001", "000002"]


def test_a_torn_checkpoint_is_not_restored(actor: LearnerActor, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoints" / "000001"
    actor.save(str(folder), {})
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(checkpoint.CheckpointError, match=r"model\.safetensors is not as it was written"):
        actor.restore(str(folder))
