"""synth-pizza: will a stranger's request for a pizza be granted?

JSON records of text and numbers. The text tells a reason, a tone and a promise; the numbers tell a standing. Each
tells a part, and a promise counts only from somebody with a standing.
"""

import math

from iterant.competitions.draws import Draws
from iterant.competitions.graders import Grader, area_under_curve
from iterant.competitions.spec import Made, Synthetic, csv_bytes, json_bytes, leaderboard_of

TRAIN_COUNT, TEST_COUNT = 1400, 600
REASON_COUNT, PLAIN_COUNT = 10, 200

DESCRIPTION = """# Task

Predict whether a request for a pizza is granted.

# Metric

Area under the ROC curve.

# Submission format

For every request of the test set, a number in [0, 1].

```
request_id,requester_received_pizza
t3_k3x7q,0
```

# Dataset

`train.json` and `test.json` are lists of records, one a request:

- `request_id` - the key
- `request_title`, `request_text` - what was written, in made-up words
- `requester_account_age_in_days`, `requester_number_of_comments`, `requester_number_of_posts`,
  `requester_upvotes_minus_downvotes` - who wrote it
- `unix_timestamp_of_request` - when
- `requester_received_pizza` - true or false, in `train.json` only

**sampleSubmission.csv** is a submission in the right format.
"""


def make(draws: Draws) -> Made:
    count = TRAIN_COUNT + TEST_COUNT
    records = [dict(record) for record in _records(draws, count)]
    ids = draws.ids("requests", count, "t3_")
    full = [{"request_id": key, **record} for key, record in zip(ids, records, strict=True)]
    train, test = full[:TRAIN_COUNT], full[TRAIN_COUNT:]
    target = "requester_received_pizza"
    truth = [(str(record["request_id"]), str(int(bool(record[target])))) for record in test]
    return Made(
        public={
            "train.json": json_bytes(train),
            "test.json": json_bytes([{k: v for k, v in record.items() if k != target} for record in test]),
        },
        answers=csv_bytes(["request_id", target], truth),
        gold=None,
        sample=csv_bytes(["request_id", target], [(key, "0") for key, _ in truth]),
    )


def _records(draws: Draws, count: int) -> list[dict[str, object]]:
    words = draws.words("all", 2 * REASON_COUNT + 6 + PLAIN_COUNT)
    good, bad = words[:REASON_COUNT], words[REASON_COUNT : 2 * REASON_COUNT]
    promises, plain = words[2 * REASON_COUNT : 2 * REASON_COUNT + 6], words[2 * REASON_COUNT + 6 :]
    stream = draws.stream("records")
    labels = draws.stream("labels")
    records: list[dict[str, object]] = []
    for _ in range(count):
        text = [plain[at] for at in stream.randint(PLAIN_COUNT, size=stream.randint(8, 28))]
        good_count, bad_count = stream.randint(0, 3, size=2)
        has_promise = stream.random_sample() < 0.5
        extra = [good[at] for at in stream.randint(REASON_COUNT, size=good_count)]
        extra += [bad[at] for at in stream.randint(REASON_COUNT, size=bad_count)]
        extra += [promises[stream.randint(6)]] if has_promise else []
        for word in extra:
            text.insert(stream.randint(len(text) + 1), word)
        age = round(math.exp(stream.normal(5.0, 1.2)), 4)
        comment_count = int(math.exp(stream.normal(3.5, 1.3)))
        post_count = int(math.exp(stream.normal(2.0, 1.0)))
        karma = int(stream.normal(comment_count * 2, 40))
        has_standing = age > 150 and comment_count > 20
        logit = 0.9 * (good_count - bad_count) + 0.6 * (len(text) > 18) - 1.3
        logit += 2.4 * (has_promise and has_standing) + 0.5 * (karma > 60) - 0.8 * (has_promise and not has_standing)
        records.append(
            {
                "request_title": " ".join(text[:4]),
                "request_text": " ".join(text),
                "requester_account_age_in_days": age,
                "requester_number_of_comments": comment_count,
                "requester_number_of_posts": post_count,
                "requester_upvotes_minus_downvotes": karma,
                "unix_timestamp_of_request": 1_300_000_000 + int(stream.randint(0, 80_000_000)),
                "requester_received_pizza": bool(labels.random_sample() < 1 / (1 + math.exp(-1.6 * logit))),
            }
        )
    return records


PIZZA = Synthetic(
    id="synth-pizza",
    name="Requests for pizza",
    description=DESCRIPTION,
    sample_name="sampleSubmission.csv",
    gold_name=None,
    grader=Grader("auc-roc", area_under_curve(key="request_id", target="requester_received_pizza")),
    leaderboard=leaderboard_of(best=0.88, worst=0.5),
    make=make,
)
