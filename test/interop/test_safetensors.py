"""A saved model's weights, read by the safetensors library."""

import json
import pathlib
import tempfile
import unittest

import numpy
from safetensors import safe_open

from ml_sidecar import Sidecar


class SavedModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name) / "iris"
        with Sidecar() as ml:
            model = ml.create("classification", {"type": "mlp", "hidden": [16, 8], "norm": "batch"}, seed=3)
            model.train("iris", epochs=10, seed=3).wait()
            model.save(cls.folder)
            cls.parameters = model.card()["parameters"]
            cls.exported = pathlib.Path(folder.name) / "iris.safetensors"
            model.export(cls.exported, format="safetensors")

    def tensors(self, path):
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}

    def test_every_tensor_is_read_as_finite_float32(self):
        for name, tensor in self.tensors(self.folder / "weights.safetensors").items():
            with self.subTest(name):
                self.assertEqual(tensor.dtype, numpy.float32)
                self.assertTrue(numpy.isfinite(tensor).all())

    def test_the_parameters_that_the_card_counts_are_there(self):
        tensors = self.tensors(self.folder / "weights.safetensors")
        buffers = sum(tensor.size for name, tensor in tensors.items() if "running" in name)
        self.assertEqual(sum(tensor.size for tensor in tensors.values()) - buffers, self.parameters)

    def test_an_export_holds_the_same_tensors(self):
        saved, exported = self.tensors(self.folder / "weights.safetensors"), self.tensors(self.exported)
        self.assertEqual(saved.keys(), exported.keys())
        for name in saved:
            numpy.testing.assert_array_equal(saved[name], exported[name])

    def test_the_model_beside_it_is_json(self):
        json.loads((self.folder / "model.json").read_text(encoding="utf-8"))
