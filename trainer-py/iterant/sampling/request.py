"""One request to an engine, as it came over the wire: parsed at the door, believed afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LANES = ("train", "eval")
MAX_SEED = 2**63


@dataclass(frozen=True)
class Sampling:
    """temperature 0 takes the likeliest token; top_k 0 and min_p 0 keep all; max_tokens counts the end token.

    min_p and repetition_penalty (1 for none) are for evaluation: a policy is never trained on what they bias.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 256
    min_p: float = 0.0
    repetition_penalty: float = 1.0


@dataclass(frozen=True)
class Request:
    """messages  the conversation, or with `ids` what has been said since
    ids      int64 [P], everything that the policy has seen and said; never tokenised again
    n        completions of the one prompt
    seed     a completion's tokens follow from seed, its number and the weights, whoever else is being served
    version  sampled by exactly these weights from first to last token; None for the newest, swapped in flight
    stop     texts that end a completion, kept in it
    embed    also the mean state from which a completion's tokens were sampled
    """

    messages: tuple[dict[str, Any], ...]
    ids: np.ndarray | None
    n: int
    sampling: Sampling
    seed: int
    version: int | None
    lane: str
    stop: tuple[str, ...]
    embed: bool


def parse_request(fields: Mapping[str, Any]) -> Request:
    """Raises ValueError naming the field that is unknown, missing or of the wrong kind, and what it must be."""
    known = {"messages", "ids", "n", "sampling", "seed", "version", "lane", "stop", "embed"}
    _refuse_unknown(fields, known, "request")
    if "messages" not in fields:
        raise ValueError("request has no messages: give a list of messages, empty where ids say all.")
    messages = tuple(_message(message) for message in _sequence(fields["messages"], "messages"))
    ids = None if fields.get("ids") is None else _ids(fields["ids"])
    if ids is None and not messages:
        raise ValueError("request has neither messages nor ids: there is no prompt.")
    lane = fields.get("lane", "train")
    if lane not in LANES:
        raise ValueError(f"lane is {lane!r}: it must be one of {', '.join(LANES)}.")
    sampling = _sampling(fields.get("sampling", {}))
    if lane == "train" and (sampling.min_p > 0 or sampling.repetition_penalty != 1):
        raise ValueError(
            "min_p and repetition_penalty bias what is sampled: they are for evaluation, not for lane train."
        )
    return Request(
        messages=messages,
        ids=ids,
        n=_count(fields.get("n", 1), "n", 1),
        sampling=sampling,
        seed=_count(fields.get("seed", 0), "seed", 0, below=MAX_SEED),
        version=None if fields.get("version") is None else _count(fields["version"], "version", 0),
        lane=lane,
        stop=tuple(_text(text, "stop") for text in _sequence(fields.get("stop", ()), "stop")),
        embed=_flag(fields.get("embed", False), "embed"),
    )


def _sampling(fields: Any) -> Sampling:
    if not isinstance(fields, Mapping):
        raise ValueError(f"sampling is {fields!r}: it must have temperature, top_p, top_k, max_tokens or none of them.")
    _refuse_unknown(fields, set(Sampling.__dataclass_fields__), "sampling")
    temperature = _number(fields.get("temperature", 1.0), "sampling.temperature")
    top_p = _number(fields.get("top_p", 1.0), "sampling.top_p")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"sampling.temperature is {temperature}: it must be 0 or more.")
    if not 0 < top_p <= 1:
        raise ValueError(f"sampling.top_p is {top_p}: it must be above 0 and at most 1.")
    min_p = _number(fields.get("min_p", 0.0), "sampling.min_p")
    if not 0 <= min_p <= 1:
        raise ValueError(f"sampling.min_p is {min_p}: it must be between 0 and 1.")
    penalty = _number(fields.get("repetition_penalty", 1.0), "sampling.repetition_penalty")
    if not 0 < penalty < float("inf"):
        raise ValueError(f"sampling.repetition_penalty is {penalty}: it must be above 0, 1 for none.")
    return Sampling(
        temperature,
        top_p,
        _count(fields.get("top_k", 0), "sampling.top_k", 0),
        _count(fields.get("max_tokens", 256), "sampling.max_tokens", 1),
        min_p,
        penalty,
    )


def _ids(value: Any) -> np.ndarray:
    ids = np.asarray(value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or len(ids) == 0 or ids.min() < 0:
        raise ValueError(f"ids is {ids.dtype} of shape {list(ids.shape)}: it must be a list of token ids, one or more.")
    return ids.astype(np.int64)


def _message(message: Any) -> dict[str, Any]:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str) or "content" not in message:
        raise ValueError(f"messages holds {message!r}: each must have a role and a content.")
    return dict(message)


def _refuse_unknown(fields: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(fields) - known)
    if unknown:
        raise ValueError(f"{where} has no field {unknown[0]}: known are {', '.join(sorted(known))}.")


def _sequence(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{name} is {value!r}: it must be a list.")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or value == "":
        raise ValueError(f"{name} holds {value!r}: it must hold texts that are not empty.")
    return value


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}: it must be true or false.")
    return value


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} is {value!r}: it must be a number.")
    return float(value)


def _count(value: Any, name: str, least: int, below: int = 2**53) -> int:
    is_whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1
    if not is_whole or not least <= value < below:
        raise ValueError(f"{name} is {value!r}: it must be a whole number, {least} or more.")
    return int(value)
