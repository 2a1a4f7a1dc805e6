"""What any inference engine must do, as tests: hand in a constructor, get the suite.

Subclass EngineConformance in a test file and give it a fixture `make`: a function from config fields to a new engine
over the folder of the fixture `folder`. The suite drives engines as the host does: a call, then turns.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor

from iterant import weights
from iterant.models import load_model
from sampling.oracle import changed, logprobs_of, relayed_logprobs, states_of, whole_logits

Make = Callable[..., Any]
ASK = [{"role": "user", "content": "how many are 12 and 7"}]
MAX_TURNS = 2_000
# Of the folders that tiny_models makes.
END, ROOM = 4, 256


def finish(engine: Any, *futures: "Future[dict[str, Any]]") -> list[dict[str, Any]]:
    for _ in range(MAX_TURNS):
        if not engine.turn():
            break
    assert all(future.done() for future in futures)
    return [future.result() for future in futures]


def ask(engine: Any, messages: Any = ASK, **fields: Any) -> dict[str, Any]:
    return finish(engine, engine.generate({"messages": messages, **fields}))[0]


def whole(reply: dict[str, Any], at: int = 0) -> np.ndarray:
    return np.concatenate([reply["prompt_ids"], reply["completions"][at]["ids"]])


def tokens(reply: dict[str, Any]) -> list[list[int]]:
    return [completion["ids"].tolist() for completion in reply["completions"]]


def versions_of(completion: dict[str, Any]) -> np.ndarray:
    return np.concatenate([np.full(end - start, version) for start, end, version in completion["versions"]])


def seed_of_long_answers(engine: Any, least: int, n: int = 1) -> int:
    """A seed with which so many completions have so many tokens or more: what is sampled follows from the seed."""
    for seed in range(200):
        answers = tokens(ask(engine, n=n, seed=seed, sampling={"max_tokens": least}))
        if all(len(answer) == least and answer[-1] != END for answer in answers):
            return seed
    raise AssertionError("no long answers")


class EngineConformance:
    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls) -> Path:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, folder: Path) -> Make:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, make: Make) -> Any:
        """One for all tests that neither change its weights nor need it busy or idle."""
        return make()

    @pytest.fixture
    def model(self, folder: Path) -> Any:
        return load_model(folder)

    # --- a reply ----------------------------------------------------------------------------------

    def test_a_reply_says_what_was_seen_and_what_was_sampled(self, engine: Any) -> None:
        reply = ask(engine, n=3, seed=5, sampling={"max_tokens": 12})
        assert set(reply) == {"prompt_ids", "completions"}
        assert reply["prompt_ids"].dtype == np.int32
        assert len(reply["completions"]) == 3
        for completion in reply["completions"]:
            count = len(completion["ids"])
            assert set(completion) == {"ids", "logprobs", "versions", "text", "finish"}
            assert completion["ids"].dtype == np.int32
            assert completion["logprobs"].dtype == np.float32
            assert completion["logprobs"].shape == (count,)
            assert completion["versions"] == [[0, count, 0]]
            assert 1 <= count <= 12
            assert completion["finish"] == ("stop" if completion["ids"][-1] == END else "length")
            assert "<end>" not in completion["text"]

    def test_logprobs_are_those_of_one_whole_forward_pass(self, engine: Any, model: Any) -> None:
        reply = ask(engine, n=4, seed=1, sampling={"max_tokens": 40})
        start = len(reply["prompt_ids"])
        for at, completion in enumerate(reply["completions"]):
            expected = logprobs_of(whole_logits(model, whole(reply, at), start), completion["ids"])
            np.testing.assert_allclose(completion["logprobs"], expected, atol=1e-5)

    def test_logprobs_are_those_of_the_tempered_distribution(self, engine: Any, model: Any) -> None:
        reply = ask(engine, seed=3, sampling={"max_tokens": 20, "temperature": 0.6})
        ids = reply["completions"][0]["ids"]
        expected = logprobs_of(whole_logits(model, whole(reply), len(reply["prompt_ids"])), ids, temperature=0.6)
        np.testing.assert_allclose(reply["completions"][0]["logprobs"], expected, atol=1e-5)

    def test_temperature_0_takes_the_likeliest_and_gives_its_untempered_logprob(self, engine: Any, model: Any) -> None:
        reply = ask(engine, n=2, seed=3, sampling={"max_tokens": 20, "temperature": 0})
        assert tokens(reply)[0] == tokens(reply)[1]
        ids = reply["completions"][0]["ids"]
        logits = whole_logits(model, whole(reply), len(reply["prompt_ids"]))
        assert ids.tolist() == logits.argmax(dim=-1).tolist()
        np.testing.assert_allclose(reply["completions"][0]["logprobs"], logprobs_of(logits, ids), atol=1e-5)

    def test_top_k_samples_from_the_k_likeliest_with_their_renormalised_logprobs(self, engine: Any, model: Any) -> None:
        reply = ask(engine, n=4, seed=3, sampling={"max_tokens": 20, "top_k": 3})
        ranks = set()
        for at, completion in enumerate(reply["completions"]):
            logits = whole_logits(model, whole(reply, at), len(reply["prompt_ids"]))
            for row, token, logprob in zip(logits, completion["ids"].tolist(), completion["logprobs"], strict=True):
                kept = row.topk(3)
                rank = kept.indices.tolist().index(token)
                ranks.add(rank)
                assert abs(kept.values.log_softmax(0)[rank].item() - logprob) < 1e-5
        assert ranks == {0, 1, 2}

    def test_a_repetition_penalty_bears_on_prompt_and_response_alone(self, engine: Any, model: Any) -> None:
        sampling = {"max_tokens": 20, "temperature": 0, "repetition_penalty": 1.7}
        calls = [engine.generate({"messages": ASK, "lane": "eval", "sampling": one}) for one in (sampling, {})]
        reply, _ = finish(engine, *calls)
        ids = whole(reply)
        start = len(reply["prompt_ids"])
        penalise = RepetitionPenaltyLogitsProcessor(1.7)
        for at, row in enumerate(whole_logits(model, ids, start), start):
            so_far = torch.from_numpy(ids[:at]).unsqueeze(0).long()
            assert int(penalise(so_far, row.unsqueeze(0).clone()).argmax()) == ids[at]

    def test_top_p_samples_from_the_fewest_that_hold_p(self, engine: Any, model: Any) -> None:
        reply = ask(engine, n=4, seed=3, sampling={"max_tokens": 20, "top_p": 0.5, "temperature": 0.8})
        sizes = set()
        for at, completion in enumerate(reply["completions"]):
            logits = whole_logits(model, whole(reply, at), len(reply["prompt_ids"]))
            for row, token, logprob in zip(logits, completion["ids"].tolist(), completion["logprobs"], strict=True):
                ordered = (row / 0.8).softmax(0).sort(descending=True)
                size = next(size for size in range(1, 99) if ordered.values[:size].sum() >= 0.5)
                sizes.add(size)
                rank = ordered.indices[:size].tolist().index(token)
                assert abs((ordered.values[rank] / ordered.values[:size].sum()).log().item() - logprob) < 1e-5
        assert len(sizes) > 2

    def test_completions_of_one_prompt_differ(self, engine: Any) -> None:
        answers = tokens(ask(engine, n=6, seed=2, sampling={"max_tokens": 12}))
        assert len({tuple(answer) for answer in answers}) == 6

    def test_an_embedding_is_the_mean_state_from_which_tokens_were_sampled(self, make: Make, model: Any) -> None:
        engine = make(slots=6)
        asked = {"messages": ASK, "n": 6, "seed": 4, "sampling": {"max_tokens": 40}}
        plain, embedded = finish(engine, engine.generate(asked), engine.generate({**asked, "embed": True}))
        assert tokens(plain) == tokens(embedded)
        assert "embedding" not in plain["completions"][0]
        assert len({len(answer) for answer in tokens(embedded)}) > 2  # slots are left and taken in between
        start = len(embedded["prompt_ids"])
        for at, completion in enumerate(embedded["completions"]):
            expected = states_of(model, whole(embedded, at), start).mean(axis=0)
            assert completion["embedding"].dtype == np.float32
            np.testing.assert_allclose(completion["embedding"], expected, atol=1e-4)

    # --- sharing ----------------------------------------------------------------------------------

    def test_an_answer_is_the_same_alone_and_in_a_crowd(self, make: Make) -> None:
        asked = {"messages": ASK, "n": 3, "seed": 9, "sampling": {"max_tokens": 30}}
        alone = ask(make(), **asked)
        engine = make(slots=7)
        others = [
            engine.generate(
                {
                    "messages": [{"role": "user", "content": "ab " * (at % 5 + 1)}],
                    "n": at % 3 + 1,
                    "seed": at,
                    "sampling": {"max_tokens": 5 + at, "temperature": 0.5 + at / 10, "top_k": at % 4},
                }
            )
            for at in range(8)
        ]
        for _ in range(4):
            engine.turn()
        late = engine.generate(asked)
        crowd = finish(engine, late, *others)
        assert tokens(crowd[0]) == tokens(alone)
        for own, other in zip(crowd[0]["completions"], alone["completions"], strict=True):
            np.testing.assert_allclose(own["logprobs"], other["logprobs"], atol=1e-5)

    def test_more_completions_than_slots_wait_and_all_come(self, make: Make) -> None:
        roomy, tight = make(slots=16), make(slots=3)
        asked = {"n": 11, "seed": 6, "sampling": {"max_tokens": 10}}
        assert tokens(ask(tight, **asked)) == tokens(ask(roomy, **asked))
        future = tight.generate({"messages": ASK, **asked})
        busy = [tight.turn() and tight.status()["active"] for _ in range(MAX_TURNS) if not future.done()]
        assert future.done()
        assert max(busy) == 3

    def test_evaluation_is_served_while_training_never_ends(self, make: Make) -> None:
        engine = make(slots=2)
        request = {"messages": ASK, "sampling": {"max_tokens": 3}}
        train = [engine.generate({**request, "lane": "train", "seed": at}) for at in range(30)]
        evaluation = engine.generate({**request, "lane": "eval"})
        for at in range(30, 130):
            engine.turn()
            train.append(engine.generate({**request, "lane": "train", "seed": at}))
            if evaluation.done():
                break
        assert evaluation.done()
        assert sum(future.done() for future in train) <= 10

    def test_training_goes_before_evaluation(self, make: Make) -> None:
        engine = make(slots=1)
        request = {"messages": ASK, "sampling": {"max_tokens": 2}}
        order: list[str] = []
        for at, lane in enumerate(["eval", "train", "train"]):
            future = engine.generate({**request, "lane": lane, "seed": at})
            future.add_done_callback(lambda _done, lane=lane: order.append(lane))
        finish(engine)
        assert order == ["train", "train", "eval"]

    # --- ends -------------------------------------------------------------------------------------

    def test_an_end_token_ends_a_completion_and_is_part_of_it(self, make: Make) -> None:
        reply = ask(make(slots=32), n=32, seed=0, sampling={"max_tokens": 100})
        stopped = [completion for completion in reply["completions"] if completion["finish"] == "stop"]
        assert len(stopped) > 5
        for completion in stopped:
            assert completion["ids"].tolist().index(END) == len(completion["ids"]) - 1

    def test_a_stop_text_ends_a_completion_at_the_token_that_completes_it(self, engine: Any) -> None:
        free = ask(engine, seed=seed_of_long_answers(engine, 20), sampling={"max_tokens": 20})["completions"][0]
        text = free["text"]
        stop = text[4:7]
        first_end = text.index(stop) + 3
        seed = seed_of_long_answers(engine, 20)
        stopped = ask(engine, seed=seed, sampling={"max_tokens": 20}, stop=[stop])["completions"][0]
        assert stopped["finish"] == "stop"
        assert stopped["text"] == text[:first_end]
        assert stopped["ids"].tolist() == free["ids"][: len(stopped["ids"])].tolist()

    def test_a_completion_ends_at_max_tokens(self, engine: Any) -> None:
        completion = ask(engine, seed=seed_of_long_answers(engine, 7), sampling={"max_tokens": 7})["completions"][0]
        assert (len(completion["ids"]), completion["finish"]) == (7, "length")

    def test_a_completion_ends_where_the_room_does(self, make: Make) -> None:
        engine = make(max_length=40)
        start = len(ask(engine, sampling={"max_tokens": 1})["prompt_ids"])
        seed = seed_of_long_answers(make(), 40 - start)
        completion = ask(engine, seed=seed, sampling={"max_tokens": 999})["completions"][0]
        assert (start + len(completion["ids"]), completion["finish"]) == (40, "length")

    def test_a_cancelled_request_frees_its_slots_and_leaves_others_alone(self, make: Make) -> None:
        engine = make(slots=4)
        expected = ask(make(), n=2, seed=8, sampling={"max_tokens": 60})
        doomed = engine.generate({"messages": ASK, "n": 6, "seed": 7, "sampling": {"max_tokens": 120}})
        engine.turn()
        assert engine.status()["active"] == 4
        other = engine.generate({"messages": ASK, "n": 2, "seed": 8, "sampling": {"max_tokens": 60}})
        assert doomed.cancel()
        engine.turn()
        assert engine.status()["active"] == 2
        assert tokens(finish(engine, other)[0]) == tokens(expected)
        with pytest.raises(CancelledError):
            doomed.result()
        assert engine.status()["active"] == 0
        assert not engine.turn()

    def test_stop_fails_what_is_open_with_its_reason(self, make: Make) -> None:
        engine = make(slots=1)
        seed = seed_of_long_answers(engine, 3)
        futures = [engine.generate({"messages": ASK, "seed": seed}) for _ in range(3)]
        engine.turn()
        engine.stop("the run is over")
        for future in futures:
            with pytest.raises(Exception, match=r"stopped before it had answered: the run is over\."):
                future.result(timeout=0)
        assert engine.status()["active"] == 0

    # --- weights ----------------------------------------------------------------------------------

    def test_weights_change_in_flight_and_each_token_says_which_sampled_it(
        self, make: Make, model: Any, folder: Path, tmp_path: Path
    ) -> None:
        engine = make()
        new = changed(folder, 1)
        manifest = weights.write(tmp_path, 1, new.state_dict())
        seed = seed_of_long_answers(engine, 12)
        future = engine.generate({"messages": ASK, "n": 3, "seed": seed, "sampling": {"max_tokens": 30}})
        for _ in range(5):
            engine.turn()
        engine.prepare(manifest)
        engine.turn()
        assert engine.status()["version"] == 0
        engine.commit(1)
        assert engine.status()["version"] == 1
        reply = finish(engine, future)[0]
        assert reply["completions"][0]["versions"][0] == [0, 6, 0]
        assert reply["completions"][0]["versions"][1][2] == 1
        for at, completion in enumerate(reply["completions"]):
            expected = relayed_logprobs(
                [model, new], versions_of(completion), whole(reply, at), len(reply["prompt_ids"])
            )
            np.testing.assert_allclose(completion["logprobs"], expected, atol=1e-5)

    def test_after_a_commit_answers_are_those_of_an_engine_born_with_the_weights(
        self, make: Make, folder: Path, tmp_path: Path
    ) -> None:
        engine = make()
        new = changed(folder, 2)
        before = ask(engine, n=2, seed=1)
        engine.prepare(weights.write(tmp_path, 7, new.state_dict()))
        engine.commit(7)
        engine.commit(7)  # told twice
        after = ask(engine, n=2, seed=1)
        assert tokens(after) != tokens(before)
        for at, completion in enumerate(after["completions"]):
            assert versions_of(completion).tolist() == [7] * len(completion["ids"])
            expected = logprobs_of(whole_logits(new, whole(after, at), len(after["prompt_ids"])), completion["ids"])
            np.testing.assert_allclose(completion["logprobs"], expected, atol=1e-5)

    def test_damaged_weights_are_refused_and_the_old_ones_go_on(self, make: Make, folder: Path, tmp_path: Path) -> None:
        engine = make()
        expected = ask(engine, seed=1)
        manifest = weights.write(tmp_path, 1, changed(folder, 1).state_dict())
        file = Path(manifest["file"])
        damaged = bytearray(file.read_bytes())
        damaged[-5] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(weights.WeightError, match="weights of version 1 are not what was written"):
            engine.prepare(manifest)
        with pytest.raises(
            ValueError, match=r"weights of version 1 were not prepared, nothing is: prepare them first\."
        ):
            engine.commit(1)
        reply = ask(engine, seed=1)
        assert tokens(reply) == tokens(expected)
        assert reply["completions"][0]["versions"][0][2] == 0

    def test_weights_of_another_model_are_refused_by_the_name_of_what_is_odd(
        self, make: Make, folder: Path, tmp_path: Path
    ) -> None:
        engine = make()
        state = dict(changed(folder, 1).state_dict())
        name = sorted(state)[0]
        with pytest.raises(weights.WeightError, match=f"weights of version 3 are of another model: they lack {name}"):
            engine.prepare(weights.write(tmp_path, 3, {key: state[key] for key in state if key != name}))
        wider = {**state, name: state[name].new_zeros(3, 5)}
        with pytest.raises(weights.WeightError, match=f"another model: {name} is \\[3, 5\\], not"):
            engine.prepare(weights.write(tmp_path, 4, wider))

    def test_weights_that_were_rolled_back_cannot_be_committed(self, make: Make, folder: Path, tmp_path: Path) -> None:
        engine = make()
        engine.prepare(weights.write(tmp_path, 1, changed(folder, 1).state_dict()))
        engine.rollback(1)
        with pytest.raises(ValueError, match="were not prepared"):
            engine.commit(1)

    def test_a_pinned_version_answers_as_if_no_other_had_come(self, make: Make, folder: Path, tmp_path: Path) -> None:
        engine = make(slots=4)
        asked = {"messages": ASK, "n": 3, "sampling": {"max_tokens": 25}}
        expected = ask(make(), **asked, seed=3)
        engine.pin(0)
        early = engine.generate({**asked, "seed": 3, "version": 0, "lane": "eval"})
        for _ in range(3):
            engine.turn()
        engine.prepare(weights.write(tmp_path, 1, changed(folder, 1).state_dict()))
        engine.commit(1)
        newest = engine.generate({**asked, "seed": 3})
        late = engine.generate({**asked, "seed": 3, "version": 0, "lane": "eval"})
        replies = finish(engine, early, late, newest)
        assert tokens(replies[0]) == tokens(replies[1]) == tokens(expected)
        assert tokens(replies[2]) != tokens(expected)
        assert {span[2] for span in replies[0]["completions"][0]["versions"]} == {0}
        assert {span[2] for span in replies[2]["completions"][0]["versions"]} == {1}
        assert engine.status()["pinned"] == [0]

    def test_a_version_that_is_unpinned_is_gone_once_its_last_answer_is_out(
        self, make: Make, folder: Path, tmp_path: Path
    ) -> None:
        engine = make()
        engine.pin(0)
        engine.pin(0)
        engine.prepare(weights.write(tmp_path, 1, changed(folder, 1).state_dict()))
        engine.commit(1)
        engine.unpin(0)
        engine.turn()
        open_ = engine.generate({"messages": ASK, "seed": seed_of_long_answers(make(), 3), "version": 0})
        engine.turn()
        engine.unpin(0)
        reply = finish(engine, open_)[0]
        assert {span[2] for span in reply["completions"][0]["versions"]} == {0}
        with pytest.raises(ValueError) as refusal:
            engine.generate({"messages": ASK, "version": 0})
        assert str(refusal.value) == (
            "version 0 is not here: the newest is 1, pinned are none. Pin a version while it is the newest."
        )
        engine.unpin(0)  # nothing to do

    def test_a_version_that_is_not_here_can_neither_be_asked_nor_pinned(self, make: Make) -> None:
        engine = make()
        engine.pin(0)
        for refused in (lambda: engine.pin(3), lambda: engine.generate({"messages": ASK, "version": 3})):
            with pytest.raises(ValueError, match=r"version 3 is not here: the newest is 0, pinned are 0\."):
                refused()

    # --- prompts ----------------------------------------------------------------------------------

    def test_ids_are_taken_as_they_are_and_only_what_is_new_is_added(self, engine: Any) -> None:
        first = ask(engine, seed=2, sampling={"max_tokens": 8})
        ids = whole(first).astype(np.int32)
        more = ask(engine, [{"role": "user", "content": "again"}], ids=ids, seed=3, sampling={"max_tokens": 8})
        assert more["prompt_ids"][: len(ids)].tolist() == ids.tolist()
        assert len(more["prompt_ids"]) > len(ids) + 5
        plain = ask(engine, [], ids=ids, seed=3, sampling={"max_tokens": 8})
        assert plain["prompt_ids"].tolist() == ids.tolist()

    def test_a_prompt_of_one_token_is_answered(self, engine: Any, model: Any) -> None:
        reply = ask(engine, [], ids=np.array([7], dtype=np.int32), n=2, seed=3, sampling={"max_tokens": 8})
        for at, completion in enumerate(reply["completions"]):
            expected = logprobs_of(whole_logits(model, whole(reply, at), 1), completion["ids"])
            np.testing.assert_allclose(completion["logprobs"], expected, atol=1e-5)

    def test_a_prompt_that_leaves_no_room_is_refused_and_the_engine_lives(self, engine: Any) -> None:
        with pytest.raises(ValueError) as refusal:
            engine.generate({"messages": [], "ids": np.ones(ROOM, dtype=np.int32)})
        assert str(refusal.value) == (
            f"the prompt has {ROOM} tokens, and this engine has room for {ROOM} with the response. "
            "Shorten it, or raise engine.maxLength."
        )
        assert len(ask(engine, [], ids=np.ones(ROOM - 1, dtype=np.int32))["completions"][0]["ids"]) == 1

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"temprature": 1}, "request has no field temprature: known are embed, ids, lane"),
            ({"messages": "hello"}, "messages is 'hello': it must be a list"),
            ({"messages": [{"role": "user"}]}, "messages holds {'role': 'user'}: each must have a role and a content"),
            ({"messages": []}, "request has neither messages nor ids: there is no prompt"),
            ({"ids": [1, -1]}, r"ids is int64 of shape \[2\]: it must be a list of token ids"),
            ({"ids": [[1]]}, r"ids is int64 of shape \[1, 1\]"),
            ({"ids": [0.5]}, "ids is float64"),
            ({"ids": [10_000], "messages": []}, "the prompt holds id 10000, and this model's ids end at 46"),
            ({"n": 0}, "n is 0: it must be a whole number, 1 or more"),
            ({"n": True}, "n is True: it must be a whole number"),
            ({"seed": 1.5}, "seed is 1.5: it must be a whole number, 0 or more"),
            ({"lane": "test"}, "lane is 'test': it must be one of train, eval"),
            ({"embed": 1}, "embed is 1: it must be true or false"),
            ({"stop": "x"}, "stop is 'x': it must be a list"),
            ({"stop": [""]}, "stop holds '': it must hold texts that are not empty"),
            ({"version": -1}, "version is -1: it must be a whole number"),
            ({"sampling": 3}, "sampling is 3: it must have temperature"),
            (
                {"sampling": {"topP": 1}},
                "sampling has no field topP: known are max_tokens, min_p, repetition_",
            ),
            ({"sampling": {"min_p": 2}, "lane": "eval"}, "sampling.min_p is 2.0: it must be between 0 and 1"),
            (
                {"sampling": {"repetition_penalty": 0}, "lane": "eval"},
                "repetition_penalty is 0.0: it must be above 0",
            ),
            (
                {"sampling": {"repetition_penalty": 1.1}},
                "they are for evaluation, not for lane train",
            ),
            ({"sampling": {"temperature": -1}}, "sampling.temperature is -1.0: it must be 0 or more"),
            ({"sampling": {"temperature": float("nan")}}, "sampling.temperature is nan: it must be 0 or more"),
            ({"sampling": {"temperature": "1"}}, "sampling.temperature is '1': it must be a number"),
            ({"sampling": {"top_p": 0}}, "sampling.top_p is 0.0: it must be above 0 and at most 1"),
            ({"sampling": {"max_tokens": 0}}, "sampling.max_tokens is 0: it must be a whole number, 1 or more"),
        ],
    )
    def test_a_field_that_is_wrong_is_named(self, engine: Any, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            engine.generate({"messages": ASK, **fields})

    def test_messages_are_required(self, engine: Any) -> None:
        with pytest.raises(ValueError, match="request has no messages: give a list of messages"):
            engine.generate({})

    # --- looking in -------------------------------------------------------------------------------

    def test_score_is_what_generate_would_have_said(self, engine: Any) -> None:
        reply = ask(engine, seed=2, sampling={"max_tokens": 15, "temperature": 0.7})
        scored = engine.score(whole(reply), len(reply["prompt_ids"]), 0.7)
        assert scored.dtype == np.float32
        np.testing.assert_allclose(scored, reply["completions"][0]["logprobs"], atol=1e-5)
        with pytest.raises(ValueError, match="start is 0: it must be 1 or more and below the 3 ids"):
            engine.score(np.array([1, 2, 3]), 0)

    def test_status_counts_what_is_sampled_and_what_waits(self, make: Make) -> None:
        engine = make(slots=2)
        asked = {"messages": ASK, "n": 3, "seed": seed_of_long_answers(engine, 2, n=2)}
        before = engine.status()["tokens"]
        futures = [engine.generate({**asked, "lane": lane}) for lane in ("train", "eval")]
        assert engine.status()["waiting"] == {"train": 3, "eval": 3}
        engine.turn()
        status = engine.status()
        assert (status["active"], status["waiting"], status["tokens"] - before) == (2, {"train": 1, "eval": 3}, 2)
        count = sum(len(answer) for reply in finish(engine, *futures) for answer in tokens(reply))
        assert engine.status()["tokens"] - before == count
