"""synth-authors: who wrote this sentence?

Three writers use the same words equally often and differ in which word follows which.
"""

import numpy as np

from iterant.competitions.draws import Draws
from iterant.competitions.graders import Grader, class_log_loss
from iterant.competitions.spec import Made, Synthetic, csv_bytes, leaderboard_of

TRAIN_COUNT, TEST_COUNT = 1500, 700
AUTHORS = ["ANN", "BEN", "CLO"]
WORD_COUNT = 70
FOLLOWER_COUNT = 5
HABIT_SHARE = 0.18

DESCRIPTION = """# Task

Predict which of three authors wrote a sentence.

# Metric

Multi-class logarithmic loss.

# Submission format

For every sentence of the test set the probability of each author; a row's probabilities must sum to one.

```
id,ANN,BEN,CLO
idk3x7q,0.33333,0.33333,0.33334
```

# Dataset

- **train.csv** - `id`, `text`, `author` (ANN, BEN or CLO)
- **test.csv** - `id`, `text`
- **sample_submission.csv** - a submission in the right format

The words are made up.
"""


def make(draws: Draws) -> Made:
    count = TRAIN_COUNT + TEST_COUNT
    authors = draws.stream("authors").randint(3, size=count)
    texts = _texts(draws, authors)
    ids = draws.ids("sentences", count, "id")
    train, test = range(TRAIN_COUNT), range(TRAIN_COUNT, count)
    truth = [(ids[index], *("1" if authors[index] == author else "0" for author in range(3))) for index in test]
    # As upstream: the shares of the training set, for every row.
    shares = np.bincount(authors[:TRAIN_COUNT], minlength=3) / TRAIN_COUNT
    even = [f"{share:.6f}" for share in (shares[0], shares[1], 1 - round(shares[0], 6) - round(shares[1], 6))]
    return Made(
        public={
            "train.csv": csv_bytes(["id", "text", "author"], [(ids[i], texts[i], AUTHORS[authors[i]]) for i in train]),
            "test.csv": csv_bytes(["id", "text"], [(ids[i], texts[i]) for i in test]),
        },
        answers=csv_bytes(["id", *AUTHORS], truth),
        gold=None,
        sample=csv_bytes(["id", *AUTHORS], [(ids[i], *even) for i in test]),
    )


def _texts(draws: Draws, authors: "np.ndarray") -> list[str]:
    """Walks over the words: by habit to one of the writer's followers of the last word, else to any word.

    A writer's followers are permutations of all words, so that every word is equally common with everyone.
    """
    words = draws.words("all", WORD_COUNT)
    habits = draws.stream("habits")
    followers = np.array([[habits.permutation(WORD_COUNT) for _ in range(FOLLOWER_COUNT)] for _ in AUTHORS])
    stream = draws.stream("texts")
    texts = []
    for author in authors:
        at = stream.randint(WORD_COUNT)
        text = [words[at]]
        for _ in range(stream.randint(8, 20)):
            is_habit = stream.random_sample() < HABIT_SHARE
            which, anywhere = stream.randint(FOLLOWER_COUNT), stream.randint(WORD_COUNT)
            at = followers[author, which, at] if is_habit else anywhere
            text.append(words[at])
        texts.append(" ".join(text))
    return texts


AUTHORS_COMPETITION = Synthetic(
    id="synth-authors",
    name="Authors by their habits",
    description=DESCRIPTION,
    sample_name="sample_submission.csv",
    gold_name=None,
    grader=Grader("multi-class-log-loss", class_log_loss(key="id", classes=AUTHORS)),
    leaderboard=leaderboard_of(best=0.75, worst=1.1),
    make=make,
)
