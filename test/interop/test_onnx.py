"""Exported ONNX files run in Python's onnxruntime on raw columns, and answer what the sidecar answers."""

import csv
import pathlib
import random
import tempfile
import unittest

import numpy
import onnx

from ml_sidecar import Sidecar
from runtime import session_of

TOLERANCE = 1e-5


def feed(session, rows):
    """One array a column, as raw as the rows have them: missing numbers as NaN, missing words as the empty string."""
    arrays = {}
    for put in session.get_inputs():
        column = [row.get(put.name) for row in rows]
        if put.type == "tensor(string)":
            arrays[put.name] = numpy.array([["" if value is None else str(value)] for value in column], dtype=object)
        else:
            arrays[put.name] = numpy.array([[numpy.nan if value is None else float(value)] for value in column], numpy.float32)
    return arrays


def houses(count, seed):
    """Rows of mixed types with gaps: what a host has before anybody prepared it."""
    pick = random.Random(seed)
    rows = []
    for _ in range(count):
        size, kind = pick.uniform(20, 200), pick.choice(["flat", "house", "loft"])
        price = 2 * size + {"flat": 0, "house": 80, "loft": 40}[kind] + pick.gauss(0, 5)
        rows.append({
            "size": None if pick.random() < 0.1 else size,
            "kind": None if pick.random() < 0.1 else kind,
            "floors": pick.randint(1, 4),
            "price": price,
            "dear": "yes" if price > 250 else "no",
        })  # fmt: skip
    return rows


class Exported(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.ml = Sidecar()
        cls.addClassCleanup(cls.ml.close)

    def exported(self, model):
        path = self.folder / f"{model.id}.onnx"
        model.export(path)
        onnx.checker.check_model(onnx.load(path), full_check=True)
        return session_of(path)

    def test_a_classifier_of_tensors_gives_the_same_probabilities(self):
        model = self.ml.create("classification", {"type": "mlp", "hidden": [32], "norm": "batch"}, seed=1)
        x = numpy.random.default_rng(1).normal(size=(200, 6)).astype(numpy.float32)
        model.train((x, (x[:, 0] > x[:, 1]).astype(numpy.int32)), epochs=5, seed=1).wait()
        session = self.exported(model)
        named = session.run(None, {session.get_inputs()[0].name: x[:50]})
        outputs = dict(zip([put.name for put in session.get_outputs()], named))
        expected = model.predict(x[:50])
        numpy.testing.assert_allclose(outputs["probabilities"], expected["probabilities"], atol=TOLERANCE)

    def test_a_classifier_of_a_csv_takes_raw_columns(self):
        columns = ["size", "kind", "floors", "dear"]
        path = self.folder / "houses.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([["" if row[name] is None else row[name] for name in columns] for row in houses(300, 1)])
        model = self.ml.create("classification", {"type": "mlp", "hidden": [16]}, seed=1)
        model.train(path, target="dear", epochs=20, seed=1).wait()
        self.assert_same(model, [{name: row[name] for name in columns[:-1]} for row in houses(60, 2)], "probabilities")

    def test_a_regression_of_rows_takes_raw_columns(self):
        names = ["size", "kind", "floors", "price"]
        model = self.ml.create("regression", {"type": "mlp", "hidden": [16], "norm": "layer"}, seed=1)
        model.train([{name: row[name] for name in names} for row in houses(300, 3)], target="price", epochs=20, seed=1).wait()
        self.assert_same(model, [{name: row[name] for name in names[:-1]} for row in houses(60, 4)], "values", rtol=1e-5)

    def test_a_category_never_seen_is_answered_alike(self):
        rows = [{"kind": "ab"[number % 2], "far": "yes" if number % 2 else "no"} for number in range(40)]
        model = self.ml.create("classification", {"type": "mlp", "hidden": [8]}, seed=1)
        model.train(rows, target="far", epochs=5, seed=1).wait()
        self.assert_same(model, [{"kind": "a"}, {"kind": "never seen"}], "probabilities")

    def assert_same(self, model, rows, output, rtol=0.0):
        session = self.exported(model)
        names = [put.name for put in session.get_outputs()]
        theirs = dict(zip(names, session.run(None, feed(session, rows))))[output]
        ours = model.predict(rows)[output]
        numpy.testing.assert_allclose(theirs.reshape(ours.shape), ours, atol=TOLERANCE, rtol=rtol)
