"""Word counts and boosted trees, which see that a word means something else beside another."""

import os

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    train = pd.read_csv(f"{DATA}/train.csv")
    test = pd.read_csv(f"{DATA}/test.csv")
    words = CountVectorizer(max_features=400)
    counts = words.fit_transform(train["Comment"]).toarray()
    model = HistGradientBoostingClassifier(random_state=0).fit(counts, train["Insult"])
    test["Insult"] = model.predict_proba(words.transform(test["Comment"]).toarray())[:, 1]
    test[["Insult", "Date", "Comment"]].to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
