"""A training step as plain ONNX: stock onnxruntime carries a training on as our own engine does."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy
import onnx
from safetensors.numpy import load_file

from ml_sidecar import Sidecar
from runtime import session_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS, BATCH = 50, 32

MODELS = {
    "a perceptron with dropout, AdamW and clipping": {
        "backbone": {"type": "mlp", "hidden": [32], "dropout": 0.2},
        "optimizer": {"type": "adamw", "learningRate": 0.002},
        "clipNorm": 1,
    },
    "a convolutional network with batch norm and momentum": {
        "backbone": {"type": "cnn", "blocks": [{"channels": 8, "pool": "max"}], "norm": "batch"},
        "optimizer": {"type": "sgd", "learningRate": 0.01, "momentum": 0.9},
    },
    "an LSTM with NAdam": {
        "backbone": {"type": "lstm", "hidden": 12},
        "optimizer": {"type": "nadam", "learningRate": 0.002},
    },
    # Not Adam: the keys' bias has no slope but rounding, which Adam and its like would blow up on both sides.
    "a transformer with Nesterov's momentum": {
        "backbone": {"type": "transformer", "width": 16, "layers": 1, "heads": 2},
        "optimizer": {"type": "sgd", "learningRate": 0.01, "momentum": 0.9, "nesterov": True},
        "clipValue": 0.5,
    },
}


def rows_for(backbone):
    """Digits in the order of the file, as images, as sequences of rows, or flat."""
    data = load_file(ROOT / "data" / "digits.safetensors")
    images = data["images"][: STEPS * BATCH].astype(numpy.float32) / 16
    shapes = {"mlp": (64,), "cnn": (1, 8, 8)}
    return images.reshape(STEPS * BATCH, *shapes.get(backbone["type"], (8, 8))), data["labels"][: STEPS * BATCH]


def run(session, feeds):
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feeds), strict=True))


class Continued(unittest.TestCase):
    def carry_on(self, ml, options):
        """Trains a little, exports the step, and lets both sides make fifty more. Returns all that came of it."""
        backbone, training = options["backbone"], {key: value for key, value in options.items() if key != "backbone"}
        x, y = rows_for(backbone)
        data = {"x": x.tolist(), "y": y.tolist()}
        model = ml.create("classification", backbone, seed=5)
        model.train(data, epochs=1, batch_size=BATCH, seed=5).wait()
        training |= {"batchSize": BATCH, "seed": 11}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = str(pathlib.Path(folder.name) / "step.onnx")
        files = ml.call("models.export", model=model.id, format="onnx-training", path=path, training=training, steps=STEPS)
        ours = ml.call("train.start", model=model.id, data=data, epochs=1, shuffle=False, **training)
        ml.call("jobs.wait", jobId=ours["job"]["id"], timeoutMs=120_000)
        weights = load_file(ml.call("models.export", model=model.id, format="safetensors")["path"])
        return files, x, y, weights

    def feeds_of(self, card, x, y):
        stacked = {
            "features": x.reshape(STEPS, BATCH, -1),
            "target": y.astype(numpy.int32).reshape(STEPS, BATCH),
            "weight": numpy.ones((STEPS, BATCH), numpy.float32),
            "learningRate": numpy.full(STEPS, card["learningRate"], numpy.float32),
        }
        return {each["name"]: stacked[each["name"]] for each in card["inputs"]}

    def test_fifty_steps_equal_our_engines_and_the_loop_equals_the_steps_bit_for_bit(self):
        with Sidecar() as ml:
            for name, options in MODELS.items():
                with self.subTest(name):
                    files, x, y, weights = self.carry_on(ml, options)
                    card = json.loads(pathlib.Path(files["card"]).read_text())
                    start = load_file(files["states"])
                    feeds = self.feeds_of(card, x, y)
                    step = session_of(files["path"])
                    states, losses = start, []
                    for index in range(STEPS):
                        results = run(step, {**states, **{key: numpy.asarray(value[index]) for key, value in feeds.items()}})
                        losses.append(results["loss"])
                        states = {each["name"]: results[each["next"]] for each in card["states"]}
                    for path, value in weights.items():
                        scale = max(1, float(numpy.abs(value).max()))
                        worst = float(numpy.abs(states[path] - value).max())
                        self.assertLess(worst, 1e-4 * scale, f"{name}: {path}")
                    self.assertFalse(all(numpy.array_equal(start[path], weights[path]) for path in weights))

                    loop = session_of(files["loop"])
                    results = run(loop, {**start, **feeds})
                    self.assertEqual(list(results["loss"]), losses)
                    for each in card["states"]:
                        numpy.testing.assert_array_equal(results[each["next"]], states[each["name"]], each["name"])

    def test_both_files_pass_the_checker_and_hold_no_operator_of_a_domain_of_their_own(self):
        with Sidecar() as ml:
            files, *_ = self.carry_on(ml, MODELS["a convolutional network with batch norm and momentum"])
            for key in ("path", "loop"):
                model = onnx.load(files[key])
                onnx.checker.check_model(model, full_check=True)
                self.assertEqual([each.domain for each in model.opset_import], [""])

    def test_the_example_says_that_loop_and_steps_agree(self):
        example = [sys.executable, str(ROOT / "examples" / "continue_training.py")]
        told = subprocess.run(example, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300).stdout
        self.assertIn("the same weights, bit for bit: True", told)


if __name__ == "__main__":
    unittest.main()
