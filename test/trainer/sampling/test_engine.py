"""What any engine does, held against the slot engine on two architectures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from iterant import weights
from iterant.models import load_model
from iterant.sampling.engine import Engine, spans_of
from tiny_models import make_model

Answer = dict[str, Any]


@pytest.fixture(scope="module", params=["llama", "granite"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    made = Engine({"model": str(folder), "slots": 6})
    yield made
    made.stop("the test is over")


def ask(content: str, **more: Any) -> dict[str, Any]:
    sampling = {"temperature": 1.0, "max_tokens": 12, **more.pop("sampling", {})}
    return {"messages": [{"role": "user", "content": content}], "sampling": sampling, "seed": 1, **more}


def finish(engine: Engine) -> None:
    for _ in range(2000):
        if not engine.turn():
            return
    raise AssertionError("the engine goes on for ever")


def answer(engine: Engine, request: dict[str, Any]) -> Answer:
    future = engine.generate(request)
    finish(engine)
    return future.result(timeout=0)


def ids_of(result: Answer) -> list[list[int]]:
    return [completion["ids"].tolist() for completion in result["completions"]]


def other_weights(folder: Path, store: Path, version: int, seed: int) -> weights.Manifest:
    """Weights of another draw for the same architecture."""
    kind = "granite" if "granite" in str(folder) else "llama"
    return weights.write(store, version, load_model(make_model(store / f"other-{seed}", kind, seed)).state_dict())


def test_logprobs_are_those_of_a_forward_pass_over_the_whole_sequence(engine: Engine) -> None:
    result = answer(engine, ask("what is 3 plus 4?", n=4))
    for completion in result["completions"]:
        whole = np.concatenate([result["prompt_ids"], completion["ids"]])
        scored = engine.score(whole, len(result["prompt_ids"]))
        np.testing.assert_allclose(completion["logprobs"], scored, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.6, 1.3])
def test_at_another_temperature_they_are_the_tempered_ones(engine: Engine, temperature: float) -> None:
    result = answer(engine, ask("hello", sampling={"temperature": temperature}))
    whole = np.concatenate([result["prompt_ids"], result["completions"][0]["ids"]])
    scored = engine.score(whole, len(result["prompt_ids"]), temperature)
    np.testing.assert_allclose(result["completions"][0]["logprobs"], scored, atol=1e-5)


def test_a_request_has_the_same_answer_alone_and_in_a_crowd_larger_than_the_slots(engine: Engine) -> None:
    alone = [ids_of(answer(engine, ask(f"question {at}", n=1 + at % 3, seed=at))) for at in range(7)]
    futures = [engine.generate(ask(f"question {at}", n=1 + at % 3, seed=at)) for at in range(7)]
    finish(engine)
    assert [ids_of(future.result(timeout=0)) for future in futures] == alone


def test_completions_of_one_prompt_differ_and_another_seed_gives_others(engine: Engine) -> None:
    first = ids_of(answer(engine, ask("tell me", n=6)))
    assert len({tuple(ids) for ids in first}) > 1
    assert ids_of(answer(engine, ask("tell me", n=6, seed=2))) != first
    assert ids_of(answer(engine, ask("tell me", n=6))) == first


def test_more_completions_than_slots_are_sampled_one_after_the_other(engine: Engine) -> None:
    result = answer(engine, ask("many", n=15))
    assert len(result["completions"]) == 15
    assert ids_of(result)[:6] == ids_of(answer(engine, ask("many", n=6)))


def test_a_completion_ends_with_its_end_token_or_at_its_limit(engine: Engine) -> None:
    end = 4
    result = answer(engine, ask("end", n=40, sampling={"max_tokens": 8}))
    finishes = {completion["finish"] for completion in result["completions"]}
    assert finishes == {"stop", "length"}
    for completion in result["completions"]:
        ids = completion["ids"].tolist()
        assert end not in ids[:-1]
        assert (ids[-1] == end) == (completion["finish"] == "stop")
        assert completion["finish"] == "stop" or len(ids) == 8
        assert "<end>" not in completion["text"]


def test_new_weights_are_taken_up_at_a_token_boundary_and_each_token_says_which_sampled_it(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    future = engine.generate(ask("go on", n=3, sampling={"max_tokens": 30}, stop=["never ever"]))
    engine.turn()  # reads the prompt, which gives the first token, and samples the second
    manifest = other_weights(folder, tmp_path, 5, seed=9)
    engine.prepare(manifest)
    engine.turn()  # prepared is not used yet
    engine.commit(5)
    finish(engine)
    for completion in future.result(timeout=0)["completions"]:
        spans = completion["versions"]
        assert spans[0][:2] == [0, min(3, len(completion["ids"]))]
        assert [version for _, _, version in spans] in ([0], [0, 5])
        assert spans[-1][1] == len(completion["ids"])
    result = answer(engine, ask("afterwards"))
    assert result["completions"][0]["versions"][0][2] == 5
    fresh = load_model(tmp_path / "other-9")
    whole = torch.tensor([np.concatenate([result["prompt_ids"], result["completions"][0]["ids"]]).tolist()])
    with torch.no_grad():
        logprobs = torch.log_softmax(fresh(whole).logits[0, :-1], -1)
    expected = logprobs.gather(1, whole[0, 1:, None])[len(result["prompt_ids"]) - 1 :, 0]
    np.testing.assert_allclose(result["completions"][0]["logprobs"], expected.numpy(), atol=1e-5)


def test_a_pinned_version_answers_as_it_was_while_newer_weights_serve_the_rest(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    before = ids_of(answer(engine, ask("pinned", n=2)))
    engine.pin(0)
    engine.prepare(other_weights(folder, tmp_path, 1, seed=9))
    engine.commit(1)
    both = [engine.generate(ask("pinned", n=2, version=0, lane="eval")), engine.generate(ask("pinned", n=2))]
    finish(engine)
    old, new = (future.result(timeout=0) for future in both)
    assert ids_of(old) == before
    assert ids_of(new) != before
    assert [completion["versions"][0][2] for completion in (*old["completions"], *new["completions"])] == [0, 0, 1, 1]
    engine.unpin(0)
    with pytest.raises(ValueError, match="version 0 is not pinned here: pinned are none"):
        engine.generate(ask("pinned", version=0))
    engine.pin(1)  # the memory of the version before serves this one
    assert ids_of(answer(engine, ask("pinned", n=2, version=1))) == ids_of(new)


def test_only_the_newest_version_can_be_pinned_and_pins_are_counted(engine: Engine) -> None:
    with pytest.raises(ValueError, match="version 3 cannot be pinned: the newest here is 0"):
        engine.pin(3)
    engine.pin(0)
    engine.pin(0)
    engine.unpin(0)
    assert engine.status()["pinned"] == [0]
    engine.unpin(0)
    engine.unpin(0)  # once too often is fine
    assert engine.status()["pinned"] == []


def test_altered_or_foreign_weights_are_refused_and_the_old_ones_go_on(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    before = ids_of(answer(engine, ask("still")))
    manifest = other_weights(folder, tmp_path, 1, seed=9)
    file = Path(manifest["file"])
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    with pytest.raises(weights.WeightError, match="not what was written"):
        engine.prepare(manifest)
    with pytest.raises(ValueError, match="weights of version 1 were not prepared"):
        engine.commit(1)
    foreign = weights.write(tmp_path, 2, {"a": torch.ones(2)})
    with pytest.raises(weights.WeightError, match=r"of another model: .* stands on one side only"):
        engine.prepare(foreign)
    file.write_bytes(whole)
    engine.prepare(manifest)
    engine.rollback(1)
    with pytest.raises(ValueError, match="were not prepared"):
        engine.commit(1)
    assert ids_of(answer(engine, ask("still"))) == before
    assert engine.status()["version"] == 0


def test_a_cancelled_request_gives_its_slots_to_the_next(engine: Engine) -> None:
    long = {"max_tokens": 200}
    cancelled = engine.generate(ask("long", n=6, sampling=long, stop=["x" * 50]))
    waiting = engine.generate(ask("short", n=2))
    engine.turn()
    assert engine.status()["active"] > 0
    cancelled.cancel()
    finish(engine)
    assert len(waiting.result(timeout=0)["completions"]) == 2
    assert engine.status() | {"steps": 0, "tokens": 0} == {
        "version": 0, "pinned": [], "slots": 6, "active": 0, "waiting": 0, "steps": 0, "tokens": 0,
    }  # fmt: skip


def test_a_stop_text_ends_a_completion_with_the_token_that_completes_it(engine: Engine) -> None:
    free = answer(engine, ask("stop", n=6, sampling={"max_tokens": 20}))["completions"]
    text = max((completion["text"] for completion in free), key=len)[2:4]
    stopped = answer(engine, ask("stop", n=6, sampling={"max_tokens": 20}, stop=[text]))["completions"]
    for one, other in zip(free, stopped, strict=True):
        if text in one["text"]:
            assert other["text"] == one["text"][: one["text"].index(text) + len(text)]
            assert other["finish"] == "stop"
        else:
            assert other["ids"].tolist() == one["ids"].tolist()


def test_what_was_said_is_continued_token_for_token(engine: Engine) -> None:
    first = answer(engine, ask("one"))
    said = np.concatenate([first["prompt_ids"], first["completions"][0]["ids"]])
    more = {**ask("two"), "ids": said}
    second = answer(engine, more)
    prompt = second["prompt_ids"].tolist()
    assert prompt[: len(said)] == said.tolist()
    continued = engine._renderer.text(np.array(prompt[len(said) :]))
    assert continued.strip() == "two"
    rendered = engine._renderer._tokenizer.decode(prompt[len(said) :])
    ended = said[-1] == 4
    assert rendered == ("" if ended else "<end>") + "\n<user>two<end>\n<assistant>"


def test_embeddings_come_when_asked_for_and_do_not_depend_on_the_crowd(engine: Engine) -> None:
    alone = answer(engine, ask("embed", n=2, embed=True))["completions"]
    futures = [engine.generate(ask(f"other {at}", n=2)) for at in range(4)]
    crowded = engine.generate(ask("embed", n=2, embed=True))
    finish(engine)
    for one, other in zip(alone, crowded.result(timeout=0)["completions"], strict=True):
        assert one["embedding"].shape == (32,)
        np.testing.assert_allclose(one["embedding"], other["embedding"], atol=1e-5)
    assert all("embedding" not in completion for completion in futures[0].result(timeout=0)["completions"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"temprature": 1}, "request has no field temprature"),
        ({"sampling": {"temperature": -1}}, r"sampling\.temperature is -1.0: it must be 0 or more"),
        ({"sampling": {"top_p": 0}}, r"sampling\.top_p is 0.0: it must be above 0"),
        ({"n": 0}, "n is 0: it must be a whole number, 1 or more"),
        ({"lane": "fast"}, "lane is 'fast': it must be one of train, eval"),
        ({"messages": "hello"}, "messages is 'hello': it must be a list"),
        ({"version": 7}, "version 7 is not pinned here"),
        ({"ids": np.array([], dtype=np.int32)}, "ids is int32 of shape"),
        ({"messages": [{"role": "user", "content": "long " * 60}]}, "has room for 256"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused_by_name_and_the_engine_lives(
    engine: Engine, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        engine.generate({**ask("hello"), **change})
    assert len(answer(engine, ask("hello"))["completions"]) == 1


def test_a_response_ends_where_the_models_room_does(folder: Path) -> None:
    engine = Engine({"model": str(folder), "slots": 2, "max_length": 20})
    result = answer(engine, ask("twelve chars", sampling={"max_tokens": 100}, n=2))
    for completion in result["completions"]:
        assert len(result["prompt_ids"]) + len(completion["ids"]) <= 20


def test_a_model_without_a_chat_template_reads_plain_text(tmp_path: Path) -> None:
    engine = Engine({"model": str(make_model(tmp_path, template=None)), "slots": 2})
    assert engine.describe()["chat_template"] is False
    result = answer(engine, ask("plain"))
    assert engine._renderer._tokenizer.decode(result["prompt_ids"]) == "plain\n"


def test_spans_cover_all_tokens_in_order() -> None:
    assert spans_of(np.array([1, 1, 2, 2, 2, 5])) == [[0, 2, 1], [2, 5, 2], [5, 6, 5]]
    assert spans_of(np.array([], dtype=np.int32)) == []
