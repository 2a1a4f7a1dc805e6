"""Linear equations with an integer root, and the teacher that solves them with systematic habits.

A worked answer isolates x, substitutes the root into both sides, says whether they agree, and boxes it:
`2x=10+6=16;x=8:16-6=10 ok;\\boxed{8}`. A habit (to flip a sign when moving a term, to forget a term with x, to be
off by one in the quotient) spoils the root but never the check: a wrong answer shows that it is wrong.
Knows neither tokens nor models.
"""

import hashlib
import random
from dataclasses import dataclass

LEVELS = (1, 2, 3, 4)
LEVEL_SHARES = {1: 0.15, 2: 0.30, 3: 0.30, 4: 0.25}
HELD_OUT_SHARE = 0.2
LARGEST_POOL = 1500


@dataclass(frozen=True)
class Equation:
    """`ax + b = dx + e`, with d = 0 where x stands on the left only; b may be negative.

    level  1 `x+5=12`, 2 `3x+6=18`, 3 `3x-6=9`, 4 `3x+6=x+18`
    root   the only integer that solves it, 0..9
    """

    level: int
    a: int
    b: int
    d: int
    e: int
    root: int

    @property
    def text(self) -> str:
        right = f"{term(self.d)}{signed(self.e)}" if self.d else str(self.e)
        return f"{term(self.a)}{signed(self.b)}={right}"

    @property
    def key(self) -> str:
        """64 hex digits of the text: ids, split and order follow from it, on every machine the same."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Habits:
    """How often the teacher goes wrong, per step, as probabilities.

    flip      to add where it must subtract when a number changes sides, by level
    forget    level 4: to leave the right side's x out of account
    off_by_one  to take the quotient one too large or one too small, where there is a division
    """

    flip: dict[int, float]
    forget: float
    off_by_one: float

    def eased(self, factor: float) -> "Habits":
        """The same habits, each `factor` times as strong."""
        return Habits(
            {level: rate * factor for level, rate in self.flip.items()},
            self.forget * factor,
            self.off_by_one * factor,
        )


def term(coefficient: int) -> str:
    """`x`, `3x`."""
    return "x" if coefficient == 1 else f"{coefficient}x"


def signed(number: int) -> str:
    """`+5`, `-5`; nothing for 0."""
    return "" if number == 0 else f"{number:+d}"


def every_equation() -> list[Equation]:
    """All of them, in a fixed order."""
    found = [Equation(1, 1, b, 0, root + b, root) for b in range(1, 26) for root in range(10)]
    for a in range(2, 6):
        for b in range(1, 10):
            found += [Equation(2, a, b, 0, a * root + b, root) for root in range(10)]
            found += [Equation(3, a, -b, 0, a * root - b, root) for root in range(10) if a * root >= b]
            found += [Equation(4, a, b, d, (a - d) * root + b, root) for d in range(1, a) for root in range(1, 10)]
    return found


def choose(size: int = LARGEST_POOL) -> tuple[list[Equation], list[Equation]]:
    """(train, held out): at most `size` equations in the levels' shares; a fifth is held out by the text's hash."""
    pool = sorted(every_equation(), key=lambda equation: equation.key)
    chosen: list[Equation] = []
    for level in LEVELS:
        of_level = [equation for equation in pool if equation.level == level]
        chosen += of_level[: round(size * LEVEL_SHARES[level])]
    chosen.sort(key=lambda equation: equation.key)
    is_held_out = [int(equation.key[-8:], 16) / 2**32 < HELD_OUT_SHARE for equation in chosen]
    train = [equation for equation, held in zip(chosen, is_held_out, strict=True) if not held]
    held_out = [equation for equation, held in zip(chosen, is_held_out, strict=True) if held]
    return train, held_out


def solve(equation: Equation, habits: Habits | None, rng: random.Random) -> str:
    """A worked answer; right in every step where no habit strikes, and always without habits."""
    a, b, d, e = equation.a, equation.b, equation.d, equation.e

    def strikes(rate: float) -> bool:
        return habits is not None and rng.random() < rate

    flips = strikes(habits.flip[equation.level]) if habits else False
    forgets = d > 0 and (strikes(habits.forget) if habits else False)
    moved = b if flips else -b  # what happens to b on the right
    right = e + moved
    left = a if forgets else a - d
    steps = f"{term(left)}={e}{signed(moved)}={right}"
    root = right // left
    if left > 1:
        if strikes(habits.off_by_one if habits else 0.0):
            root += rng.choice((-1, 1))
        steps += f";x={root}"
    return f"{steps}:{check(equation, root)};\\boxed{{{root}}}"


def check(equation: Equation, root: int) -> str:
    """Both sides at the root, and whether they agree: always true, whatever the root."""
    left = equation.a * root + equation.b
    shown = f"{equation.a * root}{signed(equation.b)}={left}"
    right = equation.d * root + equation.e
    if equation.d:
        shown += f",{equation.d * root}{signed(equation.e)}={right}"
    return f"{shown} {'ok' if left == right else 'no'}"


def boxed(answer: str) -> int | None:
    """The integer in the last box of an answer; None if there is none."""
    _, mark, tail = answer.rpartition("\\boxed{")
    number, brace, _ = tail.partition("}")
    if not mark or not brace:
        return None
    try:
        return int(number)
    except ValueError:
        return None
