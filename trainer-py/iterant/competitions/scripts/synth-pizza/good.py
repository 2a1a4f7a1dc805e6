"""Words and numbers side by side, and boosted trees over both."""

import os

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer

DATA = os.environ["PUBLIC_RESOURCE_PATH"]
NUMBERS = [
    "requester_account_age_in_days",
    "requester_number_of_comments",
    "requester_number_of_posts",
    "requester_upvotes_minus_downvotes",
]


def main():
    train = pd.read_json(f"{DATA}/train.json")
    test = pd.read_json(f"{DATA}/test.json")
    words = CountVectorizer().fit(train["request_text"])

    def features(requests):
        return np.hstack([words.transform(requests["request_text"]).toarray(), requests[NUMBERS]])

    model = HistGradientBoostingClassifier(learning_rate=0.06, random_state=0)
    model.fit(features(train), train["requester_received_pizza"])
    test["requester_received_pizza"] = model.predict_proba(features(test))[:, 1]
    test[["request_id", "requester_received_pizza"]].to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
