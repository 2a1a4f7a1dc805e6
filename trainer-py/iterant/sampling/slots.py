"""Many sequences of one policy at once: static slots, which sequences join and leave at token boundaries.

Continuous batching after Orca (Yu et al. 2022): one forward pass samples one token for every active slot. Active slots
are rows 0..N-1 of every array, kept dense by moving the last row into a hole, so the cache that a forward pass reads
is a view and nothing is gathered. Knows ids and weights; what they mean is the caller's.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from iterant.sampling.choice import choose, uniform
from iterant.sampling.request import Sampling

# The attended length grows in steps of this many positions, so that short sequences do not pay for long ones.
BUCKET = 16
# Positions, padding included, that one prefill takes: activations of a few MB stay in cache.
PREFILL_POSITIONS = 8192


@dataclass(frozen=True)
class Finished:
    """ids [n] int32, logprobs [n] float32, versions [n] int32; embedding [H] float32 or None."""

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
class _Cache:
    """What the model's attention layers write to and read from in place of a Hugging Face cache."""

    keys: list[torch.Tensor] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)


class _Capture(_Cache):
    """Prefill: keeps what each layer computed, [B, heads, T, D], and hands it back as it is."""

    def update(self, key: torch.Tensor, value: torch.Tensor, _layer: int, *_: Any) -> Any:
        self.keys.append(key)
        self.values.append(value)
        return key, value


class _Slots(_Cache):
    """Decode: writes each row's new position, and gives the rows in use up to the attended length."""

    rows: torch.Tensor
    at: torch.Tensor
    length: int

    def update(self, key: torch.Tensor, value: torch.Tensor, layer: int, *_: Any) -> Any:
        count = len(self.rows)
        self.keys[layer][self.rows, :, self.at] = key[:, :, 0]
        self.values[layer][self.rows, :, self.at] = value[:, :, 0]
        return self.keys[layer][:count, :, : self.length], self.values[layer][:count, :, : self.length]


