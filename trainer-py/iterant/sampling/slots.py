"""Many sequences of one policy at once: static slots, which sequences join and leave at token boundaries.

Continuous batching after Orca (Yu et al. 2022): one forward pass samples one token for every active slot. Active slots
are rows 0..N-1 of every array, kept dense by moving the last row into a hole, so the cache that a forward pass reads
is a view and nothing is gathered. Knows ids and weights; what they mean is the caller's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from iterant.sampling.cache import SlotCache
from iterant.sampling.choice import choose, penalise, uniform
from iterant.sampling.prefixes import Prefix, PrefixStore
from iterant.sampling.request import Sampling

# The attended length grows in steps of this many positions, so that shapes repeat and short sequences stay cheap.
BUCKET = 16
# Positions, padding included, that one pass over prompts takes: activations of a few MB stay in cache.
PREFILL_POSITIONS = 4096
# Tokens that write nothing may stand between those that complete a stop text.
STOP_SLACK = 8


@dataclass(frozen=True)
class Finished:
    """ids [n] int32, logprobs [n] float32, versions [n] int32; embedding [H] float32 or None.

    finish  "stop", "length", or "broken" where the weights gave logits that are not finite
    """

    ids: np.ndarray
    logprobs: np.ndarray
    versions: np.ndarray
    finish: str
    embedding: np.ndarray | None


@dataclass(eq=False)
class Sample:
    """One completion on its way. `owner` is whoever asked; `stop` are texts that end it."""

    owner: Any
    index: int
    seed: int
    sampling: Sampling
    stop: tuple[str, ...]
    embed: bool


@dataclass
class Prompt:
    """ids [P] int64, and the completions that begin with them."""

    ids: np.ndarray
    samples: list[Sample]


@dataclass
class _Rows:
    """What is known of each row, one array a fact; the last three have a column a token."""

    length: np.ndarray  # positions in the cache: the newest token is not in it yet
    token: np.ndarray
    count: np.ndarray
    limit: np.ndarray
    seed: np.ndarray
    index: np.ndarray
    temperature: np.ndarray
    top_p: np.ndarray
    top_k: np.ndarray
    min_p: np.ndarray
    penalty: np.ndarray
    wants_embedding: np.ndarray
    has_stop: np.ndarray
    ids: np.ndarray
    logprobs: np.ndarray
    versions: np.ndarray

    @staticmethod
    def of(slots: int, width: int = 64) -> "_Rows":
        whole = {name: np.zeros(slots, np.int64) for name in ("length", "token", "count", "limit", "top_k")}
        unsigned = {name: np.zeros(slots, np.uint64) for name in ("seed", "index")}
        real = {name: np.ones(slots, np.float32) for name in ("temperature", "top_p", "min_p", "penalty")}
        flags = {name: np.zeros(slots, np.bool_) for name in ("wants_embedding", "has_stop")}
        ids, versions = (np.zeros((slots, width), np.int32) for _ in range(2))
        logprobs = np.zeros((slots, width), np.float32)
        return _Rows(**whole, **unsigned, **real, **flags, ids=ids, logprobs=logprobs, versions=versions)

    def move(self, holes: np.ndarray, movers: np.ndarray) -> None:
        for array in vars(self).values():
            array[holes] = array[movers]

    def widen(self, width: int) -> None:
        """Columns for so many tokens, at least twice as many as before."""
        own = self.ids.shape[1]
        if width > own:
            grow = ((0, 0), (0, max(width, 2 * own) - own))
            for name in ("ids", "logprobs", "versions"):
                setattr(self, name, np.pad(getattr(self, name), grow))


class SlotBatch:
    """Slots over one model. `version` is stamped on every token that is sampled; set it when the weights change.

    decode        [n] ids to text, special tokens shown; only asked for completions that have stop texts
    prefix_bytes  for keys and values of sequences that are done, see prefixes.py
    """

    def __init__(
        self,
        model: Any,
        version: int,
        end_ids: frozenset[int],
        slots: int,
        decode: Callable[[np.ndarray], str],
        prefix_bytes: int = 0,
    ) -> None:
        self.model = model
        self.version = version
        self._device = model.device
        self._decode = decode
        self._is_end = np.zeros(int(model.get_input_embeddings().num_embeddings), dtype=bool)
        self._is_end[[token for token in end_ids if token < len(self._is_end)]] = True
        self._needs_additive_mask = getattr(model.config, "_attn_implementation", "sdpa") != "sdpa"
        self._samples: list[Sample] = []
        self._prompts: list[np.ndarray] = []
        self._rows = _Rows.of(slots)
        self._cache = SlotCache(slots)
        self._prefixes = PrefixStore(prefix_bytes)
        # Positions of prompts that were read, and that were there already.
        self.read_count = 0
        self.reused_count = 0
        self._state_sum: torch.Tensor | None = None

    @property
    def active_count(self) -> int:
        return len(self._samples)

    def owners(self) -> set[Any]:
        return {sample.owner for sample in self._samples}

    def join(self, prompts: Sequence[Prompt]) -> None:
        """Takes completions in; there must be a free slot for each.

        A prompt is read once for all its completions, but for its newest token: that one goes through the next step
        with everybody else's, which samples the first tokens.
        """
        with torch.inference_mode():
            places = [self._place(prompt) for prompt in prompts]
            self._fill([prompt.ids[:-1] for prompt in prompts], places)

    def step(self) -> list[tuple[Sample, Finished]]:
        """One token for every active slot. Returns what is finished."""
        count = len(self._samples)
        if count == 0:
            return []
        rows = self._rows
        with torch.inference_mode():
            logits = self._forward(count)
            draws = uniform(rows.seed[:count], rows.index[:count], rows.count[:count].astype(np.uint64))
            if (rows.penalty[:count] != 1).any():
                penalise(logits, [self._seen(row) for row in range(count)], rows.penalty[:count])
            settings = rows.temperature[:count], rows.top_p[:count], rows.top_k[:count], rows.min_p[:count]
            tokens, logprobs = choose(logits, *settings, draws)
            self._write_down(tokens.cpu().numpy(), logprobs.cpu().numpy())
        return self._leave()

    def drop(self, is_dropped: Callable[[Sample], bool]) -> None:
        """Frees the slots of every sample of which `is_dropped` is true."""
        self._remove([row for row, sample in enumerate(self._samples) if is_dropped(sample)])

    def recompute(self) -> None:
        """Keys and values of all that is being sampled, anew under the present weights."""
        said = self._rows.ids
        spoken = [said[row, : self._rows.count[row]] for row in range(len(self._prompts))]
        sequences = [np.concatenate(parts)[:-1] for parts in zip(self._prompts, spoken, strict=True)]
        with torch.inference_mode():
            self._fill(sequences, [np.array([row]) for row in range(len(sequences))])

    def score(self, ids: np.ndarray, start: int, temperature: float) -> np.ndarray:
        """float32 [T - start]: log-probabilities of ids[start:] by one forward pass without a cache."""
        with torch.inference_mode():
            row = self._to_device(np.array(ids, dtype=np.int64)).unsqueeze(0)
            logits = self.model(input_ids=row, use_cache=False).logits[0, start - 1 : -1].float()
            logprobs = torch.log_softmax(logits / (temperature or 1.0), dim=-1)
            scored: np.ndarray = logprobs.gather(1, row[0, start:].unsqueeze(1)).squeeze(1).cpu().numpy()
            return scored

    # --- joining --------------------------------------------------------------------------------------

    def _fill(self, sequences: Sequence[np.ndarray], places: Sequence[np.ndarray]) -> None:
        """Reads sequences, few passes for all, and gives each one's keys and values to its rows.

        One that begins as another did is read from there on, by itself. Padding stands on the right: with causal
        attention no position sees it, so no mask is needed.
        """
        known = [self._prefixes.find(ids, self.version) for ids in sequences]
        for ids, rows, found in zip(sequences, places, known, strict=True):
            if found is not None:
                self._go_on(ids, rows, *found)
        anew = [at for at, found in enumerate(known) if found is None]
        for part in _parts([len(sequences[at]) for at in anew]):
            chosen = [anew[at] for at in part]
            longest = len(sequences[chosen[0]])
            if longest == 0:
                continue
            ids = np.zeros((len(chosen), longest), dtype=np.int64)
            for source, at in enumerate(chosen):
                ids[source, : len(sequences[at])] = sequences[at]
            read = DynamicCache()
            self.model(input_ids=self._to_device(ids), past_key_values=read, use_cache=True, logits_to_keep=1)
            self.read_count += sum(len(sequences[at]) for at in chosen)
            for source, at in enumerate(chosen):
                self._cache.fill(places[at], source, read, len(sequences[at]))

    def _go_on(self, ids: np.ndarray, rows: np.ndarray, prefix: Prefix, length: int) -> None:
        """Reads a sequence whose first `length` positions are known, and gives all of it to its rows."""
        read = DynamicCache()
        for layer, (keys, values) in enumerate(prefix.layers):
            read.update(keys[None, :, :length], values[None, :, :length], layer)
        self.reused_count += length
        if length < len(ids):
            rest = self._to_device(ids[length:]).unsqueeze(0)
            self.model(input_ids=rest, past_key_values=read, use_cache=True, logits_to_keep=1)
            self.read_count += len(ids) - length
        self._cache.fill(rows, 0, read, len(ids))

    def _place(self, prompt: Prompt) -> np.ndarray:
        """Rows for a prompt's samples, neighbours all."""
        first = len(self._samples)
        self._samples += prompt.samples
        self._prompts += [prompt.ids] * len(prompt.samples)
        numbers = np.arange(first, len(self._samples))
        rows = self._rows
        rows.length[numbers] = len(prompt.ids) - 1
        rows.token[numbers] = prompt.ids[-1]
        rows.count[numbers] = 0
        for row, sample in zip(numbers.tolist(), prompt.samples, strict=True):
            sampling = sample.sampling
            rows.limit[row] = sampling.max_tokens
            rows.seed[row], rows.index[row] = sample.seed, sample.index
            rows.temperature[row], rows.top_p[row], rows.top_k[row] = (
                sampling.temperature,
                sampling.top_p,
                sampling.top_k,
            )
            rows.min_p[row], rows.penalty[row] = sampling.min_p, sampling.repetition_penalty
            rows.wants_embedding[row], rows.has_stop[row] = sample.embed, bool(sample.stop)
        if self._state_sum is not None:
            self._state_sum[first : len(self._samples)] = 0
        return numbers

    def _seen(self, row: int) -> np.ndarray | None:
        """What a row's penalty is about; None for a row without one."""
        if self._rows.penalty[row] == 1:
            return None
        return np.concatenate([self._prompts[row], self._rows.ids[row, : self._rows.count[row]]])

    # --- sampling -------------------------------------------------------------------------------------

    def _forward(self, count: int) -> torch.Tensor:
        """Reads every row's newest token. Returns float32 [N, V] logits."""
        lengths = self._rows.length[:count]
        length = -(-(int(lengths.max()) + 1) // BUCKET) * BUCKET
        at = self._to_device(lengths)
        self._cache.aim(at, length)
        mask = (torch.arange(length, device=self._device) <= at.unsqueeze(1)).view(count, 1, 1, length)
        if self._needs_additive_mask:
            lowest = torch.finfo(self.model.dtype).min
            mask = torch.zeros(mask.shape, dtype=self.model.dtype, device=self._device).masked_fill(~mask, lowest)
        inputs = {
            "input_ids": self._to_device(self._rows.token[:count]).unsqueeze(1),
            "attention_mask": mask,
            "position_ids": at.unsqueeze(1),
            "past_key_values": self._cache,
            "use_cache": True,
            "logits_to_keep": 1,
        }
        if not self._rows.wants_embedding[:count].any():
            logits: torch.Tensor = self.model(**inputs).logits[:, -1].float()
            return logits
        # What the head is given is the last layer's state: seen by a hook, which costs nothing when it is not there.
        seen: list[torch.Tensor] = []
        hook = self.model.get_output_embeddings().register_forward_pre_hook(lambda _head, given: seen.append(given[0]))
        try:
            logits = self.model(**inputs).logits[:, -1].float()
        finally:
            hook.remove()
        self._add_states(seen[0][:, -1].float())
        return logits

    def _add_states(self, states: torch.Tensor) -> None:
        """Sums the states from which completion tokens are sampled: their mean is the embedding."""
        if self._state_sum is None:
            self._state_sum = torch.zeros((len(self._rows.token), states.shape[-1]), device=states.device)
        self._state_sum[: len(states)] += states

    def _write_down(self, tokens: np.ndarray, logprobs: np.ndarray) -> None:
        rows, count = self._rows, len(tokens)
        at = rows.count[:count]
        rows.widen(int(at.max()) + 1)
        every = np.arange(count)
        rows.token[:count] = tokens
        rows.ids[every, at] = tokens
        rows.logprobs[every, at] = logprobs
        rows.versions[every, at] = self.version
        rows.count[:count] += 1
        rows.length[:count] += 1

    # --- leaving --------------------------------------------------------------------------------------

    def _leave(self) -> list[tuple[Sample, Finished]]:
        rows, count = self._rows, len(self._samples)
        has_stopped = self._is_end[rows.token[:count]]
        for row in np.flatnonzero(rows.has_stop[:count] & ~has_stopped).tolist():
            has_stopped[row] = self._ends_in_stop(row)
        is_broken = ~np.isfinite(rows.logprobs[np.arange(count), rows.count[:count] - 1])
        is_full = rows.count[:count] >= rows.limit[:count]
        leaving = np.flatnonzero(has_stopped | is_full | is_broken).tolist()
        done = []
        for row in leaving:
            finish = "broken" if is_broken[row] else "stop" if has_stopped[row] else "length"
            done.append((self._samples[row], self._harvest(row, finish)))
            self._keep_prefix(row)
        self._remove(leaving)
        return done

    def _ends_in_stop(self, row: int) -> bool:
        """True if a stop text has come about. The newest token completed it, or the row would have left before."""
        stop = self._samples[row].stop
        count = int(self._rows.count[row])
        window = max(len(text.encode()) for text in stop) + STOP_SLACK
        text = self._decode(self._rows.ids[row, max(0, count - window) : count])
        return any(wanted in text for wanted in stop)

    def _harvest(self, row: int, finish: str) -> Finished:
        rows, count = self._rows, int(self._rows.count[row])
        embedding = None
        if rows.wants_embedding[row] and self._state_sum is not None:
            embedding = (self._state_sum[row] / count).cpu().numpy()
        return Finished(
            rows.ids[row, :count].copy(),
            rows.logprobs[row, :count].copy(),
            rows.versions[row, :count].copy(),
            finish,
            embedding,
        )

    def _keep_prefix(self, row: int) -> None:
        """For whoever goes on from here, unless weights changed on the way."""
        rows, count = self._rows, int(self._rows.count[row])
        length = int(rows.length[row])
        ids = np.concatenate([self._prompts[row], rows.ids[row, :count]])[:length]
        if self._prefixes.wants(ids) and (rows.versions[row, :count] == self.version).all():
            with torch.inference_mode():
                self._prefixes.put(Prefix(ids, self.version, self._cache.read(row, length)))

    def _remove(self, numbers: list[int]) -> None:
        """Moves the last rows that stay into the holes."""
        if not numbers:
            return
        gone = set(numbers)
        left = len(self._samples) - len(gone)
        holes = [row for row in numbers if row < left]
        movers = [row for row in range(left, len(self._samples)) if row not in gone]
        if holes:
            self._move(np.array(holes), np.array(movers))
        for hole, mover in zip(holes, movers, strict=True):
            self._samples[hole], self._prompts[hole] = self._samples[mover], self._prompts[mover]
        del self._samples[left:], self._prompts[left:]

    def _move(self, holes: np.ndarray, movers: np.ndarray) -> None:
        length = int(self._rows.length[movers].max())
        with torch.inference_mode():
            to, of = self._to_device(holes), self._to_device(movers)
            self._cache.move(to, of, length)
            if self._state_sum is not None:
                self._state_sum[to] = self._state_sum[of]
        self._rows.move(holes, movers)

    def _to_device(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)


def _parts(lengths: Sequence[int]) -> list[list[int]]:
    """Which sequences are read in one pass: the longest first, no pass of several above PREFILL_POSITIONS."""
    parts: list[list[int]] = []
    for at in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        if not parts or lengths[parts[-1][0]] * (len(parts[-1]) + 1) > PREFILL_POSITIONS:
            parts.append([])
        parts[-1].append(at)
    return parts
