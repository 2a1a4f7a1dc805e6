"""synth-glyphs: of a stem's two arms, is the left one the lower?

The stem stands anywhere, so a pixel says little; who finds the stem and looks from there sees it at once.
"""

import numpy as np

from iterant.competitions.draws import Draws
from iterant.competitions.graders import Grader, area_under_curve
from iterant.competitions.spec import Made, Synthetic, csv_bytes, leaderboard_of, npy_bytes

TRAIN_COUNT, TEST_COUNT = 1500, 600
SIDE = 16
NOISE = 0.4

DESCRIPTION = """# Task

Each image shows a vertical stem with an arm to its left and an arm to its right. Predict whether the left arm is the
lower one.

# Metric

Area under the ROC curve.

# Submission format

For every image of the test set, a number in [0, 1].

```
id,has_low_left_arm
gk3x7q,0.5
```

# Dataset

- **train.csv** - `id`, `has_low_left_arm` (1 or 0)
- **train.npy** - the images in the same order, an array of 16 x 16 pixels each, unsigned bytes, noisy
- **test.npy** - the test images, in the order of `sample_submission.csv`
- **sample_submission.csv** - a submission in the right format
"""


def make(draws: Draws) -> Made:
    count = TRAIN_COUNT + TEST_COUNT
    labels = draws.stream("labels").randint(2, size=count)
    images = _images(draws, labels)
    ids = draws.ids("images", count, "g")
    columns = ["id", "has_low_left_arm"]
    rows = [(key, str(label)) for key, label in zip(ids, labels, strict=True)]
    train, test = rows[:TRAIN_COUNT], rows[TRAIN_COUNT:]
    return Made(
        public={
            "train.csv": csv_bytes(columns, train),
            "train.npy": npy_bytes(images[:TRAIN_COUNT]),
            "test.npy": npy_bytes(images[TRAIN_COUNT:]),
        },
        answers=csv_bytes(columns, test),
        gold=None,
        sample=csv_bytes(columns, [(key, "0.5") for key, _ in test]),
    )


def _images(draws: Draws, labels: "np.ndarray") -> "np.ndarray":
    """[N, 16, 16] uint8; row 0 is the top, so a lower arm has the greater row."""
    stream = draws.stream("images")
    images = np.zeros((len(labels), SIDE, SIDE))
    for image, label in zip(images, labels, strict=True):
        top, column = stream.randint(0, 4), stream.randint(4, 12)
        bottom = stream.randint(12, SIDE)
        upper = stream.randint(top + 1, bottom - 5)
        lower = stream.randint(upper + 2, bottom)
        left, right = (lower, upper) if label else (upper, lower)
        image[top : bottom + 1, column] = 1
        image[left, column - stream.randint(2, 5) : column] = 1
        image[right, column + 1 : column + 1 + stream.randint(2, 5)] = 1
    noisy = images + stream.normal(0, NOISE, images.shape)
    return np.clip(np.floor((noisy + 1) * 85), 0, 255).astype(np.uint8)


GLYPHS = Synthetic(
    id="synth-glyphs",
    name="Arms of a stem",
    description=DESCRIPTION,
    sample_name="sample_submission.csv",
    gold_name=None,
    grader=Grader("auc-roc", area_under_curve(key="id", target="has_low_left_arm")),
    leaderboard=leaderboard_of(best=0.99, worst=0.5),
    make=make,
)
