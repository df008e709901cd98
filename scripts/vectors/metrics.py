"""Writes test/vectors/metrics.json: small random predictions and what scikit-learn says about them.

Needs numpy and scikit-learn (1.5 or newer). Run from anywhere: python scripts/vectors/metrics.py
"""

import numpy as np
import sklearn
from sklearn import metrics as sk
from sklearn.preprocessing import label_binarize

from written import write

BINS = 15


def averages(truth, said, weights):
    """Precision, recall and F1 under our names: macro has the bare name."""
    scores = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    kinds = {"": "macro", "Micro": "micro", "Weighted": "weighted"}
    return {
        name + suffix: score(truth, said, average=average, sample_weight=weights, zero_division=0)
        for name, score in scores.items()
        for suffix, average in kinds.items()
    }


def calibration(right, confidence, weights):
    """Expected calibration error, equation 3 of Guo et al. 2017; scikit-learn has none, so this is plain NumPy."""
    edges = np.linspace(0, 1, BINS + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if weights[inside].sum() > 0:
            gap = np.average(right[inside], weights=weights[inside]) - np.average(confidence[inside], weights=weights[inside])
            error += abs(gap) * weights[inside].sum()
    return error / weights.sum()


def classification(rng, samples, classes, weighted, k):
    labels = rng.integers(0, classes, samples)
    logits = rng.normal(size=(samples, classes)) + 1.2 * np.eye(classes)[labels]
    # Rounded, so that some scores are tied.
    probabilities = np.round(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), 2) + 1e-3
    probabilities /= probabilities.sum(1, keepdims=True)
    weights = np.round(rng.uniform(0, 2, samples), 2) if weighted else np.ones(samples)
    said = probabilities.argmax(1)
    if classes == 2:
        yes, scores = labels, probabilities[:, 1]
    else:
        yes, scores = label_binarize(labels, classes=range(classes)), probabilities
    expected = {
        "accuracy": sk.accuracy_score(labels, said, sample_weight=weights),
        **averages(labels, said, weights),
        "rocAuc": sk.roc_auc_score(yes, scores, average="macro", sample_weight=weights),
        "averagePrecision": sk.average_precision_score(yes, scores, average="macro", sample_weight=weights),
        "logLoss": sk.log_loss(labels, probabilities, labels=range(classes), sample_weight=weights),
        "calibrationError": calibration(said == labels, probabilities.max(1), weights),
    }
    if k < classes:
        expected[f"top{k}Accuracy"] = sk.top_k_accuracy_score(
            labels, probabilities - 1e-9 * np.arange(classes), k=k, labels=range(classes), sample_weight=weights
        )
    return {
        "classes": classes,
        "k": k,
        "labels": labels.tolist(),
        "probabilities": probabilities.ravel().tolist(),
        "weights": weights.tolist() if weighted else None,
        "expected": expected,
        "confusion": sk.confusion_matrix(labels, said, labels=range(classes), sample_weight=weights).tolist(),
    }


def multilabel(rng, samples, labels, weighted):
    targets = (rng.uniform(size=(samples, labels)) < 0.4).astype(int)
    probabilities = np.clip(np.round(0.35 + 0.3 * targets + rng.normal(scale=0.25, size=targets.shape), 2), 0.01, 0.99)
    weights = np.round(rng.uniform(0, 2, samples), 2) if weighted else np.ones(samples)
    said = (probabilities >= 0.5).astype(int)
    return {
        "labels": labels,
        "targets": targets.ravel().tolist(),
        "probabilities": probabilities.ravel().tolist(),
        "weights": weights.tolist() if weighted else None,
        "expected": {
            "accuracy": sk.accuracy_score(targets, said, sample_weight=weights),
            "hammingLoss": sk.hamming_loss(targets, said, sample_weight=weights),
            **averages(targets, said, weights),
            "rocAuc": sk.roc_auc_score(targets, probabilities, average="macro", sample_weight=weights),
            "averagePrecision": sk.average_precision_score(targets, probabilities, average="macro", sample_weight=weights),
            "logLoss": np.mean(
                [
                    sk.log_loss(targets[:, label], probabilities[:, label], labels=[0, 1], sample_weight=weights)
                    for label in range(labels)
                ]
            ),
            "calibrationError": calibration(
                (said == targets).ravel(),
                np.where(said == 1, probabilities, 1 - probabilities).ravel(),
                np.repeat(weights, labels),
            ),
        },
    }


def regression(rng, samples, outputs, weighted, quantile):
    targets = rng.normal(3, 2, size=(samples, outputs))
    predictions = targets + rng.normal(scale=0.7, size=targets.shape)
    weights = np.round(rng.uniform(0, 2, samples), 2) if weighted else np.ones(samples)
    return {
        "outputs": outputs,
        "quantile": quantile,
        "targets": targets.ravel().tolist(),
        "predictions": predictions.ravel().tolist(),
        "weights": weights.tolist() if weighted else None,
        "expected": {
            "mse": sk.mean_squared_error(targets, predictions, sample_weight=weights),
            "rmse": sk.root_mean_squared_error(targets, predictions, sample_weight=weights),
            "mae": sk.mean_absolute_error(targets, predictions, sample_weight=weights),
            "r2": sk.r2_score(targets, predictions, sample_weight=weights),
            "pinball": sk.mean_pinball_loss(targets, predictions, alpha=quantile, sample_weight=weights),
        },
    }


def main():
    rng = np.random.default_rng(11)
    vectors = {
        "by": f"scikit-learn {sklearn.__version__}, scripts/vectors/metrics.py",
        "classification": [
            classification(rng, 40, 2, False, 3),
            classification(rng, 40, 2, True, 3),
            classification(rng, 60, 5, False, 3),
            classification(rng, 60, 5, True, 2),
        ],
        "multilabel": [multilabel(rng, 30, 4, False), multilabel(rng, 30, 4, True)],
        "regression": [
            regression(rng, 25, 1, False, 0.5),
            regression(rng, 25, 1, True, 0.9),
            regression(rng, 25, 3, True, 0.1),
        ],
    }
    write("metrics.json", vectors)


if __name__ == "__main__":
    main()
