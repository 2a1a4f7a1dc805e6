"""The slot engine as an actor: takes requests as they come, samples for all together, changes weights in flight.

A request is answered later, by a Future; between messages the host gives turns, and a turn is one token for every
active slot. New weights are read and checked into a second place, then swapped at a token boundary: sequences go on
where they are, and each token says which version sampled it. A pinned version is a copy of its own, served beside.
"""

import copy
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from iterant import weights
from iterant.models import eos_ids, load_model, load_tokenizer, room_of
from iterant.sampling.prompt import Renderer
from iterant.sampling.request import Request, parse_request
from iterant.sampling.slots import Finished, Prompt, Sample, SlotBatch

# Prompts are read together: a prefill for one costs as much as a step for all. So they wait for company,
# until an eighth of the slots is asked for, but no longer than so many steps (measured: 1.3x on short answers).
MAX_WAIT_STEPS = 6
# Training goes first where slots are short; every so many admissions evaluation has its turn all the same.
EVAL_EVERY = 4


@dataclass(frozen=True)
class EngineConfig:
    """model       the folder
    slots       completions sampled at a time
    max_length  positions of prompt and response together; the model's own unless said
    """

    model: str
    slots: int = 64
    device: str = "cpu"
    seed: int = 0
    threads: int = 1
    max_length: int | None = None


@dataclass(eq=False)
class _Job:
    """A request that is being answered."""

    request: Request
    prompt: np.ndarray
    reply: "Future[dict[str, Any]]"
    batch: SlotBatch
    admitted: int = 0
    waited_steps: int = 0
    done: dict[int, Finished] = field(default_factory=dict)


@dataclass
class _Pinned:
    batch: SlotBatch
    count: int


