"""The slot engine as an actor: takes requests as they come, samples for all together, changes weights in flight.

A request is answered later, by a Future; between messages the host gives turns, and a turn is one token for every
active slot. New weights are read and checked into a second place, then swapped at a token boundary: sequences go on
where they are, and each token says which version sampled it. A request that names a version has it to the end.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from iterant import weights
from iterant.errors import ActorError
from iterant.models import ModelError, eos_ids, load_model, load_tokenizer, reason_of, room_of
from iterant.sampling.prompt import Renderer
from iterant.sampling.request import Sampling, parse_request
from iterant.sampling.slots import Finished, Prompt, Sample, SlotBatch
from iterant.sampling.versions import Versions
from iterant.sampling.waiting import Job, WaitingRoom

# What cached and whole log-probabilities of a fit model may differ by; one that is not fit differs by tenths.
MAX_SELF_TEST_GAP = {"float32": 1e-3, "bfloat16": 0.15}


@dataclass(frozen=True)
class EngineConfig:
    """model       the folder
    slots       completions sampled at a time, over all versions
    dtype       of weights and cache: float32 or bfloat16
    max_length  positions of prompt and response together; the model's own unless said
    cache       what becomes of keys and values of sequences in flight when the weights change: keep or recompute
    prefix_mb   memory for keys and values of what was read already, in MiB for each version in use; 0 for none
    seed        of this engine; of no weight here, since tokens follow from each request's own seed on any engine
    """

    model: str
    slots: int = 64
    device: str = "cpu"
    dtype: str = "float32"
    seed: int = 0
    threads: int = 1
    max_length: int | None = None
    cache: str = "keep"
    prefix_mb: int = 256


class Engine:
    """See the module. Methods are what actors/inference-proxy.ts calls, all on one thread."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = _parse_config(config)
        torch.set_num_threads(self._config.threads)
        model = load_model(self._config.model, device=self._config.device, dtype=getattr(torch, self._config.dtype))
        tokenizer = load_tokenizer(self._config.model)
        self._ends = eos_ids(model, tokenizer)
        self._renderer = Renderer(tokenizer, self._ends)
        self._room = min(room_of(model), self._config.max_length or room_of(model))
        self._vocabulary_size = int(model.get_input_embeddings().num_embeddings)
        _refuse_window(model, self._room, self._config.model)
        self._versions = Versions(model, self._batch)
        self._waiting = WaitingRoom(self._config.slots)
        self._has_cancelled = False
        self._steps = 0
        self._tokens = 0
        self._test_itself()

    # --- what is asked --------------------------------------------------------------------------------

    def generate(self, request: Mapping[str, Any]) -> "Future[dict[str, Any]]":
        """Completions of one prompt; the reply's words are those of actors/inference-proxy.ts.

        Cancelling the Future frees its slots. Raises ValueError for a request that cannot be answered.
        """
        asked = parse_request(request)
        messages = asked.messages
        prompt = self._renderer.begin(messages) if asked.ids is None else self._renderer.go_on(asked.ids, messages)
        self._refuse_prompt(prompt)
        reply: Future[dict[str, Any]] = Future()
        self._waiting.push(Job(asked, prompt, reply, self._versions.of(asked.version)))
        reply.add_done_callback(self._note_cancellation)
        return reply

    def turn(self) -> bool:
        """One token for every active slot; True while there is more to do."""
        if self._has_cancelled:
            self._drop_answered()
        self._admit()
        for batch in self._versions.batches():
            if batch.active_count > 0:
                self._steps += 1
                self._tokens += batch.active_count
                self._deliver(batch.step())
        self._versions.release(job.batch for job in self._waiting)
        return len(self._waiting) > 0 or self._active_count() > 0

    def score(self, ids: np.ndarray, start: int, temperature: float = 1.0) -> np.ndarray:
        """float32 [T - start]: log-probabilities of ids[start:] under the newest weights, by one forward pass.

        For comparing engine and learner before they work together. Raises ValueError unless 1 <= start < T.
        """
        if not 1 <= start < len(ids):
            raise ValueError(f"start is {start}: it must be 1 or more and below the {len(ids)} ids there are.")
        return self._versions.live.score(ids, start, temperature)

    # --- weights --------------------------------------------------------------------------------------

    def prepare(self, manifest: weights.Manifest) -> dict[str, Any]:
        """Reads and checks new weights without using them. Raises WeightError and goes on with the old ones."""
        self._versions.prepare(manifest)
        return {"version": manifest["version"]}

    def commit(self, version: int) -> None:
        """Swaps prepared weights in, at a token boundary by construction: turns and messages alternate."""
        if self._versions.commit(version) and self._config.cache == "recompute":
            self._versions.live.recompute()

    def rollback(self, version: int) -> None:
        """Forgets what was prepared."""
        self._versions.rollback(version)

    def pin(self, version: int) -> None:
        """Keeps the present weights for requests that name this version, until it is unpinned as often."""
        self._versions.pin(version)

    def unpin(self, version: int) -> None:
        """What is still being sampled from it comes to its end first."""
        self._versions.unpin(version)

    # --- looking in -----------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        return {
            "version": self._versions.live.version,
            "prepared": self._versions.prepared,
            "pinned": self._versions.pinned,
            "kept": len(self._versions.batches()) - 1,
            "slots": self._config.slots,
            "active": self._active_count(),
            "waiting": self._waiting.counts(),
            "steps": self._steps,
            "tokens": self._tokens,
            "prompt_tokens": {
                "read": sum(batch.read_count for batch in self._versions.batches()),
                "reused": sum(batch.reused_count for batch in self._versions.batches()),
            },
        }

    def describe(self) -> dict[str, Any]:
        model = self._versions.live.model
        defaults = model.generation_config
        return {
            "model": self._config.model,
            "kind": type(model).__name__,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "room": self._room,
            "chat_template": self._renderer.has_template,
            "sampling": {name: getattr(defaults, name, None) for name in ("temperature", "top_p", "top_k")},
            "ends": sorted(self._ends),
            "device": str(model.device),
            "dtype": self._config.dtype,
            "version": self._versions.live.version,
        }

    def stop(self, reason: str) -> None:
        """Fails what is open."""
        jobs = set(self._waiting).union(*(batch.owners() for batch in self._versions.batches()))
        for job in jobs:
            self._fail(job, ActorError("stopped", f"the engine was stopped before it had answered: {reason}."))
        self._drop_answered()

    # --- inside ---------------------------------------------------------------------------------------

    def _batch(self, model: Any, version: int) -> SlotBatch:
        decode, prefix_bytes = self._renderer.raw_text, self._config.prefix_mb * 2**20
        return SlotBatch(model, version, self._ends, self._config.slots, decode, prefix_bytes)

    def _active_count(self) -> int:
        return sum(batch.active_count for batch in self._versions.batches())

    def _refuse_prompt(self, prompt: np.ndarray) -> None:
        if len(prompt) == 0:
            raise ValueError("the prompt has no token: give the messages some content.")
        if len(prompt) >= self._room:
            raise ValueError(
                f"the prompt has {len(prompt)} tokens, and this engine has room for {self._room} with the response. "
                "Shorten it, or raise engine.maxLength."
            )
        if int(prompt.max()) >= self._vocabulary_size:
            raise ValueError(
                f"the prompt holds id {int(prompt.max())}, and this model's ids end at {self._vocabulary_size - 1}. "
                "Send ids of this model's own tokenizer."
            )

    def _admit(self) -> None:
        """Gives free slots to those whose turn it is; prompts of one version are read together."""
        prompts: dict[SlotBatch, list[Prompt]] = {}
        for job, indices in self._waiting.take(self._config.slots - self._active_count()):
            prompts.setdefault(job.batch, []).append(Prompt(job.prompt, [self._sample(job, at) for at in indices]))
        for batch, joining in prompts.items():
            batch.join(joining)

    def _sample(self, job: Job, index: int) -> Sample:
        request = job.request
        room = self._room - len(job.prompt)
        sampling = replace(request.sampling, max_tokens=min(request.sampling.max_tokens, room))
        return Sample(job, index, request.seed, sampling, request.stop, request.embed)

    def _deliver(self, finished: list[tuple[Sample, Finished]]) -> None:
        for sample, result in finished:
            job: Job = sample.owner
            job.done[sample.index] = result
            if result.finish == "broken":
                version = int(result.versions[-1])
                why = f"weights of version {version} gave logits that are not finite. Go back to an earlier version."
                self._fail(job, ArithmeticError(why))
            elif len(job.done) == job.request.n and not job.reply.done():
                job.reply.set_result(self._answer(job))

    def _answer(self, job: Job) -> dict[str, Any]:
        completions = []
        for _, result in sorted(job.done.items()):
            completion = {
                "ids": result.ids,
                "logprobs": result.logprobs,
                "versions": spans_of(result.versions),
                "text": self._renderer.text(result.ids),
                "finish": result.finish,
            }
            if result.embedding is not None:
                completion["embedding"] = result.embedding
            completions.append(completion)
        return {"prompt_ids": job.prompt.astype(np.int32), "completions": completions}

    def _fail(self, job: Job, error: Exception) -> None:
        """Its other completions are dropped before the next step."""
        if not job.reply.done():
            job.reply.set_exception(error)
            self._has_cancelled = True

    def _note_cancellation(self, reply: "Future[dict[str, Any]]") -> None:
        self._has_cancelled = self._has_cancelled or reply.cancelled()

    def _drop_answered(self) -> None:
        """Frees what is held for those who no longer wait."""
        self._has_cancelled = False
        self._waiting.drop(lambda job: job.reply.done())
        for batch in self._versions.batches():
            batch.drop(lambda sample: sample.owner.reply.done())

    def _test_itself(self) -> None:
        """Samples a few tokens over the cache and scores them without it: a model that it does not fit is refused.

        Raises ModelError.
        """
        batch = self._versions.live
        length = max(1, min(6, self._room - 4))
        prompts = [np.arange(1, size + 1) % self._vocabulary_size for size in (length, 1)]
        prompts = prompts[: self._config.slots]
        samples = [Sample(None, at, 0, Sampling(max_tokens=3), (), False) for at in range(len(prompts))]
        try:
            batch.join([Prompt(ids, [sample]) for ids, sample in zip(prompts, samples, strict=True)])
            gap = 0.0
            while batch.active_count > 0:
                for sample, result in batch.step():
                    prompt = prompts[sample.index]
                    whole = batch.score(np.concatenate([prompt, result.ids]), len(prompt), 1.0)
                    gap = max(gap, float(np.abs(whole - result.logprobs).max()))
        except (
            AttributeError,
            IndexError,
            KeyError,
            NotImplementedError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            raise ModelError(
                f"{self._config.model} ({type(batch.model).__name__}) does not run over a cache of slots: "
                f"{reason_of(error)} Use an attention-only causal LM, or another engine."
            ) from error
        if not gap < MAX_SELF_TEST_GAP[self._config.dtype]:
            raise ModelError(
                f"{self._config.model} ({type(batch.model).__name__}) computes log-probabilities over a cache of slots "
                f"that are off by {gap:.2g}. Use an attention-only causal LM with causal masks, or another engine."
            )


def spans_of(versions: np.ndarray) -> list[list[int]]:
    """`[start, end, version]` for each run of equal versions, covering all of them in order."""
    if len(versions) == 0:
        return []
    cuts = [0, *(np.flatnonzero(np.diff(versions)) + 1).tolist(), len(versions)]
    return [[start, end, int(versions[start])] for start, end in pairwise(cuts)]


def _parse_config(config: Mapping[str, Any]) -> EngineConfig:
    known = {each.name for each in fields(EngineConfig)}
    unknown = sorted(set(config) - known)
    if unknown:
        raise ValueError(f"engine config has no field {unknown[0]}: known are {', '.join(sorted(known))}.")
    parsed = EngineConfig(**config)
    if parsed.slots < 1:
        raise ValueError(f"engine slots is {parsed.slots}: it must be 1 or more.")
    if parsed.max_length is not None and parsed.max_length < 2:
        raise ValueError(f"engine max_length is {parsed.max_length}: it must be 2 or more.")
    if parsed.prefix_mb < 0:
        raise ValueError(f"engine prefix_mb is {parsed.prefix_mb}: it must be 0 or more.")
    for name, choices in (("dtype", tuple(MAX_SELF_TEST_GAP)), ("cache", ("keep", "recompute"))):
        if getattr(parsed, name) not in choices:
            raise ValueError(f"engine {name} is {getattr(parsed, name)!r}: it must be {' or '.join(choices)}.")
    return parsed


def _refuse_window(model: Any, room: int, folder: str) -> None:
    config = model.config
    window = getattr(config, "sliding_window", None)
    if window and getattr(config, "use_sliding_window", True) and window < room:
        raise ModelError(
            f"{folder} attends to a window of {window} positions only, which this engine does not do. "
            f"Set engine.maxLength to {window} or less."
        )
