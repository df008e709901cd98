"""Quantised files in stock onnxruntime: every kind of model, both modes, three ways to measure ranges, nothing of ours needed to run them."""

import collections
import gzip
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from onnxruntime.quantization.calibrate import create_calibrator
from sklearn.datasets import load_digits

from ml_sidecar import Sidecar, SidecarError
from runtime import session_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
POINT = 0.01  # of accuracy
STATIC = [{"mode": "int8-static", "calibration": {"method": method}} for method in ("minmax", "percentile", "entropy")]
WAYS = ["int8-dynamic", *STATIC]
# those whose weights are most of their file
DIGITS = {
    "mlp": {"type": "mlp", "hidden": [256, 128]},
    "cnn": {"type": "cnn", "blocks": [{"channels": 32}, {"channels": 64}], "hidden": [64]},
    "resnet": {"type": "resnet"},
}
PIXELS, LABELS = load_digits(return_X_y=True)
PIXELS = PIXELS.astype(numpy.float32)


def operators(path):
    return collections.Counter(node.op_type for node in onnx.load(path).graph.node)


class Quantised(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.ml = Sidecar()
        cls.addClassCleanup(cls.ml.close)
        cls.digits = {}
        for name, backbone in DIGITS.items():
            model = cls.ml.create("classification", backbone, seed=1)
            shape = (-1, 64) if name == "mlp" else (-1, 1, 8, 8)
            data = (PIXELS.reshape(shape), LABELS.astype(numpy.int32))
            model.train(data, epochs=3, seed=1).wait()
            cls.digits[name] = (model, data)

    def exported(self, model, name="file", **options):
        result = model.export(self.folder / f"{name}.onnx", **options)
        onnx.checker.check_model(onnx.load(result["path"]), full_check=True)
        return result

    def accuracy(self, path, data):
        own = session_of(path)
        labels = own.run(["label"], {own.get_inputs()[0].name: data[0]})[0]
        return float(numpy.mean(labels == data[1]))

    def test_digits_stay_within_a_point_in_a_third_of_the_file(self):
        for name, (model, data) in self.digits.items():
            real = self.exported(model, f"{name}-real")
            before = self.accuracy(real["path"], data)
            self.assertGreater(before, 0.85)
            for way in WAYS:
                with self.subTest(name, way=way):
                    result = self.exported(model, quantize=way, data=data)
                    self.assertLess(abs(self.accuracy(result["path"], data) - before), POINT)
                    self.assertLessEqual(result["bytes"], 0.3 * real["bytes"])

    def test_the_report_says_what_it_cost(self):
        for name, (model, data) in self.digits.items():
            for way in WAYS:
                with self.subTest(name, way=way):
                    result = self.exported(model, quantize=way, data=data)
                    report = result["quantization"]
                    self.assertEqual(report["bytes"]["after"], result["bytes"])
                    for layer in report["layers"]:
                        self.assertGreater(layer["sqnr"], 15, layer["path"])
                        self.assertGreater(layer["maxAbsDiff"], 0)
                    weights = [put for put in onnx.load(result["path"]).graph.initializer if put.data_type == onnx.TensorProto.INT8]
                    stored = {put.name.removesuffix("/int8") for put in weights}
                    self.assertLessEqual({layer["weight"]["name"] for layer in report["layers"]}, stored)
                    theirs = self.accuracy(result["path"], data)
                    self.assertLess(abs(report["metrics"]["after"]["accuracy"] - theirs), 0.004)
                    self.assertLessEqual(result["verification"]["maxAbsDiff"], result["verification"]["tolerance"])

    def test_onnxruntime_computes_in_integers(self):
        expected = {
            ("mlp", "int8-dynamic"): {"DynamicQuantizeMatMul": 3},
            ("mlp", "int8-static"): {"QGemm": 3, "QuantizeLinear": 1},
            ("cnn", "int8-static"): {"QLinearConv": 2, "QGemm": 2},
            ("resnet", "int8-static"): {"QLinearConv": 7, "QGemm": 1},
        }
        for (name, way), wanted in expected.items():
            with self.subTest(name, way=way):
                model, data = self.digits[name]
                result = self.exported(model, quantize=way, data=data)
                session_of(result["path"], self.folder / "optimised.onnx")
                found = operators(self.folder / "optimised.onnx")
                self.assertEqual({kind: found[kind] for kind in wanted}, wanted)
                self.assertEqual(found["Gemm"] + found["MatMul"], 0)

    def test_weights_have_a_scale_for_each_channel_or_one(self):
        model, data = self.digits["cnn"]
        for each, sizes in ((True, {32, 64, 10}), (False, {1})):
            result = self.exported(model, quantize={"mode": "int8-static", "perChannel": each}, data=data)
            scales = {put.name: numpy_helper.to_array(put) for put in onnx.load(result["path"]).graph.initializer}
            self.assertEqual({scale.size for name, scale in scales.items() if name.endswith("weight/scale")}, sizes)

    def test_activations_may_be_signed(self):
        model, data = self.digits["cnn"]
        result = self.exported(model, quantize={"mode": "int8-static", "activations": "int8"}, data=data)
        self.assertLess(abs(self.accuracy(result["path"], data) - result["quantization"]["metrics"]["before"]["accuracy"]), POINT)

    def test_excluded_layers_stay_as_they_are(self):
        model, data = self.digits["mlp"]
        result = self.exported(model, quantize={"mode": "int8-static", "exclude": ["head"]}, data=data)
        self.assertIn({"path": "head", "operator": "MatMul", "reason": "excluded"}, result["quantization"]["kept"])
        names = [put.name for put in onnx.load(result["path"]).graph.initializer]
        self.assertIn("head.weight", names)

    def test_a_quantised_file_comes_back_in(self):
        model, data = self.digits["cnn"]
        for way in ("int8-dynamic", "int8-static"):
            result = self.exported(model, quantize=way, data=data)
            imported = self.ml.call("models.import", format="onnx", path=result["path"])
            self.assertEqual(imported["report"]["unsupported"], [])
            own = session_of(result["path"])
            theirs = own.run(["probabilities"], {own.get_inputs()[0].name: data[0][:64]})[0]
            answers = self.ml.call("predict", model=imported["model"]["id"], inputs=data[0][:64])
            ours = numpy.array(answers["outputs"]["probabilities"]).reshape(theirs.shape)
            numpy.testing.assert_allclose(ours, theirs, atol=0.03)

    def test_static_without_data_is_refused(self):
        with self.assertRaisesRegex(SidecarError, "data"):
            self.digits["mlp"][0].export(self.folder / "none.onnx", quantize="int8-static")
        self.assertFalse((self.folder / "none.onnx").exists())


def fashion(part, rows):
    """Pictures [rows, 1, 28, 28] and classes of Fashion-MNIST, as Debian packages it."""
    with gzip.open(FASHION / f"{part}-images-idx3-ubyte.gz") as images, gzip.open(FASHION / f"{part}-labels-idx1-ubyte.gz") as labels:
        pixels = numpy.frombuffer(images.read(16 + rows * 784), numpy.uint8, offset=16).reshape(rows, 1, 28, 28)
        return pixels.astype(numpy.float32), numpy.frombuffer(labels.read(8 + rows), numpy.uint8, offset=8).astype(numpy.int32)


@unittest.skipUnless(FASHION.exists(), "Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist")
class Fashion(unittest.TestCase):
    def test_pictures_never_seen_stay_within_a_point(self):
        learned, unseen = fashion("train", 6000), fashion("t10k", 3000)
        backbone = {"type": "cnn", "blocks": [{"channels": 16}, {"channels": 32}], "hidden": [64]}
        with tempfile.TemporaryDirectory() as folder, Sidecar() as ml:
            model = ml.create("classification", backbone, seed=1)
            model.train(learned, epochs=2, seed=1).wait()
            real = model.export(pathlib.Path(folder) / "real.onnx")

            def accuracy(path):
                own = session_of(path)
                return float(numpy.mean(own.run(["label"], {own.get_inputs()[0].name: unseen[0]})[0] == unseen[1]))

            before = accuracy(real["path"])
            self.assertGreater(before, 0.8)
            for way in WAYS:
                with self.subTest(way=way):
                    some = (learned[0][:1000], learned[1][:1000])
                    file = model.export(pathlib.Path(folder) / "integers.onnx", quantize=way, data=some)
                    self.assertLess(before - accuracy(file["path"]), POINT)
                    self.assertLessEqual(file["bytes"], 0.3 * real["bytes"])


class Ranges(unittest.TestCase):
    """Beside the calibrators of onnxruntime itself, on the same file and the same rows."""

    def test_ranges_are_those_of_onnxruntime(self):
        methods = {
            "minmax": (CalibrationMethod.MinMax, {}, {}),
            "percentile": (CalibrationMethod.Percentile, {"percentile": 99.5, "num_bins": 2048, "symmetric": False}, {"percentile": 99.5}),
            "entropy": (CalibrationMethod.Entropy, {"num_bins": 1024, "num_quantized_bins": 64}, {"numBins": 1024, "numQuantizedBins": 64}),
        }
        count = 200
        rows, labels = PIXELS[:count], LABELS[:count].astype(numpy.int32)
        with tempfile.TemporaryDirectory() as folder, Sidecar() as ml:
            model = ml.create("classification", {"type": "mlp", "hidden": [64, 32]}, seed=1)
            model.train((rows, labels), epochs=5, seed=1).wait()
            real = model.export(pathlib.Path(folder) / "real.onnx")["path"]

            class Reader(CalibrationDataReader):
                def __init__(self):
                    self.rows = iter([{"inputs": rows}])

                def get_next(self):
                    return next(self.rows, None)

            for name, (method, theirs, ours) in methods.items():
                with self.subTest(name):
                    augmented = str(pathlib.Path(folder) / "augmented.onnx")
                    calibrator = create_calibrator(real, None, augmented, method, extra_options=theirs)
                    calibrator.collect_data(Reader())
                    measured = calibrator.compute_data()
                    chosen = {"mode": "int8-static", "calibration": {"method": name, "samples": count, **ours}}
                    path = model.export(pathlib.Path(folder) / "q.onnx", quantize=chosen, data=(rows, labels))["path"]
                    graph = onnx.load(path).graph
                    values = {put.name: numpy_helper.to_array(put) for put in graph.initializer}
                    nodes = [node for node in graph.node if node.op_type == "QuantizeLinear"]
                    self.assertEqual(len(nodes), 3)
                    for node in nodes:
                        low, high = (float(numpy.ravel(end)[0]) for end in measured[node.input[0]].range_value)
                        scale = (max(high, 0) - min(low, 0)) / 255
                        self.assertAlmostEqual(float(values[node.input[1]]) / scale, 1, delta=2e-3, msg=node.input[0])
                        self.assertLessEqual(abs(int(values[node.input[2]]) - round(-min(low, 0) / scale)), 1)


def table(rows):
    picks = numpy.random.default_rng(3)
    for size, kind in zip(picks.uniform(20, 200, rows), picks.choice(["flat", "house", "loft"], rows), strict=True):
        yield {"size": float(size), "kind": str(kind), "dear": "yes" if size > 100 + 30 * (kind == "house") else "no"}


def kinds():
    """A little data for each kind of model."""
    random = numpy.random.default_rng(1)
    flat = random.normal(size=(160, 8)).astype(numpy.float32)
    classes = ((flat[:, 0] > 0).astype(numpy.int32) + (flat[:, 1] > 0)).astype(numpy.int32)
    pixels = (random.normal(size=(160, 3, 16, 16)) + classes[:, None, None, None]).astype(numpy.float32)
    steps = (random.normal(size=(160, 12, 4)) + classes[:, None, None] * 0.5).astype(numpy.float32)
    words = ["".join(random.choice(list("abcdef"), 6)) for _ in range(160)]
    classifying = ("classification",)
    yield "table", (*classifying, {"type": "mlp", "hidden": [64]}), (list(table(160)), "dear")
    yield "regression", ("regression", {"type": "mlp", "hidden": [64, 32]}), ((flat, flat[:, 0] * 3), None)
    yield "reconstruction", ("reconstruction", {"type": "mlp", "hidden": [32, 8]}), ({"x": flat}, None)
    yield "mobilenet", (*classifying, {"type": "mobilenet"}), ((pixels[:32], classes[:32]), None)
    yield "vit", (*classifying, {"type": "vit", "patch": 4, "width": 32, "layers": 1, "heads": 2}), ((pixels, classes), None)
    yield "lstm", (*classifying, {"type": "lstm", "hidden": 32}), ((steps, classes), None)
    yield "gru", (*classifying, {"type": "gru", "hidden": 32}), ((steps, classes), None)
    yield "tcn", (*classifying, {"type": "tcn"}), ((steps, classes), None)
    yield "transformer", (*classifying, {"type": "transformer", "width": 32, "heads": 2}), ((steps, classes), None)
    yield "language", ("language", {"type": "transformer", "width": 32, "heads": 2}), ({"text": {"value": " ".join(words)}}, None)
    pairs = [{"text": word, "back": word[::-1]} for word in words]
    yield "seq2seq", ("seq2seq", {"type": "transformer", "width": 32, "heads": 2}), (pairs, "back")


class Kinds(unittest.TestCase):
    def test_every_kind_is_quantised_checked_and_run(self):
        with tempfile.TemporaryDirectory() as folder, Sidecar() as ml:
            for name, (pipeline, backbone), (data, target) in kinds():
                model = ml.create(pipeline, backbone, seed=1)
                model.train(data, target=target, epochs=1, seed=1).wait()
                for way in ("int8-dynamic", "int8-static"):
                    with self.subTest(name, way=way):
                        result = model.export(pathlib.Path(folder) / "file.onnx", quantize=way, data=data, target=target)
                        onnx.checker.check_model(onnx.load(result["path"]), full_check=True)
                        checked = result["verification"]
                        self.assertLessEqual(checked["maxAbsDiff"], checked["tolerance"])
                        self.assertIsNone(result["note"])
                        report = result["quantization"]
                        self.assertGreater(len(report["layers"]), 0)
                        for output in report["outputs"]:
                            self.assertGreater(output.get("agreement", 1), 0.8, output)
                            self.assertGreater(output["sqnr"] or 99, 15, output)

    def test_an_ensemble_is(self):
        with tempfile.TemporaryDirectory() as folder, Sidecar() as ml:
            random = numpy.random.default_rng(1)
            flat = random.normal(size=(160, 8)).astype(numpy.float32)
            data = (flat, (flat[:, 0] > 0).astype(numpy.int32))
            members = []
            for seed in (1, 2):
                model = ml.create("classification", {"type": "mlp", "hidden": [32]}, seed=seed)
                model.train(data, epochs=2, seed=seed).wait()
                members.append(model.id)
            together = ml.call("models.ensemble", models=members)["model"]["id"]
            for way in ("int8-dynamic", "int8-static"):
                self.assertEqual(len(self.quantised(ml, folder, together, way, flat)["layers"]), 4)

    def test_policies_are_that_choose_that_are_continuous_and_that_remember(self):
        random = numpy.random.default_rng(1)
        learned = [("dqn", "CartPole-v1", 4, {}), ("sac", "Pendulum-v1", 3, {}), ("ppo", "CartPole-v1", 4, {"memory": "lstm"})]
        with tempfile.TemporaryDirectory() as folder, Sidecar() as ml:
            for algorithm, environment, width, options in learned:
                run = ml.call("rl.create", algorithm=algorithm, environment={"type": environment}, seed=1, **options)["run"]
                job = ml.call("rl.train", run=run["id"], totalSteps=300)["job"]["id"]
                ml.call("jobs.wait", jobId=job, timeoutMs=60_000)
                observations = random.normal(size=(64, width)).astype(numpy.float32)
                for way in ("int8-dynamic", "int8-static"):
                    with self.subTest(algorithm, way=way):
                        report = self.quantised(ml, folder, run["model"], way, observations)
                        self.assertGreaterEqual(len(report["layers"]), 3)
                        for layer in report["layers"]:
                            self.assertGreater(layer["sqnr"], 15, layer["path"])

    def quantised(self, ml, folder, model, way, rows):
        """Exports, checks, and runs the file in stock onnxruntime. Returns the report."""
        path = str(pathlib.Path(folder) / "file.onnx")
        result = ml.call("models.export", model=model, format="onnx", path=path, quantize=way, data={"x": rows})
        onnx.checker.check_model(onnx.load(path), full_check=True)
        own = session_of(path)
        zeros = {"tensor(float)": numpy.float32, "tensor(bool)": numpy.bool_, "tensor(int32)": numpy.int32, "tensor(int64)": numpy.int64}
        feeds = {
            each.name: numpy.zeros([size if isinstance(size, int) else len(rows) for size in each.shape], zeros[each.type])
            for each in own.get_inputs()
        }
        feeds[own.get_inputs()[0].name] = rows
        self.assertTrue(all(numpy.isfinite(value).all() for value in own.run(None, feeds)))
        self.assertLessEqual(result["verification"]["maxAbsDiff"], result["verification"]["tolerance"])
        return result["quantization"]


class Example(unittest.TestCase):
    def test_the_example_shows_what_it_says(self):
        run = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "quantize.py")], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"int8-static: \d+ to \d+ bytes, accuracy 0\.9\d+ to 0\.9\d+")


if __name__ == "__main__":
    unittest.main()
