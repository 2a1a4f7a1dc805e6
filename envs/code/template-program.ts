// The programs behind the words of a template: one for texts, one for tables, one for images.
// Plain scikit-learn, each run in seconds; the chosen words stand as constants at the top.
import type { Template, TemplateChoices } from "./template.ts";

/** The program of these choices. */
export function templateProgram({ kind, columns }: Template, choices: TemplateChoices): string {
  const chosen = Object.entries(choices).map(([slot, word]) => `${slot.toUpperCase()} = ${JSON.stringify(word)}`);
  const known = Object.entries(columns).map(([name, value]) => `${constantOf(name)} = ${JSON.stringify(value)}`);
  const missing = ["className", "text", "numbers", "category"].filter((name) => !(name in columns));
  const absent = missing.map((name) => `${constantOf(name)} = None`);
  return [head, [...chosen, ...known, ...absent].join("\n"), body[kind], foot].join("\n");
}

const constantOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const head = `import os

import numpy as np
import pandas as pd

DATA = os.environ["PUBLIC_RESOURCE_PATH"]`;

const foot = `

if __name__ == "__main__":
    main()
`;

const body = {
  text: `

def read(name):
    path = f"{DATA}/{name}"
    return pd.read_json(path) if name.endswith(".json") else pd.read_csv(path)


def features(train, test):
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.preprocessing import MinMaxScaler

    parts = []
    if FEATURES != "numbers":
        kind = TfidfVectorizer if WEIGHTS == "tfidf" else CountVectorizer
        most = 400 if MODEL == "boosting" else None
        if FEATURES == "letters":
            vectors = kind(analyzer="char_wb", ngram_range=(2, 4), min_df=3, max_features=most)
        else:
            vectors = kind(ngram_range=(1, 2 if FEATURES == "pairs" else 1), max_features=most)
        parts.append((vectors.fit_transform(train[TEXT]), vectors.transform(test[TEXT])))
    if FEATURES in ("numbers", "everything"):
        scale = MinMaxScaler(clip=True)
        parts.append((scale.fit_transform(train[NUMBERS]), scale.transform(test[NUMBERS])))
    if len(parts) == 1 and MODEL != "boosting":
        return parts[0]
    dense = [[side if isinstance(side, np.ndarray) else side.toarray() for side in part] for part in parts]
    return np.hstack([part[0] for part in dense]), np.hstack([part[1] for part in dense])


def model():
    if MODEL == "bayes":
        from sklearn.naive_bayes import MultinomialNB

        return MultinomialNB(alpha=1.0 if STRENGTH == "weak" else 0.1)
    if MODEL == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=0.1 if STRENGTH == "weak" else 3, max_iter=1000)
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=10 if STRENGTH == "weak" else 80, random_state=0)


def main():
    train, test = read(TRAIN), read(TEST)
    submission = pd.read_csv(f"{DATA}/{SAMPLE}")
    seen, unseen = features(train, test)
    if CLASS_NAME:
        fitted = model().fit(seen, train[CLASS_NAME])
        shares = fitted.predict_proba(unseen)
        shares = shares / shares.sum(axis=1, keepdims=True)
        for at, name in enumerate(fitted.classes_):
            submission[name] = shares[:, at]
    else:
        for target in TARGETS:
            submission[target] = model().fit(seen, train[target]).predict_proba(unseen)[:, 1]
    submission.to_csv("submission.csv", index=False)
`,
  table: `

def model():
    if MODEL == "ridge":
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), Ridge(alpha=100 if STRENGTH == "weak" else 1))
    if MODEL == "forest":
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(10 if STRENGTH == "weak" else 80, random_state=0)
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(max_iter=15 if STRENGTH == "weak" else 200, random_state=0)


def main():
    train, test = pd.read_csv(f"{DATA}/{TRAIN}"), pd.read_csv(f"{DATA}/{TEST}")
    submission = pd.read_csv(f"{DATA}/{SAMPLE}")
    if FEATURES == "groups":
        train, test = (pd.get_dummies(side, columns=[CATEGORY], dtype=float) for side in (train, test))
    names = [name for name in test.columns if name != "id"]
    for target in TARGETS:
        truth = np.log1p(train[target]) if TARGET == "log" else train[target]
        predicted = model().fit(train[names], truth).predict(test[names])
        submission[target] = np.clip(np.expm1(predicted) if TARGET == "log" else predicted, 0, None)
    submission.to_csv("submission.csv", index=False)
`,
  image: `

def read(name):
    images = np.load(f"{DATA}/{name}").astype(float)
    if FEATURES == "aligned":
        stems = images.sum(axis=1).argmax(axis=1)
        padded = np.pad(images, ((0, 0), (0, 0), (4, 4)))
        images = np.stack([image[:, stem : stem + 9] for image, stem in zip(padded, stems)])
    return images.reshape(len(images), -1)


def model():
    if MODEL == "logistic":
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(C=1 if STRENGTH == "weak" else 0.01, max_iter=500))
    if MODEL == "forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(20 if STRENGTH == "weak" else 200, random_state=0)
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=15 if STRENGTH == "weak" else 80, random_state=0)


def main():
    submission = pd.read_csv(f"{DATA}/{SAMPLE}")
    labels = pd.read_csv(f"{DATA}/train.csv")[TARGETS[0]]
    submission[TARGETS[0]] = model().fit(read(TRAIN), labels).predict_proba(read(TEST))[:, 1]
    submission.to_csv("submission.csv", index=False)
`,
};
