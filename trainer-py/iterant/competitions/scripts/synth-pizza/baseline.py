"""Four numbers about the requester and logistic regression."""

import os

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(train[NUMBERS], train["requester_received_pizza"])
    test["requester_received_pizza"] = model.predict_proba(test[NUMBERS])[:, 1]
    test[["request_id", "requester_received_pizza"]].to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
