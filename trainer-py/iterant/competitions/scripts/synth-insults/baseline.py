"""Word counts and logistic regression."""

import os

import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    train = pd.read_csv(f"{DATA}/train.csv")
    test = pd.read_csv(f"{DATA}/test.csv")
    words = CountVectorizer()
    model = LogisticRegression(max_iter=1000).fit(words.fit_transform(train["Comment"]), train["Insult"])
    test["Insult"] = model.predict_proba(words.transform(test["Comment"]))[:, 1]
    test[["Insult", "Date", "Comment"]].to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
