"""Carry on a training where no ml-sidecar is: its step as plain ONNX, run by stock onnxruntime.

    pip install onnxruntime numpy safetensors ./clients/python
    python examples/continue_training.py

The sidecar learns digits for one epoch, and writes its training step: weights and optimizer slots go in and come out, dropout
draws the engine's own random numbers. onnxruntime makes fifty more steps one by one, then fifty in a single run of the loop.
"""

import json
import pathlib
import tempfile

import numpy
import onnxruntime
from safetensors.numpy import load_file

from ml_sidecar import Sidecar

STEPS, BATCH = 50, 32


def export_step(folder):
    """One epoch in the sidecar, then the step as files. Returns the answer of models.export."""
    with Sidecar() as ml:
        model = ml.create("classification", {"type": "mlp", "hidden": [64], "dropout": 0.2}, seed=7)
        model.train("digits", epochs=1, batch_size=BATCH, seed=7).wait()
        return ml.call(
            "models.export",
            model=model.id,
            format="onnx-training",
            path=str(folder / "digits.onnx"),
            training={"batchSize": BATCH, "optimizer": {"type": "adamw", "learningRate": 0.002}, "clipNorm": 1, "seed": 7},
            steps=STEPS,
        )


def read_digits():
    """The first rows of the builtin digits, in batches: pixels and labels."""
    rows = load_file(pathlib.Path(__file__).resolve().parents[1] / "data" / "digits.safetensors")
    images = rows["images"][: STEPS * BATCH].astype(numpy.float32)
    return images.reshape(STEPS, BATCH, -1), rows["labels"][: STEPS * BATCH].astype(numpy.int32).reshape(STEPS, BATCH)


def main():
    features, target = read_digits()
    weight = numpy.ones((STEPS, BATCH), numpy.float32)
    with tempfile.TemporaryDirectory() as name:
        files = export_step(pathlib.Path(name))
        card = json.loads(pathlib.Path(files["card"]).read_text())
        start = load_file(files["states"])
        step = onnxruntime.InferenceSession(files["path"], providers=["CPUExecutionProvider"])
        loop = onnxruntime.InferenceSession(files["loop"], providers=["CPUExecutionProvider"])

    rate = numpy.array(card["learningRate"], numpy.float32)
    states, losses = start, []
    outputs = [output.name for output in step.get_outputs()]
    for x, y, w in zip(features, target, weight):
        feeds = {**states, "features": x, "target": y, "weight": w, "learningRate": rate}
        results = dict(zip(outputs, step.run(None, feeds)))
        losses.append(float(results["loss"]))
        states = {each["name"]: results[each["next"]] for each in card["states"]}
    print(f"{STEPS} steps one by one: loss {losses[0]:.3f} to {losses[-1]:.3f}")

    rates = numpy.full(STEPS, rate, numpy.float32)
    feeds = {**start, "features": features, "target": target, "weight": weight, "learningRate": rates}
    results = dict(zip([output.name for output in loop.get_outputs()], loop.run(None, feeds)))
    same = all(numpy.array_equal(results[each["next"]], states[each["name"]]) for each in card["states"])
    print(f"{STEPS} steps in one run:  loss {results['loss'][0]:.3f} to {results['loss'][-1]:.3f}")
    print(f"the same weights, bit for bit: {same}")


if __name__ == "__main__":
    main()
