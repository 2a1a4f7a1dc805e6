"""Pixels and logistic regression."""

import os

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DATA = os.environ["PUBLIC_RESOURCE_PATH"]


def main():
    labels = pd.read_csv(f"{DATA}/train.csv")["has_low_left_arm"]
    submission = pd.read_csv(f"{DATA}/sample_submission.csv")
    train, test = (np.load(f"{DATA}/{name}.npy").reshape(-1, 256) for name in ("train", "test"))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500)).fit(train, labels)
    submission["has_low_left_arm"] = model.predict_proba(test)[:, 1]
    submission.to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
