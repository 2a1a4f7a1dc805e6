"""The tiny competitor: programs in a word for each slot of a grammar, and the teacher that mostly begins too simply.

The grammars are those of `envs/code/template.ts`, which turns the words into programs and runs them; better choices
score better. An improvement changes one word; a request for another approach draws all of them anew. A test holds the
prompts here to the prompts there.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from iterant.tiny.vocabulary import make_tokenizer
from iterant.tiny.warm_start import Demonstration, Recipe, asked, make_folder

Slots = Mapping[str, tuple[str, ...]]

STRENGTH = ("weak", "strong")
TEXT = {
    "features": ("words", "pairs", "letters"),
    "weights": ("counts", "tfidf"),
    "model": ("bayes", "logistic", "boosting"),
    "strength": STRENGTH,
}
GRAMMARS: dict[str, Slots] = {
    "synth-insults": TEXT,
    "synth-authors": TEXT,
    "synth-pizza": {**TEXT, "features": ("words", "pairs", "letters", "numbers", "everything")},
    "synth-conductors": {
        "features": ("raw", "groups"),
        "target": ("plain", "log"),
        "model": ("ridge", "forest", "boosting"),
        "strength": STRENGTH,
    },
    "synth-toxic": TEXT,
    "synth-glyphs": {
        "features": ("pixels", "aligned"),
        "model": ("logistic", "forest", "boosting"),
        "strength": STRENGTH,
    },
}
ANSWER = "\nanswer: one word of each line"
CURRENT, IMPROVE, FAILED, DIFFER = "\ncurrent: ", "\nimprove", "\nfailed", "\ndiffer"
WORDS = sorted({f" {word}" for slots in GRAMMARS.values() for words in slots.values() for word in words})
NAMES = sorted({f"\n{slot}:" for slots in GRAMMARS.values() for slot in slots})
PHRASES = (*GRAMMARS, *NAMES, *WORDS, *(word[1:] for word in WORDS), ANSWER, CURRENT, IMPROVE, FAILED, DIFFER)


def opening(competition: str) -> str:
    lines = [f"{slot}: {' '.join(words)}" for slot, words in GRAMMARS[competition].items()]
    return "\n".join([competition, *lines]) + ANSWER


def draw(slots: Slots, simplicity: float, rng: random.Random) -> list[str]:
    """A word for each slot; each word further down its list is `simplicity` times as likely as the one before."""
    return [rng.choices(words, [simplicity**at for at in range(len(words))])[0] for words in slots.values()]


def demonstrate(rng: random.Random, simplicity: float = 0.45) -> Demonstration:
    """One thing that the teacher does."""
    competition = rng.choice(sorted(GRAMMARS))
    slots = GRAMMARS[competition]
    first = draw(slots, simplicity, rng)
    kind = rng.random()
    if kind < 0.4:
        return asked(opening(competition), " ".join(first))
    shown = opening(competition) + CURRENT + " ".join(first)
    if kind < 0.8:
        at = rng.randrange(len(first))
        words = list(slots.values())[at]
        changed = [*first[:at], rng.choice([word for word in words if word != first[at]]), *first[at + 1 :]]
        return asked(shown + IMPROVE, " ".join(changed))
    return asked(shown + (DIFFER if kind < 0.9 else FAILED), " ".join(draw(slots, 1.0, rng)))


def make(folder: Path, recipe: Recipe, seed: int, tell: Callable[[str], None] = lambda _line: None) -> None:
    """Makes the folder; the same seed makes the same files on the same machine."""
    rng = random.Random(seed)
    make_folder(folder, make_tokenizer(PHRASES), lambda: demonstrate(rng), recipe, seed, tell)
