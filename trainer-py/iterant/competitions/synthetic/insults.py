"""synth-insults: is a comment meant to insult the person it answers?

A rude word insults only where the reader is spoken to, and not if it is denied; a kind word that is denied insults as
well. Words alone tell half of it.
"""

import numpy as np

from iterant.competitions.draws import Draws
from iterant.competitions.graders import Grader, area_under_curve
from iterant.competitions.spec import Made, Synthetic, csv_bytes, leaderboard_of

TRAIN_COUNT, TEST_COUNT = 1600, 800
FLIP_SHARE = 0.05
PLAIN_COUNT = 150
SPOKEN_TO, SPOKEN_OF = ["you", "your", "yours"], ["they", "he", "her"]
DENIALS = ["not", "never", "hardly"]

DESCRIPTION = """# Task

Predict whether a comment is meant to insult the person it answers.

# Metric

Area under the ROC curve.

# Submission format

For every comment of the test set, a number in [0, 1] in the column `Insult`. The column `Comment` is the key. See
`sample_submission_null.csv`:

```
Insult,Date,Comment
0,20120618192155Z,"..."
```

# Dataset

- **train.csv** - `Insult` (1 for an insult, 0 otherwise), `Date` (may be empty), `Comment`
- **test.csv** - `Date`, `Comment`
- **sample_submission_null.csv** - a submission in the right format

The words are made up. One label in twenty is wrong.
"""


def make(draws: Draws) -> Made:
    count = TRAIN_COUNT + TEST_COUNT
    comments, scores = _comments(draws, count)
    flips = draws.stream("flips").random_sample(count) < FLIP_SHARE
    labels = (np.array(scores) ^ flips).astype(int)
    dates = _dates(draws, count)
    order = draws.stream("split").permutation(count)
    rows = [(str(labels[index]), dates[index], comments[index]) for index in order]
    train, test = rows[:TRAIN_COUNT], rows[TRAIN_COUNT:]
    columns = ["Insult", "Date", "Comment"]
    return Made(
        public={
            "train.csv": csv_bytes(columns, train),
            "test.csv": csv_bytes(columns[1:], [row[1:] for row in test]),
        },
        answers=csv_bytes(columns, test),
        gold=csv_bytes(columns, test),
        sample=csv_bytes(columns, [("0", *row[1:]) for row in test]),
    )


def _comments(draws: Draws, count: int) -> tuple[list[str], list[bool]]:
    """Comments that all differ, and whether each is meant to insult."""
    words = draws.words("all", 24 + PLAIN_COUNT)
    rude, kind, plain = words[:12], words[12:24], words[24:]
    stream = draws.stream("comments")
    # Common words are common: the k-th plain word is drawn in proportion to 1 / (k + 10).
    weights = 1 / (np.arange(len(plain)) + 10)
    cumulative = np.cumsum(weights / weights.sum())
    comments: dict[str, bool] = {}
    while len(comments) < count:
        text = [plain[at] for at in np.searchsorted(cumulative, stream.random_sample(stream.randint(4, 11)))]
        has_rude, is_to_reader, is_denied = stream.random_sample(3) < (0.5, 0.6, 0.25)
        loaded = [rude[stream.randint(len(rude))]] if has_rude else [kind[stream.randint(len(kind))]]
        denial = DENIALS[stream.randint(3)]
        phrase = [denial, *loaded] if is_denied else loaded
        text[stream.randint(len(text)) : 0] = phrase
        person = SPOKEN_TO if is_to_reader else SPOKEN_OF
        text.insert(stream.randint(len(text)), person[stream.randint(3)])
        if not is_denied and stream.random_sample() < 0.1:
            text.insert(0, denial)  # a denial of something else
        comments.setdefault(" ".join(text), bool(is_to_reader and has_rude != is_denied))
    return list(comments), list(comments.values())


def _dates(draws: Draws, count: int) -> list[str]:
    stream = draws.stream("dates")
    parts = np.stack([stream.randint(low, high, count) for low, high in ((1, 13), (1, 29), (0, 24), (0, 60), (0, 60))])
    known = stream.random_sample(count) < 0.8
    return [
        "2012{:02d}{:02d}{:02d}{:02d}{:02d}Z".format(*parts[:, index]) if known[index] else "" for index in range(count)
    ]


INSULTS = Synthetic(
    id="synth-insults",
    name="Insults among made-up words",
    description=DESCRIPTION,
    sample_name="sample_submission_null.csv",
    gold_name="gold_submission.csv",
    grader=Grader("auc-roc", area_under_curve(key="Comment", target="Insult")),
    leaderboard=leaderboard_of(best=0.93, worst=0.5),
    make=make,
)
