"""One kind of Gymnasium environment, its sessions, and whether they replay.

Knows texts at its edge and nothing of turns: what a malformed action costs is decided elsewhere. The limit of steps
that an id is registered with is told, not applied: who counts turns applies it.
"""

import hashlib
import json
import re
import textwrap
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import gymnasium

from iterant.workers.gymnasium import words

VERSIONS = {"gymnasium": version("gymnasium"), "numpy": version("numpy")}
PROBE_SEEDS = (0, 1)
PROBE_STEPS = 25
# Of an environment's own documentation, what a player needs.
SECTIONS = ("Description", "Action Space", "Observation Space", "Rewards", "Episode End", "Episode Termination")


class Kind:
    """An id with the arguments of its constructor. Raises what Gymnasium raises for an id that it does not know."""

    def __init__(self, environment: str, arguments: Mapping[str, Any]) -> None:
        self.environment = environment
        self.arguments = dict(arguments)
        example = self.make()
        self.action_space, self.observation_space = example.action_space, example.observation_space
        self.documentation = _documentation(type(example.unwrapped).__doc__ or "")
        example.close()
        self.spec = gymnasium.spec(environment.rpartition(":")[2])
        words.check(self.action_space, "action")
        words.check(self.observation_space, "observation")

    def make(self) -> gymnasium.Env[Any, Any]:
        return gymnasium.make(self.environment, max_episode_steps=-1, disable_env_checker=True, **self.arguments)


class Session:
    """One environment from its reset on. All that it draws comes from the seed."""

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind = kind
        self.total = 0.0
        self.is_over = False
        self._environment = kind.make()
        self._environment.action_space.seed(seed)
        self._environment.observation_space.seed(seed)
        self._observation, _info = self._environment.reset(seed=seed)
        self._reward = 0.0

    @property
    def observation(self) -> str:
        return words.show(self.kind.observation_space, self._observation)

    def step(self, action: Any) -> dict[str, Any]:
        """→ {observation, reward, terminated, truncated, total}, JSON."""
        observation, reward, terminated, truncated, _info = self._environment.step(action)
        self._observation, self._reward = observation, float(reward)
        self.total += self._reward
        self.is_over = bool(terminated or truncated)
        return {
            "observation": self.observation,
            "reward": self._reward,
            "terminated": bool(terminated),
            "truncated": bool(truncated),
            "total": self.total,
        }

    def digest(self) -> str:
        """Of what was observed and rewarded last, the sum of rewards, and the random stream where there is one."""
        stream = getattr(self._environment.unwrapped, "_np_random", None)
        state = None if stream is None else stream.bit_generator.state
        seen = words.plain(self.kind.observation_space, self._observation)
        whole = [seen, self._reward, self.total, self.is_over, state]
        return hashlib.sha256(json.dumps(whole, sort_keys=True, default=_listed).encode()).hexdigest()

    def close(self) -> None:
        self._environment.close()


def replays(kind: Kind) -> str | None:
    """None if two sessions of one seed, played side by side alike, are alike; else what the first difference is.

    Actions come from a sampler with a seed of its own. Side by side, so that what sessions share shows.
    """
    for seed in PROBE_SEEDS:
        one, other = Session(kind, seed), Session(kind, seed)
        kind.action_space.seed(seed)
        try:
            if one.observation != other.observation:
                return f"two resets with seed {seed} show different observations"
            for at in range(PROBE_STEPS):
                action = kind.action_space.sample()
                first, second = one.step(action), other.step(action)
                if first != second:
                    what = ", ".join(key for key in first if first[key] != second[key])
                    return f"step {at + 1} after two resets with seed {seed} differs in {what}"
                if one.digest() != other.digest():
                    return f"step {at + 1} after two resets with seed {seed} leaves different random streams"
                if one.is_over:
                    break
        finally:
            one.close()
            other.close()
    return None


def _documentation(text: str) -> str:
    """The sections for a player of a class's documentation; empty where it has none of them."""
    _, *parts = re.split(r"^ *## (.*)\n", text, flags=re.MULTILINE)
    sections = zip(parts[::2], parts[1::2], strict=True)
    kept = [f"## {title.strip()}\n{_dedented(body)}" for title, body in sections if title.strip() in SECTIONS]
    return "\n\n".join(kept)


def _dedented(body: str) -> str:
    return textwrap.dedent("\n".join(line.rstrip() for line in body.split("\n"))).strip()


def _listed(value: Any) -> Any:
    """What a bit generator keeps beside plain numbers."""
    return value.tolist()
