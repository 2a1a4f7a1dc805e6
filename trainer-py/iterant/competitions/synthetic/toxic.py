"""synth-toxic: six kinds of harm in a comment, several at a time.

Graded by column; some rows of the test set are not graded and have -1 for every label, as upstream has them.
"""

import math

import numpy as np

from iterant.competitions.draws import Draws
from iterant.competitions.graders import Grader, mean_column_auc
from iterant.competitions.spec import Made, Synthetic, csv_bytes, leaderboard_of

TRAIN_COUNT, TEST_COUNT = 1800, 900
UNGRADED_SHARE = 0.2
LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]

DESCRIPTION = """# Task

Predict for a comment the probability of each of six kinds of toxicity.

# Metric

The area under the ROC curve of each column, and of these the mean.

# Submission format

The columns must stand in this order.

```
id,toxic,severe_toxic,obscene,threat,insult,identity_hate
ck3x7q,0.5,0.5,0.5,0.5,0.5,0.5
```

# Dataset

- **train.csv** - `id`, `comment_text`, and the six labels, 0 or 1; a comment may have several
- **test.csv** - `id`, `comment_text`
- **sample_submission.csv** - a submission in the right format

The words are made up. Some comments of the test set are not graded.
"""


def make(draws: Draws) -> Made:
    count = TRAIN_COUNT + TEST_COUNT
    texts, labels = _comments(draws, count)
    ids = draws.ids("comments", count, "c")
    ungraded = draws.stream("ungraded").random_sample(count) < UNGRADED_SHARE
    train, test = range(TRAIN_COUNT), range(TRAIN_COUNT, count)
    columns = ["id", *LABELS]
    as_text = [[str(int(label)) for label in row] for row in labels]
    truth = [(ids[at], *(["-1"] * 6 if ungraded[at] else as_text[at])) for at in test]
    return Made(
        public={
            "train.csv": csv_bytes(
                ["id", "comment_text", *LABELS], [(ids[at], texts[at], *as_text[at]) for at in train]
            ),
            "test.csv": csv_bytes(["id", "comment_text"], [(ids[at], texts[at]) for at in test]),
        },
        answers=csv_bytes(columns, truth),
        gold=csv_bytes(columns, [(ids[at], *as_text[at]) for at in test]),
        sample=csv_bytes(columns, [(ids[at], *["0.5"] * 6) for at in test]),
    )


def _comments(draws: Draws, count: int) -> tuple[list[str], "np.ndarray"]:
    """Texts and their six labels.

    A harmful word is one stem in many spellings, so that its characters tell more than the word does, and a word that
    calms the comment takes some of the harm away.
    """
    words = draws.words("all", 6 * 4 + 10 + 300)
    stems = [words[4 * at : 4 * at + 4] for at in range(6)]
    calming, plain = words[24:34], words[34:]
    stream, chance = draws.stream("texts"), draws.stream("labels")
    endings = ["", "a", "ing", "ed", "s", "zz", "er", "oo"]
    texts, labels = [], []
    for _ in range(count):
        text = [plain[at] for at in stream.randint(len(plain), size=stream.randint(8, 25))]
        strengths = np.where(stream.random_sample(6) < 0.22, stream.randint(1, 3, size=6), 0)
        is_calm = stream.random_sample() < 0.3
        for kind, strength in enumerate(strengths):
            for _ in range(strength):
                stem = stems[kind][stream.randint(4)]
                doubled = stem if stream.random_sample() < 0.5 else stem[:2] + stem[1] * stream.randint(1, 3) + stem[2:]
                text.insert(stream.randint(len(text) + 1), doubled + endings[stream.randint(8)])
        if is_calm:
            text.insert(stream.randint(len(text) + 1), calming[stream.randint(10)])
        harm = strengths - 1.2 * is_calm
        logits = 2.6 * harm - 2.4
        logits[0] += 0.9 * max(0.0, float(harm[1:].sum()))
        logits[1] -= 0.6
        labels.append([chance.random_sample() < 1 / (1 + math.exp(-logit)) for logit in logits])
        texts.append(" ".join(text))
    return texts, np.array(labels)


TOXIC = Synthetic(
    id="synth-toxic",
    name="Six kinds of toxic comment",
    description=DESCRIPTION,
    sample_name="sample_submission.csv",
    gold_name="gold_submission.csv",
    grader=Grader("column-wise ROC AUC", mean_column_auc(key="id", targets=LABELS)),
    leaderboard=leaderboard_of(best=0.9, worst=0.5),
    make=make,
)
