"""scikit-learn on the folds of `npm run results`: MLPClassifier with its defaults, and ridge regression.

    pip install scikit-learn==1.9.1
    python3 bench/peers/sklearn_results.py

Row k of a class (of the table, for numbers) is in fold k mod 5. Prints the mean over folds, and over ten seeds where there
are any: on columns as they are, and on standardised ones, which is more than the defaults ask for.
"""

import csv
import pathlib
import warnings
from collections import Counter

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
FOLDS = 5
SEEDS = 10

warnings.filterwarnings("ignore")  # MLPClassifier says that 200 iterations are too few: they are its default


def table(name):
    with open(DATA / f"{name}.csv", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    return np.array([[float(cell) for cell in row[:-1]] for row in rows]), np.array([row[-1] for row in rows])


def folds_by(keys):
    seen = Counter()
    folds = []
    for key in keys:
        folds.append(seen[key] % FOLDS)
        seen[key] += 1
    return np.array(folds)


def score(make, x, y, folds):
    return float(np.mean([make().fit(x[folds != f], y[folds != f]).score(x[folds == f], y[folds == f]) for f in range(FOLDS)]))


for name in ("iris", "wine", "breast-cancer"):
    x, y = table(name)
    folds = folds_by(y)
    raw = np.mean([score(lambda: MLPClassifier(random_state=seed), x, y, folds) for seed in range(SEEDS)])
    scaled = np.mean(
        [score(lambda: make_pipeline(StandardScaler(), MLPClassifier(random_state=seed)), x, y, folds) for seed in range(SEEDS)]
    )
    print(f"{name:14} accuracy: MLPClassifier {raw:.4f}, standardised {scaled:.4f}")

x, y = table("diabetes")
numbers = y.astype(float)
ridge = score(lambda: make_pipeline(StandardScaler(), Ridge()), x, numbers, folds_by(np.zeros(len(y))))
print(f"{'diabetes':14} R2: ridge regression {ridge:.4f}")
