"""Counts of words, and logistic regression for each label."""

import os

import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

DATA = os.environ["PUBLIC_RESOURCE_PATH"]
LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]


def main():
    train = pd.read_csv(f"{DATA}/train.csv")
    test = pd.read_csv(f"{DATA}/test.csv")
    words = CountVectorizer()
    train_features = words.fit_transform(train["comment_text"])
    test_features = words.transform(test["comment_text"])
    submission = test[["id"]].copy()
    for label in LABELS:
        model = LogisticRegression(max_iter=1000).fit(train_features, train[label])
        submission[label] = model.predict_proba(test_features)[:, 1]
    submission.to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
