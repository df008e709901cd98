"""Seeing inside models, and drawing what is seen."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from ml_sidecar import InvalidStateError, Sidecar, Tensor, svg


class Inside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ml = Sidecar(use_numpy=False)
        cls.model = cls.ml.create("classification", {"type": "mlp", "hidden": [8]}, seed=1)
        cls.model.train("iris", epochs=10, seed=1).wait()
        cls.rows = [[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0]]

    @classmethod
    def tearDownClass(cls):
        cls.ml.close()

    def test_a_summary_prints_as_a_table_and_counts_what_the_card_counts(self):
        summary = self.model.summary()
        self.assertIn("backbone", str(summary))
        self.assertEqual(summary["totals"]["parameters"], self.model.card()["parameters"])

    def test_a_new_model_is_summarised_from_the_shapes_given(self):
        new = self.ml.create("classification", "mlp")
        with self.assertRaises(InvalidStateError) as caught:
            new.summary()
        self.assertIn("outputs", caught.exception.hint)
        self.assertEqual(new.summary(input=[4], outputs=3)["output"], ["batch", 3])

    def test_parts_are_inspected_by_layer(self):
        found = self.model.inspect(["weights", "activations"], inputs=self.rows, layers="backbone.layers.0", values=True)
        self.assertEqual([weight["path"] for weight in found["weights"]], ["backbone.layers.0.weight", "backbone.layers.0.bias"])
        self.assertEqual(found["activations"][0]["values"].shape, (2, 8))

    def test_gradients_take_labelled_data(self):
        self.assertGreater(self.model.inspect("gradients", data="iris")["gradients"]["norm"], 0)

    def test_attributions_by_column_add_up(self):
        found = self.model.explain(self.rows, target="setosa", steps=200)
        for row, change in enumerate(found["outputs"]):
            total = sum(column[row] for column in found["attributions"].values())
            self.assertAlmostEqual(total, change - found["baselineOutputs"][row], delta=0.01)
        self.assertEqual(found["targets"], ["setosa", "setosa"])


class Pictures(unittest.TestCase):
    def test_all_are_well_formed_and_have_a_mark_for_each_number(self):
        statistics = {"histogram": {"counts": [1, 4, 2], "edges": [-1.0, 0.0, 1.0, 2.0]}}
        pictures = {
            svg.heat_map(Tensor("F32", [2, 3], [1, -2, 0, 0.5, float("nan"), 2]), title="a < b", rows=["x", "y"]): 6,
            svg.histogram(statistics, title="weights"): 3,
            svg.bars({"age & more": 0.5, "income": -0.25}): 2,
            svg.heat_map([]): 0,
        }
        for picture, marks in pictures.items():
            rects = ElementTree.fromstring(picture).findall("{http://www.w3.org/2000/svg}rect")
            self.assertEqual(len(rects), marks + 1)


class Example(unittest.TestCase):
    def test_it_draws_what_is_inside_a_digit_reader(self):
        root = pathlib.Path(__file__).resolve().parents[3]
        env = {**os.environ, "PYTHONPATH": str(root / "clients" / "python" / "src")}
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, str(root / "examples" / "look_inside.py"), folder]
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
            self.assertEqual(done.returncode, 0, done.stderr)
            drawn = {path.name: ElementTree.parse(path).getroot() for path in pathlib.Path(folder).iterdir()}
        self.assertEqual(sorted(drawn), ["columns.svg", "integrated-gradients.svg", "saliency.svg", "weights.svg"])
        self.assertIn("the pixels explain", done.stdout)


if __name__ == "__main__":
    unittest.main()
