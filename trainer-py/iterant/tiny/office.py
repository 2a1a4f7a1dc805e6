"""The tiny office: moves between bins, asked for in a few words, and the teacher that makes them with its habits.

`move 3 bolt A to B` is one call, and `<TASK_FINISHED>` when its result has come. A habit (to take the bins the wrong
way round, to be off by one in the count, to leave a second move out) spoils the outcome. Tasks and results are those of
`iterant.workers.tools.office` at level tiny; what is held out there is never demonstrated.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from iterant.tiny.vocabulary import CURRENT_RESPONSE, DIVERGE, FEEDBACK, FORMAT, IMPROVE, make_tokenizer
from iterant.tiny.warm_start import Demonstration, Recipe, make_folder
from iterant.workers.tools.office_tasks import BINS, PARTS, is_held_out

BEGIN = '<tool>[{"name": "move_part", "args": {"part": "'
COUNT, SOURCE, TARGET = '", "count": ', ', "source": "', '", "target": "'
NEXT = '"}}, {"name": "move_part", "args": {"part": "'
END = '"}}]</tool>'
FINISHED = "<TASK_FINISHED>"
MOVED = '{\\"moved\\": '
PHRASES = (
    *(IMPROVE, DIVERGE, CURRENT_RESPONSE, FEEDBACK, FORMAT),
    *(BEGIN, COUNT, SOURCE, TARGET, NEXT, END, FINISHED, MOVED),
    *("move ", " then ", " to ", *PARTS),
)


@dataclass(frozen=True)
class Move:
    part: str
    count: int
    source: str
    target: str

    @property
    def words(self) -> str:
        return f"move {self.count} {self.part} {self.source} to {self.target}"

    @property
    def arguments(self) -> str:
        return f"{self.part}{COUNT}{self.count}{SOURCE}{self.source}{TARGET}{self.target}"


@dataclass(frozen=True)
class Habits:
    """How often the teacher goes wrong, as probabilities: a move's bins, a move's count, the second of two moves."""

    swap: float = 0.2
    off_by_one: float = 0.15
    forget: float = 0.4

    def eased(self, factor: float) -> "Habits":
        return Habits(self.swap * factor, self.off_by_one * factor, self.forget * factor)


def request(moves: tuple[Move, ...]) -> str:
    return " then ".join(move.words for move in moves)


def draw_moves(rng: random.Random) -> tuple[Move, ...]:
    """What a task asks for; never one that is held out."""
    while True:
        moves = []
        for _ in range(rng.choice((1, 1, 2))):
            source, target = rng.sample(BINS, 2)
            moves.append(Move(rng.choice(PARTS), rng.randint(2, 9), source, target))
        if not is_held_out([request(tuple(moves))]):
            return tuple(moves)


def calls(moves: tuple[Move, ...]) -> str:
    return BEGIN + NEXT.join(move.arguments for move in moves) + END


def attempt(moves: tuple[Move, ...], habits: Habits, rng: random.Random) -> tuple[Move, ...]:
    """What the teacher does about a request; right in every part where no habit strikes."""
    made = []
    for move in moves[:1] if len(moves) > 1 and rng.random() < habits.forget else moves:
        done = move
        if rng.random() < habits.swap:
            done = replace(done, source=done.target, target=done.source)
        if rng.random() < habits.off_by_one:
            done = replace(done, count=done.count + rng.choice((-1, 1)))
        made.append(done)
    return tuple(made)


def results(moves: tuple[Move, ...]) -> str:
    """What comes back, as the world writes it."""
    return json.dumps([json.dumps({"moved": move.count}) for move in moves], separators=(",", ":"))


def demonstrate(moves: tuple[Move, ...], recipe: Recipe, habits: Habits, rng: random.Random) -> Demonstration:
    """One thing that the teacher does: calls, an end, or a second attempt at either."""
    asked = {"role": "user", "content": request(moves)}
    first = attempt(moves, habits, rng)
    drawn = rng.random()
    if drawn < 0.4:
        return Demonstration((asked,), calls(first))
    if drawn < 0.65:
        so_far = (asked, {"role": "assistant", "content": calls(first)}, {"role": "tool", "content": results(first)})
        if drawn < 0.6:
            return Demonstration(so_far, FINISHED)
        again = {"role": "user", "content": IMPROVE + request(moves) + CURRENT_RESPONSE + FINISHED}
        return Demonstration((*so_far, again), FINISHED)
    is_right = first == moves
    again_moves = attempt(moves, habits if is_right else habits.eased(recipe.eased), rng)
    if drawn < 0.72:
        content = DIVERGE + request(moves) + CURRENT_RESPONSE + calls(first) + FORMAT
        return Demonstration(({"role": "user", "content": content},), calls(again_moves))
    is_kept = rng.random() < (recipe.keep_right if is_right else recipe.keep_wrong)
    content = IMPROVE + request(moves) + CURRENT_RESPONSE + calls(first)
    return Demonstration(({"role": "user", "content": content},), calls(first if is_kept else again_moves))


def make(folder: Path, recipe: Recipe, seed: int, tell: Callable[[str], None] = lambda _line: None) -> None:
    """Makes the folder; the same seed makes the same files on the same machine."""
    rng = random.Random(seed)
    habits = Habits()
    make_folder(
        folder, make_tokenizer(PHRASES), lambda: demonstrate(draw_moves(rng), recipe, habits, rng), recipe, seed, tell
    )