class SlotBatch:
    """Slots over one model. `version` is stamped on every token that is sampled; set it when the weights change."""

    def __init__(self, model: Any, version: int, end_ids: frozenset[int], slots: int, renderer: Any) -> None:
        self.model = model
        self.version = version
        self.capacity = slots
        self._device = model.device
        self._renderer = renderer
        self._is_end = np.zeros(int(model.config.vocab_size), dtype=bool)
        self._is_end[[token for token in end_ids if token < len(self._is_end)]] = True
        self._samples: list[Sample] = []
        self._cache = _Slots()
        self._room = 0
        # Per row. `length` counts positions in the cache: the newest token is not in it yet.
        self._length = np.zeros(slots, dtype=np.int64)
        self._token = np.zeros(slots, dtype=np.int64)
        self._count = np.zeros(slots, dtype=np.int64)
        self._limit = np.zeros(slots, dtype=np.int64)
        self._seed = np.zeros(slots, dtype=np.uint64)
        self._index = np.zeros(slots, dtype=np.uint64)
        self._temperature = np.ones(slots, dtype=np.float32)
        self._top_p = np.ones(slots, dtype=np.float32)
        self._top_k = np.zeros(slots, dtype=np.int64)
        self._wants_embedding = np.zeros(slots, dtype=bool)
        self._ids = np.zeros((slots, 64), dtype=np.int32)
        self._logprobs = np.zeros((slots, 64), dtype=np.float32)
        self._versions = np.zeros((slots, 64), dtype=np.int32)
        self._state_sum: torch.Tensor | None = None

    @property
    def active_count(self) -> int:
        return len(self._samples)

    @property
    def free_count(self) -> int:
        return self.capacity - len(self._samples)

    def owners(self) -> set[Any]:
        return {sample.owner for sample in self._samples}

    def join(self, prompts: list[Prompt]) -> list[tuple[Sample, Finished]]:
        """Reads prompts, each once for all its samples, and samples their first tokens.

        There must be a free slot for every sample. Returns what is finished already.
        """
        done: list[tuple[Sample, Finished]] = []
        rest = sorted(prompts, key=lambda prompt: len(prompt.ids))
        while rest:
            part = [rest.pop()]
            while rest and len(part[0].ids) * (len(part) + 1) <= PREFILL_POSITIONS:
                part.append(rest.pop())
            done += self._prefill(part)
        return done

    def step(self) -> list[tuple[Sample, Finished]]:
        """One token for every active slot. Returns what is finished."""
        count = len(self._samples)
        if count == 0:
            return []
        length = int(self._length[:count].max()) + 1
        length = min(-(-length // BUCKET) * BUCKET, self._room)
        cache = self._cache
        cache.rows = torch.arange(count, device=self._device)
        cache.at = self._to_device(self._length[:count])
        cache.length = length
        mask = torch.arange(length, device=self._device) <= cache.at.unsqueeze(1)
        with torch.inference_mode():
            output = self.model(
                input_ids=self._to_device(self._token[:count]).unsqueeze(1),
                attention_mask=mask.view(count, 1, 1, length),
                position_ids=cache.at.unsqueeze(1),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
                output_hidden_states=bool(self._wants_embedding[:count].any()),
            )
            self._length[:count] += 1
            self._note_states(output, slice(0, count))
            self._choose(output.logits[:, -1], np.arange(count))
        return self._leave()

    def drop(self, is_dropped: Any) -> None:
        """Frees the slots of every sample of which `is_dropped` is true."""
        self._remove([row for row, sample in enumerate(self._samples) if is_dropped(sample)])

    def score(self, ids: np.ndarray, start: int, temperature: float) -> np.ndarray:
        """float32 [T - start]: log-probabilities of ids[start:] by one forward pass without a cache."""
        with torch.inference_mode():
            row = self._to_device(np.asarray(ids, dtype=np.int64)).unsqueeze(0)
            logits = self.model(input_ids=row, use_cache=False).logits[0, start - 1 : -1].float()
            logprobs = torch.log_softmax(logits / (temperature or 1.0), dim=-1)
            scored: np.ndarray = logprobs.gather(1, row[0, start:].unsqueeze(1)).squeeze(1).cpu().numpy()
            return scored

    # --- joining --------------------------------------------------------------------------------------

    def _prefill(self, prompts: list[Prompt]) -> list[tuple[Sample, Finished]]:
        """Padding stands on the left, so that the last position is every prompt's newest token."""
        sizes = np.array([len(prompt.ids) for prompt in prompts])
        longest = int(sizes.max())
        ids = np.zeros((len(prompts), longest), dtype=np.int64)
        for at, prompt in enumerate(prompts):
            ids[at, longest - len(prompt.ids) :] = prompt.ids
        capture = _Capture()
        starts = self._to_device(longest - sizes)
        positions = torch.arange(longest, device=self._device)
        seen = (positions.view(1, -1) <= positions.view(-1, 1)) & (positions >= starts.view(-1, 1, 1))
        # Padding looks at itself: a row that sees nothing becomes NaN and spoils the values that others skip.
        mask = (seen | torch.eye(longest, dtype=torch.bool, device=self._device)).unsqueeze(1)
        embed = any(sample.embed for prompt in prompts for sample in prompt.samples)
        with torch.inference_mode():
            output = self.model(
                input_ids=self._to_device(ids),
                attention_mask=mask,
                position_ids=(positions - starts.unsqueeze(1)).clamp_min(0),
                past_key_values=capture,
                use_cache=True,
                logits_to_keep=1,
                output_hidden_states=embed,
            )
            rows, sources = self._place(prompts, sizes, capture)
            self._note_states(output, rows, sources)
            self._choose(output.logits[:, -1][self._to_device(sources)], rows)
        return self._leave()

    def _place(self, prompts: list[Prompt], sizes: np.ndarray, capture: _Capture) -> tuple[np.ndarray, np.ndarray]:
        """Gives each sample a row with its prompt's cache. Returns rows, and which prompt each belongs to."""
        first = len(self._samples)
        sources = np.repeat(np.arange(len(prompts)), [len(prompt.samples) for prompt in prompts])
        samples = [sample for prompt in prompts for sample in prompt.samples]
        rows = np.arange(first, first + len(samples))
        longest = capture.keys[0].shape[2]
        self._make_room(
            max(
                int(sizes[source]) + sample.sampling.max_tokens for source, sample in zip(sources, samples, strict=True)
            ),
            capture,
        )
        for own, new in ((self._cache.keys, capture.keys), (self._cache.values, capture.values)):
            for layer, states in enumerate(new):
                for at, prompt in enumerate(prompts):
                    begin = first + int(np.searchsorted(sources, at))
                    size = int(sizes[at])
                    own[layer][begin : begin + len(prompt.samples), :, :size] = states[at, :, longest - size :]
        self._samples += samples
        self._length[rows] = sizes[sources]
        self._count[rows] = 0
        self._limit[rows] = [sample.sampling.max_tokens for sample in samples]
        self._seed[rows] = [sample.seed for sample in samples]
        self._index[rows] = [sample.index for sample in samples]
        self._temperature[rows] = [sample.sampling.temperature for sample in samples]
        self._top_p[rows] = [sample.sampling.top_p for sample in samples]
        self._top_k[rows] = [sample.sampling.top_k for sample in samples]
        self._wants_embedding[rows] = [sample.embed for sample in samples]
        self._widen(max(sample.sampling.max_tokens for sample in samples))
        return rows, sources

    def _make_room(self, positions: int, like: _Cache) -> None:
        """Grows the cache to hold so many positions a slot; it never shrinks, since fresh memory is dear."""
        if positions <= self._room:
            return
        room = max(64, 1 << (positions - 1).bit_length())
        for own, states in ((self._cache.keys, like.keys), (self._cache.values, like.values)):
            grown = []
            for layer, state in enumerate(states):
                _, heads, _, size = state.shape
                bigger = torch.zeros((self.capacity, heads, room, size), dtype=state.dtype, device=state.device)
                if own:
                    bigger[:, :, : self._room] = own[layer]
                grown.append(bigger)
            own[:] = grown
        self._room = room

    def _widen(self, tokens: int) -> None:
        width = self._ids.shape[1]
        if tokens <= width:
            return
        grow = max(tokens, 2 * width) - width
        self._ids = np.pad(self._ids, ((0, 0), (0, grow)))
        self._logprobs = np.pad(self._logprobs, ((0, 0), (0, grow)))
        self._versions = np.pad(self._versions, ((0, 0), (0, grow)))

    # --- sampling -------------------------------------------------------------------------------------

    def _choose(self, logits: torch.Tensor, rows: np.ndarray) -> None:
        """Samples one token for each row and writes it down."""
        draws = uniform(self._seed[rows], self._index[rows], self._count[rows].astype(np.uint64))
        tokens, logprobs = choose(
            logits.float(),
            self._to_device(self._temperature[rows]),
            self._to_device(self._top_p[rows]),
            self._to_device(self._top_k[rows]),
            self._to_device(draws),
        )
        at = self._count[rows]
        self._token[rows] = self._ids[rows, at] = tokens.cpu().numpy()
        self._logprobs[rows, at] = logprobs.cpu().numpy()
        self._versions[rows, at] = self.version
        self._count[rows] += 1

    def _note_states(self, output: Any, rows: Any, sources: np.ndarray | None = None) -> None:
        """Sums the last layer's states from which completion tokens were sampled: their mean is the embedding."""
        if output.hidden_states is None:
            return
        states = output.hidden_states[-1][:, -1].float()
        if self._state_sum is None:
            self._state_sum = torch.zeros((self.capacity, states.shape[-1]), device=states.device)
        if sources is None:
            self._state_sum[rows] += states
        else:
            self._state_sum[self._to_device(rows)] = states[self._to_device(sources)]

    # --- leaving --------------------------------------------------------------------------------------

    def _leave(self) -> list[tuple[Sample, Finished]]:
        count = len(self._samples)
        has_stopped = self._is_end[self._token[:count]]
        is_full = self._count[:count] >= self._limit[:count]
        for row, sample in enumerate(self._samples):
            if sample.stop and not has_stopped[row]:
                has_stopped[row] = self._ends_in_stop(row, sample.stop)
        rows = np.flatnonzero(has_stopped | is_full)
        done = [
            (self._samples[row], self._harvest(row, "stop" if has_stopped[row] else "length")) for row in rows.tolist()
        ]
        self._remove(rows.tolist())
        return done

    def _ends_in_stop(self, row: int, stop: tuple[str, ...]) -> bool:
        """True if the newest token completed a stop text: it is in the completion with it and not without it."""
        ids = self._ids[row, : self._count[row]]
        whole, before = self._renderer.text(ids), self._renderer.text(ids[:-1])
        return any(text in whole and text not in before for text in stop)

    def _harvest(self, row: int, finish: str) -> Finished:
        count = int(self._count[row])
        embedding = None
        if self._wants_embedding[row] and self._state_sum is not None:
            embedding = (self._state_sum[row] / count).cpu().numpy()
        return Finished(
            self._ids[row, :count].copy(),
            self._logprobs[row, :count].copy(),
            self._versions[row, :count].copy(),
            finish,
            embedding,
        )

    def _remove(self, rows: list[int]) -> None:
        """Moves the last rows that stay into the holes."""
        if not rows:
            return
        gone = set(rows)
        left = len(self._samples) - len(gone)
        holes = [row for row in rows if row < left]
        movers = [row for row in range(left, len(self._samples)) if row not in gone]
        if holes:
            self._move(np.array(holes), np.array(movers))
            for hole, mover in zip(holes, movers, strict=True):
                self._samples[hole] = self._samples[mover]
        del self._samples[left:]

    def _move(self, holes: np.ndarray, movers: np.ndarray) -> None:
        length = int(self._length[movers].max())
        with torch.inference_mode():
            to, of = self._to_device(holes), self._to_device(movers)
            for states in (*self._cache.keys, *self._cache.values):
                states[to, :, :length] = states[of, :, :length]
            if self._state_sum is not None:
                self._state_sum[to] = self._state_sum[of]
        for array in (
            self._length,
            self._token,
            self._count,
            self._limit,
            self._seed,
            self._index,
            self._temperature,
            self._top_p,
            self._top_k,
            self._wants_embedding,
            self._ids,
            self._logprobs,
            self._versions,
        ):
            array[holes] = array[movers]

    def _to_device(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
