"""The only source of chance in a synthetic competition: named streams of numbers, fixed by a seed and a salt.

Streams come from numpy's RandomState, whose stream is frozen; that of Generator may change between numpy versions.
Every stream depends on the salt, which stands with the answers: who knows this package but not the salt cannot draw
the answers again.
"""

import hashlib

import numpy as np


class Draws:
    """Streams for one competition.

    competition  its id, so that two competitions of one seed share nothing
    seed         which version of the competition
    salt         a secret text
    """

    def __init__(self, competition: str, seed: int, salt: str) -> None:
        self.competition = competition
        self.seed = seed
        self.salt = salt

    def stream(self, name: str) -> np.random.RandomState:
        """A stream of its own for each purpose: one more draw for the labels does not move the features."""
        text = "\n".join((self.competition, str(self.seed), name, self.salt))
        words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
        return np.random.RandomState(words)

    def words(self, name: str, count: int) -> list[str]:
        """`count` different made-up words of two or three syllables; the same name gives the same words."""
        stream = self.stream(f"words:{name}")
        found: dict[str, None] = {}
        while len(found) < count:
            syllables = stream.randint(2, 4)
            found["".join(_CONSONANTS[stream.randint(14)] + _VOWELS[stream.randint(5)] for _ in range(syllables))] = (
                None
            )
        return list(found)

    def ids(self, name: str, count: int, prefix: str) -> list[str]:
        """`count` different ids of a prefix and five characters, in no order."""
        stream = self.stream(f"ids:{name}")
        found: dict[str, None] = {}
        while len(found) < count:
            found[prefix + "".join(_ID_CHARACTERS[digit] for digit in stream.randint(32, size=5))] = None
        return list(found)


_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
# Without letters and digits that are taken for each other, and such that no id reads as a number.
_ID_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"
