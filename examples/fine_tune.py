"""Teach a pretrained network something new: take it in as ONNX, change its head, freeze the rest, train, write it back."""
import pathlib
import tempfile

from ml_sidecar import Sidecar

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "digits.safetensors"


def digits(chosen, most):
    """At most so many images [1, 8, 8] of each chosen digit, with their labels."""
    raw = DATA.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    pixels, labels = raw[start : start + 1797 * 64], raw[start + 1797 * 64 :]
    x, y = [], []
    for index, label in enumerate(labels):
        if label in chosen and y.count(label) < most:
            image = pixels[64 * index : 64 * (index + 1)]
            x.append([[[value / 16 for value in image[8 * row : 8 * row + 8]] for row in range(8)]])
            y.append(label)
    return {"x": x, "y": y}


with Sidecar(use_numpy=False) as ml, tempfile.TemporaryDirectory() as folder:
    pretrained, tuned = f"{folder}/pretrained.onnx", f"{folder}/tuned.onnx"
    # A file to start from: a small CNN that knows 0 to 4. Any ONNX file with one image input would do.
    spec = {"type": "cnn", "blocks": [{"channels": 16, "pool": "max"}, {"channels": 32, "pool": "max"}]}
    first = ml.create("classification", spec, preprocess={"default": "none"}, seed=7)
    first.train(digits(range(5), 150), epochs=10, seed=7).wait()
    ml.call("models.export", model=first.id, format="onnx", path=pretrained)

    answer = ml.call("models.import", format="onnx", path=pretrained, name="pretrained")
    report = answer["report"]
    print(f"imported {report['nodes']} operators, {report['parameters']} parameters; a new head takes {report['features']}")

    model = ml.create("classification", {"type": "onnx", "model": "pretrained"}, seed=7)
    few = digits(range(5, 10), 40)
    result = model.train(few, validation=0.25, epochs=60, freeze="backbone", optimizer={"type": "adam", "learningRate": 0.01}, seed=7).wait()
    accuracy = result["validation"]["metrics"]["accuracy"]
    print(f"5 to 9, from 30 examples of each, the convolutions frozen: {accuracy:.0%} of held-out images right")

    written = ml.call("models.export", model=model.id, format="onnx", path=tuned)
    kept = [each["name"] for each in report["initialisers"] if each["role"] == "parameter" and not each["name"].startswith("head")]
    print(f"wrote opset {written['opset']} as before; onnxruntime differs by {written['verification']['maxAbsDiff']:.0e}")
    print(f"{len(kept)} tensors keep name and bytes: {', '.join(kept[:3])} …")
    assert accuracy > 0.85, "the features of other digits should tell these apart"
