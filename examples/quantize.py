"""A model of digits as 8-bit integers: a third of the file, what that cost layer by layer, and stock onnxruntime to run it.

    pip install onnxruntime numpy ./clients/python
    python examples/quantize.py
"""

import pathlib
import tempfile

import numpy
import onnxruntime

from ml_sidecar import Sidecar


def main():
    with Sidecar() as ml, tempfile.TemporaryDirectory() as folder:
        model = ml.create("classification", {"type": "mlp", "hidden": [256, 128]}, seed=7)
        model.train("digits", validation=0.2, epochs=15, seed=7).wait()
        real = model.export(pathlib.Path(folder) / "digits.onnx")
        for way in ("int8-dynamic", "int8-static"):
            file = model.export(pathlib.Path(folder) / f"{way}.onnx", quantize=way, data="digits")
            report = file["quantization"]
            before, after = (report["metrics"][when]["accuracy"] for when in ("before", "after"))
            print(f"{way}: {real['bytes']} to {file['bytes']} bytes, accuracy {before:.4f} to {after:.4f}")
            for layer in report["layers"]:
                print(f"  {layer['path']:<20} {layer['operator']:<7} {layer['sqnr']:.1f} dB, at most {layer['maxAbsDiff']:.3f} off")
            for layer in report["kept"]:
                print(f"  {layer['path']:<20} stayed real: {layer['reason']}")
            session = onnxruntime.InferenceSession(file["path"], providers=["CPUExecutionProvider"])
            blank = numpy.zeros((1, *session.get_inputs()[0].shape[1:]), numpy.float32)
            print(f"  an empty picture is a {session.run(['label'], {session.get_inputs()[0].name: blank})[0][0]}")
            assert abs(before - after) < 0.01 and file["bytes"] < 0.3 * real["bytes"]


if __name__ == "__main__":
    main()
