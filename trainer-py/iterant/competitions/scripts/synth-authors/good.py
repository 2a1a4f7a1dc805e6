"""Pairs of neighbouring words, weighted by how rare they are."""

import os

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    train = pd.read_csv(f"{DATA}/train.csv")
    test = pd.read_csv(f"{DATA}/test.csv")
    words = TfidfVectorizer(ngram_range=(1, 2))
    model = LogisticRegression(C=10, max_iter=1000).fit(words.fit_transform(train["text"]), train["author"])
    submission = pd.DataFrame(model.predict_proba(words.transform(test["text"])), columns=model.classes_)
    submission.insert(0, "id", test["id"])
    submission.to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