class Engine:
    """See the module. Methods are what actors/inference-proxy.ts calls."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = EngineConfig(**config)
        torch.set_num_threads(self._config.threads)
        self._model = load_model(self._config.model, device=self._config.device)
        tokenizer = load_tokenizer(self._config.model)
        self._ends = eos_ids(self._model, tokenizer)
        self._renderer = Renderer(tokenizer, self._ends)
        room = room_of(self._model)
        self._room = min(room, self._config.max_length or room)
        self._refuse_window()
        self._current = self._batch(self._model, 0)
        self._pinned: dict[int, _Pinned] = {}
        # The batch of a version that was unpinned: its memory serves the next one.
        self._spare: SlotBatch | None = None
        self._prepared: tuple[int, dict[str, torch.Tensor]] | None = None
        self._waiting: dict[str, deque[_Job]] = {"train": deque(), "eval": deque()}
        self._admissions = 0
        self._has_cancelled = False
        self._steps = 0
        self._tokens = 0

    # --- what is asked --------------------------------------------------------------------------------

    def generate(self, request: Mapping[str, Any]) -> "Future[dict[str, Any]]":
        """Completions of one prompt. Raises ValueError for a request that cannot be answered."""
        asked = parse_request(request)
        batch = self._batch_for(asked.version)
        messages = list(asked.messages)
        prompt = self._renderer.begin(messages) if asked.ids is None else self._renderer.go_on(asked.ids, messages)
        if len(prompt) == 0:
            raise ValueError("the prompt has no token: give the messages some content.")
        if len(prompt) + 1 > self._room:
            raise ValueError(
                f"the prompt has {len(prompt)} tokens, and this engine has room for {self._room} with the response. "
                "Shorten it, or raise engine.maxLength."
            )
        if int(prompt.max()) >= int(self._model.config.vocab_size):
            raise ValueError(f"the prompt holds id {int(prompt.max())}, which is outside the model's vocabulary.")
        reply: Future[dict[str, Any]] = Future()
        reply.add_done_callback(self._note_cancellation)
        self._waiting[asked.lane].append(_Job(asked, prompt, reply, batch))
        return reply

    def turn(self) -> bool:
        """One token for every active slot; True while there is more to do."""
        if self._has_cancelled:
            self._drop_cancelled()
        self._admit()
        for batch in self._batches():
            if batch.active_count > 0:
                self._steps += 1
                self._tokens += batch.active_count
                self._deliver(batch.step())
        return any(self._waiting.values()) or any(batch.active_count for batch in self._batches())

    def score(self, ids: np.ndarray, start: int, temperature: float = 1.0) -> np.ndarray:
        """float32: log-probabilities of ids[start:] under the newest weights, by one forward pass."""
        return self._current.score(ids, start, temperature)

    # --- weights --------------------------------------------------------------------------------------

    def prepare(self, manifest: weights.Manifest) -> dict[str, Any]:
        """Reads and checks new weights without using them. Raises WeightError and goes on with the old ones."""
        state = weights.read(manifest)
        own = self._model.state_dict()
        missing = sorted(set(own) - set(state)) + sorted(set(state) - set(own))
        if missing:
            raise weights.WeightError(
                f"weights of version {manifest['version']} are of another model: {missing[0]} stands on one side only. "
                "Start learner and engine from the same folder."
            )
        odd = [name for name, tensor in own.items() if state[name].shape != tensor.shape]
        if odd:
            raise weights.WeightError(
                f"weights of version {manifest['version']} are of another model: {odd[0]} is "
                f"{list(state[odd[0]].shape)}, not {list(own[odd[0]].shape)}."
            )
        self._prepared = (int(manifest["version"]), state)
        return {"version": manifest["version"], "tensors": len(state)}

    def commit(self, version: int) -> None:
        """Swaps prepared weights in, at a token boundary by construction: turns and messages alternate."""
        if self._prepared is None or self._prepared[0] != version:
            if self._current.version == version:
                return  # told twice
            raise ValueError(f"weights of version {version} were not prepared: prepare them first.")
        _copy_into(self._model, self._prepared[1])
        self._current.version = version
        self._prepared = None

    def rollback(self, version: int) -> None:
        """Forgets what was prepared."""
        if self._prepared is not None and self._prepared[0] == version:
            self._prepared = None

    def pin(self, version: int) -> None:
        """Keeps the present weights for requests that name this version, until it is unpinned as often."""
        if version in self._pinned:
            self._pinned[version].count += 1
            return
        if version != self._current.version:
            raise ValueError(f"version {version} cannot be pinned: the newest here is {self._current.version}.")
        if self._spare is None:
            batch = self._batch(copy.deepcopy(self._model), version)
        else:
            batch, self._spare = self._spare, None
            _copy_into(batch.model, self._model.state_dict())
            batch.version = version
        self._pinned[version] = _Pinned(batch, 1)

    def unpin(self, version: int) -> None:
        """What is still being sampled from it comes to its end first."""
        pinned = self._pinned.get(version)
        if pinned is None:
            return
        pinned.count -= 1
        if pinned.count > 0:
            return
        del self._pinned[version]
        gone = [job for jobs in self._waiting.values() for job in jobs if job.batch is pinned.batch]
        for owner in {*gone, *pinned.batch.owners()}:
            self._fail(owner, f"version {version} was unpinned before all completions were sampled.")
        pinned.batch.drop(lambda _sample: True)
        self._spare = pinned.batch

    # --- looking in -----------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        return {
            "version": self._current.version,
            "pinned": sorted(self._pinned),
            "slots": self._config.slots,
            "active": sum(batch.active_count for batch in self._batches()),
            "waiting": sum(len(jobs) for jobs in self._waiting.values()),
            "steps": self._steps,
            "tokens": self._tokens,
        }

    def describe(self) -> dict[str, Any]:
        return {
            "model": self._config.model,
            "kind": type(self._model).__name__,
            "parameters": sum(parameter.numel() for parameter in self._model.parameters()),
            "room": self._room,
            "chat_template": self._renderer.has_template,
            "device": str(self._model.device),
            "version": self._current.version,
        }

    def stop(self, reason: str) -> None:
        jobs = {job for waiting in self._waiting.values() for job in waiting}
        for batch in self._batches():
            jobs |= batch.owners()
        for job in jobs:
            self._fail(job, f"the engine was stopped: {reason}.")

    # --- inside ---------------------------------------------------------------------------------------

    def _batch(self, model: Any, version: int) -> SlotBatch:
        return SlotBatch(model, version, self._ends, self._config.slots, self._renderer)

    def _batches(self) -> list[SlotBatch]:
        return [self._current, *(pinned.batch for pinned in self._pinned.values())]

    def _batch_for(self, version: int | None) -> SlotBatch:
        if version is None:
            return self._current
        if version in self._pinned:
            return self._pinned[version].batch
        known = ", ".join(str(pinned) for pinned in sorted(self._pinned)) or "none"
        raise ValueError(f"version {version} is not pinned here: pinned are {known}. Pin it while it is the newest.")

    def _refuse_window(self) -> None:
        config = self._model.config
        window = getattr(config, "sliding_window", None)
        if window and getattr(config, "use_sliding_window", True) and window < self._room:
            raise ValueError(
                f"{self._config.model} attends to a window of {window} positions only, which this engine does not do. "
                f"Set engine.maxLength to {window} or less."
            )

    def _admit(self) -> None:
        """Gives free slots to whoever waits, batch by batch, once it is worth a prefill."""
        for jobs in self._waiting.values():
            for job in jobs:
                job.waited_steps += 1
        for batch in self._batches():
            mine = [job for jobs in self._waiting.values() for job in jobs if job.batch is batch]
            wanted = sum(job.request.n - job.admitted for job in mine)
            is_worth_it = wanted * 8 >= batch.capacity or any(job.waited_steps > MAX_WAIT_STEPS for job in mine)
            if wanted > 0 and batch.free_count > 0 and (is_worth_it or batch.active_count == 0):
                self._deliver(batch.join(self._take(batch)))

    def _take(self, batch: SlotBatch) -> list[Prompt]:
        prompts: list[Prompt] = []
        free = batch.free_count
        while free > 0:
            job = self._next_job(batch)
            if job is None:
                break
            count = min(free, job.request.n - job.admitted)
            prompts.append(Prompt(job.prompt, [self._sample(job, job.admitted + at) for at in range(count)]))
            job.admitted += count
            free -= count
            if job.admitted == job.request.n:
                self._waiting[job.request.lane].remove(job)
        return prompts

    def _next_job(self, batch: SlotBatch) -> _Job | None:
        self._admissions += 1
        order = ("eval", "train") if self._admissions % EVAL_EVERY == 0 else ("train", "eval")
        return next((job for lane in order for job in self._waiting[lane] if job.batch is batch), None)

    def _sample(self, job: _Job, index: int) -> Sample:
        request = job.request
        limit = min(request.sampling.max_tokens, self._room - len(job.prompt))
        sampling = type(request.sampling)(
            request.sampling.temperature, request.sampling.top_p, request.sampling.top_k, limit
        )
        return Sample(job, index, request.seed, sampling, request.stop, request.embed)

    def _deliver(self, finished: list[tuple[Sample, Finished]]) -> None:
        for sample, result in finished:
            job: _Job = sample.owner
            job.done[sample.index] = result
            if len(job.done) == job.request.n and not job.reply.done():
                job.reply.set_result(self._answer(job))

    def _answer(self, job: _Job) -> dict[str, Any]:
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

    def _note_cancellation(self, reply: "Future[dict[str, Any]]") -> None:
        self._has_cancelled = self._has_cancelled or reply.cancelled()

    def _drop_cancelled(self) -> None:
        self._has_cancelled = False
        for lane, jobs in self._waiting.items():
            self._waiting[lane] = deque(job for job in jobs if not job.reply.done())
        for batch in self._batches():
            batch.drop(lambda sample: sample.owner.reply.done())

    def _fail(self, job: _Job, why: str) -> None:
        jobs = self._waiting[job.request.lane]
        if job in jobs:
            jobs.remove(job)
        if not job.reply.done():
            job.reply.set_exception(RuntimeError(why))


def spans_of(versions: np.ndarray) -> list[list[int]]:
    """`[start, end, version]` for each run of equal versions, covering all of them in order."""
    if len(versions) == 0:
        return []
    cuts = [0, *(np.flatnonzero(np.diff(versions)) + 1).tolist(), len(versions)]
    return [[start, end, int(versions[start])] for start, end in pairwise(cuts)]


def _copy_into(model: Any, state: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(state[name])
