"""Counts of words and logistic regression; every author uses the same words."""

import os

import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    train = pd.read_csv(f"{DATA}/train.csv")
    test = pd.read_csv(f"{DATA}/test.csv")
    words = CountVectorizer()
    model = LogisticRegression(max_iter=1000).fit(words.fit_transform(train["text"]), train["author"])
    submission = pd.DataFrame(model.predict_proba(words.transform(test["text"])), columns=model.classes_)
    submission.insert(0, "id", test["id"])
    submission.to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
