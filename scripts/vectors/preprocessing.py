"""Writes test/vectors/preprocessing.json: what scikit-learn's scalers, imputers and encoder make of a small table.

Needs numpy and scikit-learn (1.5 or newer). Run from anywhere: python scripts/vectors/preprocessing.py
"""

import numpy as np
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from written import write

rng = np.random.default_rng(11)
train = np.column_stack([rng.normal(50, 12, 12), rng.exponential(1000, 12), np.full(12, 7.0), rng.integers(0, 3, 12)])
train[2, 0] = train[5, 1] = train[8, 3] = np.nan
test = np.column_stack([rng.normal(50, 12, 5), rng.exponential(1000, 5), [7, 7, 8, 6, 7], rng.integers(0, 3, 5)])
test[1, 0] = test[3, 1] = np.nan
colours = np.array([["red"], ["blue"], ["green"], ["blue"], ["red"], ["red"]])
strangers = np.array([["green"], ["violet"], ["blue"]])

TRANSFORMS = {
    "impute mean": SimpleImputer(strategy="mean"),
    "impute median": SimpleImputer(strategy="median"),
    "impute mode": SimpleImputer(strategy="most_frequent"),
    "impute constant": SimpleImputer(strategy="constant", fill_value=-1.5),
    "standardise": make_pipeline(SimpleImputer(strategy="mean"), StandardScaler()),
    "minMax": make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler(feature_range=(-1, 1))),
}


def cells(array):
    return [[None if isinstance(cell, float) and np.isnan(cell) else cell for cell in row] for row in array.tolist()]


encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
write(
    "preprocessing.json",
    {
        "source": f"scikit-learn {sklearn.__version__}",
        "train": cells(train),
        "test": cells(test),
        "transforms": {name: cells(transform.fit(train).transform(test)) for name, transform in TRANSFORMS.items()},
        "oneHot": {
            "train": colours.tolist(),
            "test": strangers.tolist(),
            "expected": encoder.fit(colours).transform(strangers).tolist(),
        },
    },
)
